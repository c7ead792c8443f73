"""Random weights under which texts differ as they do in a trained model.

Linear weights have a standard deviation of 1.5 / sqrt(fan-in), word embeddings of 1, everything else of
0.3 (around 1 for LayerNorm's gain, around 0 otherwise). At the usual 0.02 all vectors look alike and hide
errors. The draws are numpy's, from a seed per tensor, so they do not depend on torch's version.
"""

import numpy as np
import torch


def fill(model: torch.nn.Module, seed: int) -> None:
    kinds = {}
    for name, module in model.named_modules():
        for parameter_name, _ in module.named_parameters(recurse=False):
            kinds[f"{name}.{parameter_name}".lstrip(".")] = module
    with torch.no_grad():
        for index, (name, parameter) in enumerate(model.named_parameters()):
            module = kinds[name]
            draws = np.random.default_rng([seed, index]).standard_normal(tuple(parameter.shape), dtype=np.float32)
            values = torch.from_numpy(draws)
            if isinstance(module, torch.nn.Linear) and parameter.ndim == 2:
                values *= 1.5 / parameter.shape[1] ** 0.5
            elif "word_embeddings" in name:
                pass
            elif isinstance(module, torch.nn.LayerNorm) and name.endswith("weight"):
                values = 1 + 0.3 * values
            else:
                values *= 0.3
            parameter.copy_(values)
