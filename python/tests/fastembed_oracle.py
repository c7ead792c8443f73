"""Directories that FastEmbed itself loads: a model's tokenizer files and an ONNX graph of it, made with torch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "config.json", "special_tokens_map.json")


def export(model_dir: Path, out: Path, kind: str, file: str) -> Path:
    """`out` with the graph at `file`. kind: hidden, mlm, colbert, logits."""
    (out / file).parent.mkdir(parents=True, exist_ok=True)
    for name in _TOKENIZER_FILES:
        if (model_dir / name).exists():
            shutil.copy(model_dir / name, out / name)
    module = _Graph(model_dir, kind).eval()
    ids = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    if module.takes_types:
        inputs["token_type_ids"] = torch.zeros_like(ids)
    axes = {name: {0: "batch", 1: "tokens"} for name in inputs}
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        str(out / file),
        input_names=list(inputs),
        output_names=["output"],
        dynamic_axes={**axes, "output": {0: "batch"} if kind == "logits" else {0: "batch", 1: "tokens"}},
        dynamo=False,
    )
    return out


class _Graph(torch.nn.Module):
    def __init__(self, model_dir: Path, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.takes_types = kind != "colbert" and json.loads((model_dir / "config.json").read_text())["model_type"] == "bert"
        settings = {"attn_implementation": "eager"}
        auto = {
            "mlm": transformers.AutoModelForMaskedLM,
            "logits": transformers.AutoModelForSequenceClassification,
        }.get(kind, transformers.AutoModel)
        if kind == "colbert":
            from safetensors.torch import load_file

            weights = load_file(model_dir / "model.safetensors")
            config = transformers.AutoConfig.from_pretrained(model_dir, **settings)
            self.model = transformers.AutoModel.from_config(config)
            own = {k.removeprefix("bert."): v for k, v in weights.items() if k.startswith("bert.")}
            missing, _ = self.model.load_state_dict(own, strict=False)
            assert all("pooler" in k or "position_ids" in k for k in missing), missing
            self.projection = weights["linear.weight"]
        else:
            self.model = auto.from_pretrained(model_dir, **settings)

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self.takes_types:
            inputs["token_type_ids"] = token_type_ids
        result = self.model(**inputs)
        if self.kind in ("mlm", "logits"):
            return result.logits
        if self.kind == "colbert":
            return torch.nn.functional.normalize(result.last_hidden_state @ self.projection.T, dim=-1)
        return result.last_hidden_state
