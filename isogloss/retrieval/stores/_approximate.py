"""Approximate search: faiss's inverted lists in half precision, mapped from a file, with their recall measured.

Lists and not a graph (HNSW), by measurement (docs/retrieval.md): both find about as much in equal time, but lists are
built two to four times as fast, need half of the memory, and are read from a mapped file.

Letters: Q queries, D documents, H hidden size.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import UserError
from isogloss.retrieval._exact_search import Block
from isogloss.retrieval.stores._segment import on_disk

SAMPLED = 40  # vectors for each list that k-means looks at
ROUNDS = 8  # of k-means
QUERIES = 200  # documents that recall is measured with
K = 10
GOAL = 0.99  # recall@10 on these that decides how many lists are looked at
LEAST = (
    16  # lists that are looked at in any case: a query may lie farther from the documents than these from each other
)


@dataclass(frozen=True, slots=True)
class Lists:
    """What the manifest says of the lists that were built."""

    file: str
    rows: int  # of the store, from the first one on; those that came later are searched exactly
    lists: int
    probes: int  # lists that a query looks at
    recall: float  # of the 10 nearest, of documents of the index that were taken as queries

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)


def faiss() -> Any:
    """The library.

    Raises:
        UserError: it is not installed.
    """
    try:
        import faiss as library
    except ImportError:
        raise UserError("approximate search needs faiss: pip install 'isogloss[retrieval]'") from None
    return library


def build(path: Path, rows: int, sample: np.ndarray, blocks: Iterable[Block]) -> Any:
    """The index of faiss, which is in the file too; memory holds all of it in half precision meanwhile.

    sample: vectors of any documents, in their order, `sample_size` of them.
    """
    library, lists = faiss(), lists_for(rows)
    index = library.index_factory(sample.shape[1], f"IVF{lists},SQfp16", library.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = ROUNDS, SAMPLED, 1
    index.train(sample)
    for block in blocks:
        index.add(block.vectors)
    library.write_index(index, str(path))
    on_disk(path)
    return index


def lists_for(rows: int) -> int:
    """How many lists: four times the square root of the rows, as faiss's guide has it up to a million; no more."""
    return max(1, min(4 * math.isqrt(rows), 4096, rows // 39 or 1))


def sample_size(rows: int) -> int:
    """How many vectors k-means is shown."""
    return min(rows, SAMPLED * lists_for(rows))


def open_lists(path: Path) -> Any:
    """The index of faiss in a file, its lists mapped.

    Raises:
        UserError: the file is damaged.
        FileNotFoundError: it is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        return faiss().read_index(str(path), faiss().IO_FLAG_MMAP)
    except RuntimeError as error:
        raise UserError(f"{path} is damaged ({str(error).splitlines()[0]}); the next change makes it anew") from None


def candidates(index: Any, queries: np.ndarray, k: int, probes: int, hidden: np.ndarray | None) -> np.ndarray:
    """The rows (Q, k) that the lists give for each query, -1 where there are no more; `hidden` (D,) are left out."""
    library = faiss()
    chosen: dict[str, Any] = {"nprobe": probes}
    if hidden is not None:
        bits = np.packbits(~hidden, bitorder="little")
        chosen["sel"] = library.IDSelectorBitmap(len(hidden), library.swig_ptr(bits))
    return index.search(queries, k, params=library.SearchParametersIVF(**chosen))[1]


def probes_and_recall(index: Any, own: np.ndarray, queries: np.ndarray, exact: list[np.ndarray]) -> tuple[int, float]:
    """How many lists to look at, the LEAST or more that reach the GOAL, at most half, and the recall that this has.

    own: the rows (Q,) that the queries are. exact: the rows of the K + 1 nearest of each, itself among them or not.
    """
    probes = min(LEAST, index.nlist)
    while True:
        found = candidates(index, queries, K + 1, probes, None)
        shares = [
            len((set(right) & set(rows)) - {row}) / max(1, len(set(right) - {row}))
            for row, right, rows in zip(own, exact, found, strict=True)
        ]
        recall = float(np.mean(shares))
        if recall >= GOAL or 2 * probes > max(1, index.nlist // 2):
            return probes, round(recall, 4)
        probes *= 2
