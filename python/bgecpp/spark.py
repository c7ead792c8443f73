"""Vectors in Spark: an Arrow-based pandas UDF, with one engine in each executor's Python process.

    from bgecpp.spark import encode_udf
    df = df.withColumn("vector", encode_udf("BAAI/bge-small-en-v1.5")("text"))
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, Literal


def encode_udf(
    model: str,
    *,
    role: Literal["query", "document"] | None = None,
    instruction: str | None = None,
    normalize: bool = True,
    max_length: int | None = None,
    truncate_dim: int | None = None,
    dtype: str = "default",
    threads: int | None = None,
    packed_cache: str | None = None,
) -> Any:
    """A pandas UDF from a column of strings to one of arrays of floats, in which a null gives a null.

    Each Python worker loads the model once. threads: None, as many as the task has cores (spark.task.cpus). With
    `packed_cache`, a folder on each host, all workers of a host share one copy of the weights; None is a folder of
    the user's in the system's temporary directory, "" keeps nothing. The model is a directory that each host has, or
    a name on the hub."""
    from pyspark.sql.functions import pandas_udf
    from pyspark.sql.types import ArrayType, FloatType

    def encode(batches: Iterator[Any]) -> Iterator[Any]:
        import pandas

        from bgecpp._shared_model import embedder

        # Of the worker's user and host, which need not be the driver's.
        cache = packed_cache if packed_cache is not None else default_packed_cache()
        loaded = embedder(model, dtype=dtype, threads=threads or task_cores(), packed_cache=cache)
        for batch in batches:
            present = batch[batch.notna()]
            vectors = loaded.encode(
                present.tolist(),
                role=role,
                instruction=instruction,
                normalize=normalize,
                max_length=max_length,
                truncate_dim=truncate_dim,
            )
            yield pandas.Series(list(vectors), index=present.index, dtype=object).reindex(batch.index, fill_value=None)

    # Spark reads the types of a UDF from its annotations, which are strings here.
    encode.__annotations__ = {"batches": Iterator[_series()], "return": Iterator[_series()]}  # type: ignore[misc]
    return pandas_udf(encode, ArrayType(FloatType()))


def default_packed_cache() -> str:
    """A folder of this user alone, on this host, where packed weights may lie."""
    import tempfile

    folder = os.path.join(tempfile.gettempdir(), f"bgecpp-{os.getuid()}")
    try:
        os.mkdir(folder, mode=0o700)
    except FileExistsError:
        pass
    # Weights are mapped from there: nobody else may have made it, or may write to it.
    found = os.lstat(folder)
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and found.st_mode & 0o022 == 0
    return folder if private else ""


def task_cores() -> int:
    """The cores of the Spark task that this runs in; 1 outside of one."""
    try:
        from pyspark import TaskContext
    except ImportError:
        return 1
    context = TaskContext.get()
    return max(1, context.cpus()) if context is not None else 1


def _series() -> Any:
    import pandas

    return pandas.Series
