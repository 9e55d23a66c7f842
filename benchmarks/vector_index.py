"""How long a million vectors take to be indexed and searched, in how much memory, and how much is found.

    python -m benchmarks.vector_index [--vectors 1000000] [--dimension 128] [--output results/bench/vector_index.json]

Generates unit vectors around centres, 50 to each on average, so that every vector has near ones, and a document for
each; queries are drawn in the same way. Adds them to a store of files block by block as `isogloss index` does (a block
is what it encodes at a time), opens the store again and searches it exactly and approximately: one query after the
other, and all at once. Each of the three has a process of its own, whose peak memory counts the mapped pages too.

On fewer vectors, of the same kind and with 5 around a centre, the approximate index is compared with a graph (HNSW):
seconds to build, milliseconds of a query and recall@10.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.files import write_atomic
from isogloss.records import Document
from isogloss.retrieval._exact_search import Block, nearest_rows
from isogloss.retrieval._index_facts import BLOCK
from isogloss.retrieval.stores import _approximate, files
from isogloss.retrieval.vector_store import Shape

AROUND = 50  # vectors of a centre, on average
FEW_AROUND = 5  # fewer than the neighbours that are asked for: the others are anywhere
SPREAD = 0.6  # of the noise, where a centre's numbers have 1
K = 10
GOAL_MB = 4096  # peak memory
ONE_BY_ONE = {"exact": 20, "approximate": 500}  # queries
PRECISION = "float32"


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--compared", type=int, default=100_000, help="vectors that the graph is tried with")
    parser.add_argument("--folder", type=Path, help="where the index goes; a temporary folder by default")
    parser.add_argument("--quick", action="store_true", help="20,000 vectors, to see that it runs")
    parser.add_argument("--phase", choices=PHASES, help="of a process of its own")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.vectors, given.compared, given.queries = 20_000, 5_000, 50
    run_guarded(lambda: print(json.dumps(PHASES[given.phase](given))) if given.phase else measure(given))


def measure(given: argparse.Namespace) -> None:
    """Measure every phase, print a line for each, and write all to the output."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "index"
        found = {name: apart(name, given, folder) for name in PHASES}
        found["exact"].pop("found")
    about = {"vectors": given.vectors, "dimension": given.dimension, "precision": PRECISION, "queries": given.queries}
    peak_mb = max(phase["peak_MB"] for name, phase in found.items() if name != "alternatives")
    print(f"at most {peak_mb:.0f} MB (goal: {GOAL_MB})")
    if given.output:
        content = rounded({**about, "K": K, "block": BLOCK, **found}) | circumstances()
        write_atomic(given.output, json.dumps(content, indent=1) + "\n")


