"""Vectors in Ray Data: a class for map_batches, with one engine in each actor.

    dataset.map_batches(bgecpp.ray.Encode, fn_constructor_args=("BAAI/bge-small-en-v1.5",), concurrency=2,
                        num_cpus=1, batch_format="pyarrow")
"""

from __future__ import annotations

from typing import Any

from bgecpp import native
from bgecpp.spark import default_packed_cache


class Encode:
    """Adds a column of vectors to each batch: a pyarrow Table or a dict of arrays, as batch_format says.

    threads: None, as many as the actor has CPUs. packed_cache as bgecpp.spark.encode_udf: actors of one host share
    one copy of the weights. Further options are those of Embedder.encode."""

    def __init__(
        self,
        model: str,
        column: str = "text",
        output: str = "vector",
        *,
        dtype: str = "default",
        threads: int | None = None,
        packed_cache: str | None = None,
        **options: Any,
    ):
        self.column = column
        self.output = output
        self.options = options
        self.model = native.Embedder(
            model,
            dtype=dtype,
            threads=threads or actor_cpus(),
            packed_cache=default_packed_cache() if packed_cache is None else packed_cache,
        )

    def __call__(self, batch: Any) -> Any:
        vectors = self.model.encode(batch[self.column], **self.options)
        if isinstance(batch, dict):
            return {**batch, self.output: vectors}
        if hasattr(batch, "append_column"):
            from bgecpp.arrow import fixed_size_list

            return batch.append_column(self.output, fixed_size_list(vectors))
        return batch.assign(**{self.output: list(vectors)})


def actor_cpus() -> int:
    """The CPUs of the Ray actor that this runs in; 1 outside of one."""
    try:
        import ray
    except ImportError:
        return 1
    if not ray.is_initialized():
        return 1
    found = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)
    return max(1, int(found))
