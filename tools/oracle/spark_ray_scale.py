"""bgecpp in a local Spark and a local Ray: equal to one process, how much faster with two workers, one copy of the weights.

    PYTHONPATH=python python tools/oracle/spark_ray_scale.py [--model DIR] [--n 100000] [--passes 2] [--only spark|ray]
                                                             [--least 1.8]

Needs pyspark (with a Java) or ray, pyarrow and pandas; what is absent is said and left out. Each run encodes N short
texts with one worker of one thread, then with two; times are of the last pass over the data, of two by default, workers warm.
Ray starts its own for each pass: its times are given with that, and from the first text given to a worker to the last vector.
PSS is each worker's share of the mapped packed weights (from /proc/PID/smaps): with one copy for all, two workers
have half of it each.

The exit status is 1 where a vector differs from one process's by more than 1e-6, where two workers are less than
--least times as fast as one (Ray's from the first text given to a worker), or where they do not share one copy: a
worker's PSS is above 0.6 of what is resident of the weights in it, or there are not two of them.
"""

import argparse
import glob
import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bgecpp import Embedder

LIMIT = 1e-6
SHARE = 0.6  # of the resident weights: half with two workers on one copy, and something for the moment of the measurement


def weights_of(pid: int, cache: str) -> tuple[float, float]:
    """PSS and RSS in MB of what a process maps of the packed cache's files; zeros of a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    pss = rss = 0
    inside = False
    for line in lines:
        if "-" in line.split(" ", 1)[0] and ":" not in line.split(" ", 1)[0]:
            inside = cache in line
        elif inside and line.startswith("Pss:"):
            pss += int(line.split()[1])
        elif inside and line.startswith("Rss:"):
            rss += int(line.split()[1])
    return pss / 1024, rss / 1024


def weights_of_all(cache: str) -> list[tuple[int, float, float]]:
    """(pid, PSS, RSS) of each other process that maps any."""
    pids = {int(folder.split("/")[2]) for folder in glob.glob("/proc/[0-9]*")} - {os.getpid()}
    found = [(pid, *weights_of(pid, cache)) for pid in sorted(pids)]
    return [row for row in found if row[2] > 0]


def faster(name: str, times: dict[int, float]) -> str:
    return f"{name}: 1 worker {times[1]:.2f} s, 2 workers {times[2]:.2f} s: {times[1] / times[2]:.2f} times as fast"


def report(name: str, times: dict[int, float], worst: float, pss: list, least: float) -> bool:
    """Whether all is as the head of this file says; what is not is printed."""
    print(f"{faster(name, times)}; largest difference from one process {worst:.1e}")
    for pid, share, resident in pss:
        print(f"  worker {pid}: weights resident {resident:.1f} MB, share (PSS) {share:.1f} MB")
    faults = []
    if not worst <= LIMIT:
        faults.append(f"vectors differ by {worst:.1e} from one process's, above {LIMIT:g}")
    if times[1] < least * times[2]:
        faults.append(f"two workers are {times[1] / times[2]:.2f} times as fast as one, less than {least:g}")
    if len(pss) < 2:
        faults.append(f"found {len(pss)} workers that map the packed weights, expected 2")
    for pid, share, resident in pss:
        if share > SHARE * resident:
            faults.append(f"worker {pid} has {share / resident:.2f} of the weights to itself, above {SHARE:g}: not one copy for both")
    for fault in faults:
        print(f"  FAILED {name}: {fault}")
    return not faults


def run_spark(model: str, texts: list[str], expected: np.ndarray, cache: str, arguments: argparse.Namespace) -> bool:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    from bgecpp.spark import encode_udf

    times, worst, pss = {}, 0.0, []
    for workers in (1, 2):
        spark = (SparkSession.builder.master(f"local[{workers}]").appName("bgecpp")
                 .config("spark.sql.execution.arrow.maxRecordsPerBatch", "2000")
                 .config("spark.ui.enabled", "false").config("spark.driver.memory", "2g").getOrCreate())
        spark.sparkContext.setLogLevel("ERROR")
        import pandas

        frame = spark.createDataFrame(pandas.DataFrame({"id": range(len(texts)), "text": texts})).repartition(4).cache()
        frame.count()
        vectors = frame.withColumn("vector", encode_udf(model, packed_cache=cache)("text"))
        for _ in range(arguments.passes):
            begin = time.perf_counter()
            vectors.selectExpr("sum(vector[0])").collect()
            times[workers] = time.perf_counter() - begin
        if workers == 2:
            pss = weights_of_all(cache)
            found = vectors.orderBy("id").toPandas()["vector"]
            worst = float(np.abs(np.stack(found.to_list()) - expected).max())
        spark.stop()
    return report("Spark", times, worst, pss, arguments.least)


def run_ray(model: str, texts: list[str], expected: np.ndarray, cache: str, arguments: argparse.Namespace) -> bool:
    import ray

    from bgecpp.ray import Encode

    class Timed(Encode):
        """With columns of each batch's beginning and end, and of the worker's share of the weights then."""

        def __call__(self, batch):
            import pyarrow

            begin = time.time()
            batch = super().__call__(batch)
            share, resident = weights_of(os.getpid(), cache)
            columns = {"begin": begin, "end": time.time(), "pid": os.getpid(), "pss": share, "rss": resident}
            for name, value in columns.items():
                batch = batch.append_column(name, pyarrow.array(np.full(len(batch), value)))
            return batch

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    times, busy, worst, pss = {}, {}, 0.0, []
    data = ray.data.from_items([{"id": i, "text": text} for i, text in enumerate(texts)]).repartition(32).materialize()
    for workers in (1, 2):
        mapped = data.map_batches(Timed, fn_constructor_args=(model,), fn_constructor_kwargs={"packed_cache": cache},
                                  concurrency=workers, num_cpus=1, batch_size=2000, batch_format="pyarrow")
        for _ in range(arguments.passes):
            begin = time.perf_counter()
            whole = mapped.materialize()
            times[workers] = time.perf_counter() - begin
            busy[workers] = whole.max("end") - whole.min("begin")
        if workers == 2:
            rows = sorted(whole.take_all(), key=lambda row: row["id"])
            # Of each worker's batches those while the other was there too.
            both = {row["pid"]: row for row in sorted(rows, key=lambda row: -row["pss"])}
            pss = [(pid, row["pss"], row["rss"]) for pid, row in both.items()]
            worst = float(np.abs(np.stack([row["vector"] for row in rows]) - expected).max())
    ray.shutdown()
    print(faster("Ray, the start of its workers included", times))
    return report("Ray, its workers started", busy, worst, pss, arguments.least)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(Path(__file__).resolve().parents[2] / "tests/data/models/tiny-bert"))
    parser.add_argument("--n", type=int, default=100000)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--only", choices=["spark", "ray"])
    parser.add_argument("--least", type=float, default=1.8, help="how many times as fast two workers are to be as one")
    arguments = parser.parse_args()
    texts = [f"passage {i} of a corpus about topic {i % 977}, with a few more words to read" for i in range(arguments.n)]
    expected = Embedder(arguments.model).encode(texts)
    runs = {"spark": ("pyspark", run_spark), "ray": ("ray", run_ray)}
    fine = True
    for name, (package, run) in runs.items():
        if arguments.only not in (None, name):
            continue
        if importlib.util.find_spec(package) is None:
            print(f"{name}: left out, {package} is not installed")
            continue
        with tempfile.TemporaryDirectory(prefix="bgecpp-scale-") as cache:
            fine = run(arguments.model, texts, expected, cache, arguments) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