def apart(phase: str, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """What a phase finds in a process of its own; told, too."""
    words = [f"--{name}={getattr(given, name)}" for name in ("vectors", "dimension", "queries", "compared")]
    command = [sys.executable, "-m", "benchmarks.vector_index", f"--phase={phase}", f"--folder={folder}", *words]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    shown = {name: value for name, value in found.items() if isinstance(value, int | float | str)}
    print(f"{phase}: " + ", ".join(f"{name} {value:,.4g}" for name, value in shown.items()), flush=True)
    return found


def build(given: argparse.Namespace) -> dict[str, Any]:
    """Seconds to add all vectors and to build the approximate index, what that is, and the size on disk."""
    made = Draws(given)
    store = files.create("", given.folder, Shape("benchmark", given.dimension, PRECISION))
    store.approximate_from = min(files.APPROXIMATE_FROM, given.vectors)
    started, drawing = time.monotonic(), 0.0
    for first in range(0, given.vectors, BLOCK):
        began = time.monotonic()
        vectors = made.vectors(min(BLOCK, given.vectors - first))
        documents = [
            Document(
                id=f"d{i}", language="en", text=f"Document {i} of {given.vectors}, with some words beside its number."
            )
            for i in range(first, first + len(vectors))
        ]
        drawing += time.monotonic() - began
        store.known([document.id for document in documents])  # as `isogloss index` asks before it encodes
        store.add(documents, vectors)
    added = time.monotonic() - started - drawing
    store.commit()
    total = time.monotonic() - started - drawing
    size = sum(path.stat().st_size for path in given.folder.rglob("*") if path.is_file())
    lists = store.state.lists or {}
    return {
        "seconds_adding": added,
        "seconds_lists": total - added,
        "vectors_per_second": given.vectors / total,
        "lists": lists["lists"],
        "probes": lists["probes"],
        "recall_at_build": lists["recall"],
        "disk_MB": size / 1e6,
        "peak_MB": peak(),
    }


def exact(given: argparse.Namespace) -> dict[str, Any]:
    """Queries a second compared with all vectors, and what they find, which is kept for the other search."""
    found = searched(given, "exact")
    np.save(given.folder.with_name("exact.npy"), np.array(found["found"]))
    return found | {"found": []}


def approximate(given: argparse.Namespace) -> dict[str, Any]:
    """Queries a second through the approximate index, and the share of the exact answers that they find."""
    found = searched(given, "approximate")
    right = np.load(given.folder.with_name("exact.npy"))
    shared = [len(set(a) & set(b)) for a, b in zip(found.pop("found"), right.tolist(), strict=True)]
    return {"recall": sum(shared) / right.size, **found}


def searched(given: argparse.Namespace, how: str) -> dict[str, Any]:
    """Seconds to open the store, queries a second and the ids that were found."""
    queries = Draws(given, seed=2).vectors(given.queries)
    started = time.monotonic()
    store = files.Files(given.folder)
    opened = time.monotonic()
    store.search(queries[:1], K, exact=how == "exact")  # the first one waits for the disk
    warm = time.monotonic()
    few = queries[: ONE_BY_ONE[how]]
    for query in few:
        store.search(query[None], K, exact=how == "exact")
    singly = time.monotonic()
    hits = store.search(queries, K, exact=how == "exact")
    ended = time.monotonic()
    return {
        "seconds_to_open": opened - started,
        "seconds_of_first": warm - opened,
        "queries_per_second_one_by_one": len(few) / (singly - warm),
        "queries_per_second_together": len(queries) / (ended - singly),
        "peak_MB": peak(),
        "found": [[hit.document.id for hit in each] for each in hits],
    }


def alternatives(given: argparse.Namespace) -> dict[str, Any]:
    """Our lists beside graphs, on vectors that are in memory: how long each takes, and what it finds."""
    rows = []
    for around in (AROUND, FEW_AROUND):
        fewer = argparse.Namespace(vectors=given.compared, dimension=given.dimension)
        vectors = np.concatenate(list(Draws(fewer, around=around).blocks(given.compared)))
        queries = Draws(fewer, seed=2, around=around).vectors(given.queries)
        rows += [
            {"around": around, **row} for row in _compared(vectors, queries, given.folder.with_name("lists.faiss"))
        ]
    return {"vectors": given.compared, "tried": rows, "peak_MB": peak()}


def _compared(vectors: np.ndarray, queries: np.ndarray, path: Path) -> list[dict[str, Any]]:
    library = _approximate.faiss()
    blocks = [Block(first, vectors[first : first + BLOCK], None) for first in range(0, len(vectors), BLOCK)]
    right = [found.rows for found in nearest_rows(queries, blocks, K, lambda rows: vectors[rows])]
    started = time.monotonic()
    sample = vectors[np.random.default_rng(1).permutation(len(vectors))[: _approximate.sample_size(len(vectors))]]
    lists = _approximate.build(path, len(vectors), sample, blocks)
    built = time.monotonic() - started
    rows = [_tried("lists", built, "probes", lists, queries, right, value) for value in (16, 64, 256)]
    started = time.monotonic()
    graph = library.IndexHNSWFlat(vectors.shape[1], 16, library.METRIC_INNER_PRODUCT)
    graph.add(vectors)
    built = time.monotonic() - started
    return rows + [_tried("graph", built, "ef", graph, queries, right, value) for value in (16, 64, 256)]


def _tried(
    name: str, seconds: float, knob: str, index: Any, queries: np.ndarray, right: list[np.ndarray], value: int
) -> dict[str, Any]:
    library = _approximate.faiss()
    how = (
        library.SearchParametersIVF(nprobe=value) if knob == "probes" else library.SearchParametersHNSW(efSearch=value)
    )
    started = time.monotonic()
    found = index.search(queries, K, params=how)[1]
    taken = time.monotonic() - started
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(right, found, strict=True)])
    row = {"index": name, knob: value, "seconds_to_build": seconds, "ms_per_query": 1000 * taken / len(queries)}
    return row | {"recall": float(recall)}


class Draws:
    """Unit vectors around centres that are always the same."""

    def __init__(self, given: argparse.Namespace, seed: int = 1, around: int = AROUND):
        shape = (max(1, given.vectors // around), given.dimension)
        self.centres = np.random.default_rng(0).standard_normal(shape, np.float32)
        self.random = np.random.default_rng(seed)

    def vectors(self, count: int) -> np.ndarray:
        """The next ones."""
        which = self.random.integers(len(self.centres), size=count)
        noise = self.random.standard_normal((count, self.centres.shape[1]), np.float32)
        found = self.centres[which] + SPREAD * noise
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """So many, block by block."""
        for first in range(0, count, BLOCK):
            yield self.vectors(min(BLOCK, count - first))


def peak() -> float:
    """The peak memory of this process in MB, mapped pages included."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


PHASES = {"build": build, "exact": exact, "approximate": approximate, "alternatives": alternatives}

if __name__ == "__main__":
    main()
