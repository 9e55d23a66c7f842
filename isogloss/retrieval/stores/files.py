"""Vectors in files of our own: segments that are only ever added, and one manifest that says which of them count.

A change writes new files beside the old ones and then replaces the manifest, so that a process killed at any moment
leaves what was there before, and who has the store open goes on reading that. Files that no manifest names are removed
by the next who writes.

Searched exactly through the mapped vectors, block by block, or from 50,000 documents on approximately (see
`_approximate.py`): the lists propose rows, which are scored again with the vectors themselves, and what was added since
the lists were built is searched exactly. Memory holds a block at a time; while lists are built, all vectors in half
precision: what is too large for that is better kept in LanceDB.

Letters: Q queries, D documents, H hidden size, k neighbours.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.records import Document
from isogloss.retrieval._exact_search import Block, Found, nearest_rows, scored_again
from isogloss.retrieval.stores import _approximate
from isogloss.retrieval.stores._segment import Segment, hashes, on_disk, open_segment, write_segment
from isogloss.retrieval.vector_store import Hit, Shape

MANIFEST, VERSION = "vectors.json", 1
BLOCK = 8192  # rows that are scored together
TOGETHER = 256  # queries that are scored together: 8 MB of scores
APPROXIMATE_FROM = 50_000  # documents; fewer are searched as quickly one by one
STALE = 0.2  # share of the documents that came after the lists, from which on these are built anew
TRIES = 5  # to open a store of which others remove files meanwhile


@dataclass(frozen=True, slots=True)
class State:
    """What the manifest says: everything that decides what a search finds."""

    fingerprint: str
    dimension: int
    precision: str
    generation: int = 0
    segments: tuple[tuple[str, int], ...] = ()  # names and rows
    deleted: str | None = None  # the file with the rows that are not to be found
    hidden: int = 0  # how many those are
    lists: dict[str, Any] | None = None  # of the approximate search


class Files:
    """A store in a folder; see `VectorStore`."""

    def __init__(self, folder: Path, approximate_from: int = APPROXIMATE_FROM):
        self.folder, self.approximate_from = folder, approximate_from
        self._open()

    def _open(self) -> None:
        for attempt in range(TRIES):
            self.state = _read(self.folder)
            try:
                self._use([self._segment(name, rows) for name, rows in self.state.segments])
                gone = np.load(self.folder / self.state.deleted) if self.state.deleted else np.zeros(0, np.int64)
                self._lists = self._opened_lists()
                break
            except FileNotFoundError as error:  # removed since the manifest was read, if that has changed
                if attempt + 1 == TRIES or _read(self.folder) == self.state:
                    raise UserError(f"{error.filename or error} is missing; build the index again") from None
            except (ValueError, EOFError) as error:
                if isinstance(error, UserError):
                    raise
                raise UserError(f"{self.folder / str(self.state.deleted)} is damaged; build the index again") from None
        self.deleted = np.zeros(self.rows, bool)
        self.deleted[gone] = True

    def _opened_lists(self) -> Any:
        """The lists; None where there are none, or they cannot be used, which is told: all can be found without."""
        if self.state.lists is None:
            return None
        try:
            return _approximate.open_lists(self.folder / self.state.lists["file"])
        except UserError as error:
            print(f"{error}; searching exactly", file=sys.stderr)
            self.state = replace(self.state, lists=None)
            return None

    def _use(self, segments: list[Segment]) -> None:
        """Nothing; these are the segments, and it is known where each begins and where the last one ends."""
        self.segments = segments
        self.starts = np.cumsum([0, *(len(segment.ids) for segment in segments)])

    @property
    def fingerprint(self) -> str:
        return self.state.fingerprint

    @property
    def rows(self) -> int:
        """How many documents were ever added and not cleared away."""
        return int(self.starts[-1])

    def count(self) -> int:
        return self.rows - int(self.deleted.sum())

    def about(self) -> dict[str, object]:
        lists = self.state.lists or {}
        told: dict[str, object] = {name: lists[name] for name in ("lists", "probes", "recall") if name in lists}
        return {"search": "approximate" if lists else "exact", **told, "segments": len(self.segments)}

    def close(self) -> None:
        """Nothing; the maps end with the last who uses them."""

    def known(self, ids: Sequence[str]) -> dict[str, Document]:
        return {name: self.document(row) for name, row in self._rows_of(ids).items()}

    def _rows_of(self, ids: Sequence[str]) -> dict[str, int]:
        """The rows of those documents that are there."""
        own, rows = self._ids
        asked = hashes(ids)
        begin, end = np.searchsorted(own, asked), np.searchsorted(own, asked, "right")
        places = np.flatnonzero(begin < end).tolist()
        found = ((ids[place], int(row)) for place in places for row in rows[begin[place] : end[place]])
        return {name: row for name, row in found if not self.deleted[row] and self.document(row).id == name}

    def document(self, row: int) -> Document:
        """The document of a row."""
        segment = int(np.searchsorted(self.starts, row, "right")) - 1
        return self.segments[segment].document(row - int(self.starts[segment]))

    def add(self, documents: Sequence[Document], vectors: np.ndarray) -> None:
        first, (own, known) = self.rows, self._ids
        name, rows = self._written([(documents, vectors)])
        self._use([*self.segments, self._segment(name, rows)])
        self.state = replace(self.state, segments=(*self.state.segments, (name, rows)))
        self.deleted = np.concatenate([self.deleted, np.zeros(rows, bool)])
        order = np.argsort(self.segments[-1].ids, kind="stable")
        ids = self.segments[-1].ids[order]
        places = np.searchsorted(own, ids, "right")  # merged and not sorted anew: there may be a thousand segments
        self._ids = np.insert(own, places, ids), np.insert(known, places, first + order)

    def delete(self, ids: Sequence[str]) -> None:
        self.deleted[list(self._rows_of(ids).values())] = True

    def commit(self) -> None:
        state = replace(self.state, generation=self.state.generation + 1, hidden=int(self.deleted.sum()), deleted=None)
        if state.hidden:
            state = replace(state, deleted=f"deleted-{state.generation:06d}.npy")
            with _told(self.folder):
                np.save(self.folder / str(state.deleted), np.flatnonzero(self.deleted), allow_pickle=False)
                on_disk(self.folder / str(state.deleted))
        if self._stale():
            state = replace(state, lists=self._built(f"lists-{state.generation:06d}.faiss"))
        write_atomic(self.folder / MANIFEST, json.dumps({"vectors": VERSION, **asdict(state)}, indent=1))
        self.state = state
        self._clear()

    def compact(self) -> None:
        if len(self.segments) < 2 and not self.deleted.any():
            return
        made = [self._written(self._parts())] if self.count() else []
        self._use([self._segment(*each) for each in made])
        self.state = replace(self.state, segments=tuple(made), lists=None)
        self._lists, self.deleted = None, np.zeros(sum(rows for _, rows in made), bool)
        self.__dict__.pop("_ids", None)

    def search(self, queries: np.ndarray, k: int, *, exact: bool = False) -> list[list[Hit]]:
        found: list[Found] = []
        for first in range(0, len(queries), TOGETHER):
            some = np.ascontiguousarray(queries[first : first + TOGETHER], np.float32)
            found += self._exactly(some, k) if exact or self._lists is None else self._approximately(some, k)
        return [
            [Hit(self.document(int(row)), float(score)) for score, row in zip(*each, strict=True)] for each in found
        ]

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """The vectors (D, H) of rows in rising order."""
        starts = self.starts
        numbers = np.searchsorted(starts, rows, "right") - 1
        parts = [np.zeros((0, self.state.dimension), np.float32)]
        for number, own in groupby(range(len(rows)), key=lambda i: int(numbers[i])):
            parts.append(self.segments[number].vectors[rows[list(own)] - starts[number]].astype(np.float32))
        return np.concatenate(parts)

    def _exactly(self, queries: np.ndarray, k: int, first: int = 0) -> list[Found]:
        return nearest_rows(queries, self._blocks(first), k, self.vectors)

    def _approximately(self, queries: np.ndarray, k: int) -> list[Found]:
        lists = self.state.lists or {}
        covered = self.deleted[: lists["rows"]]
        hidden = covered if covered.any() else None
        rows = _approximate.candidates(self._lists, queries, 2 * k, lists["probes"], hidden)
        later = self._exactly(queries, k, lists["rows"])
        joined = [np.concatenate([own[own >= 0], new.rows]) for own, new in zip(rows, later, strict=True)]
        return [scored_again(query, own, k, self.vectors) for query, own in zip(queries, joined, strict=True)]

    def _blocks(self, first: int = 0, *, size: int = BLOCK) -> Iterator[Block]:
        """The vectors in their order, from a row on; a block never spans two segments."""
        for segment, start in zip(self.segments, self.starts, strict=False):
            for begin in range(max(0, first - int(start)), len(segment.ids), size):
                row, vectors = int(start) + begin, segment.vectors[begin : begin + size]
                hidden = self.deleted[row : row + len(vectors)]
                yield Block(row, vectors.astype(np.float32, copy=False), hidden if hidden.any() else None)

    def _parts(self) -> Iterator[tuple[list[Document], np.ndarray]]:
        """The documents that are not deleted with their vectors, block by block."""
        for block in self._blocks():
            left = np.arange(len(block.vectors)) if block.hidden is None else np.flatnonzero(~block.hidden)
            yield [self.document(block.first + int(row)) for row in left], block.vectors[left]

    def _stale(self) -> bool:
        """Whether there are many documents, and no lists or too many that came after them."""
        covered = self.state.lists["rows"] if self.state.lists else 0
        return self.count() >= self.approximate_from and self.rows - covered > STALE * self.rows and _has_faiss()

    def _built(self, name: str) -> dict[str, Any]:
        """The lists of all rows, as the manifest has them."""
        random = np.random.default_rng(1)
        drawn = [
            np.sort(random.choice(self.rows, size=min(size, self.rows), replace=False))
            for size in (_approximate.sample_size(self.rows), _approximate.QUERIES)
        ]
        sample, queries = map(self.vectors, drawn)
        with _told(self.folder):
            index = _approximate.build(self.folder / name, self.rows, sample, self._blocks())
        every = (Block(block.first, block.vectors, None) for block in self._blocks())
        exact = [found.rows for found in nearest_rows(queries, every, _approximate.K + 1, self.vectors)]
        probes, recall = _approximate.probes_and_recall(index, drawn[1], queries, exact)
        self._lists = index
        return _approximate.Lists(name, self.rows, index.nlist, probes, recall).to_json()

    def _segment(self, name: str, rows: int) -> Segment:
        return open_segment(self.folder / name, rows, self.state.dimension)

    def _written(self, parts: Iterable[tuple[Sequence[Document], np.ndarray]]) -> tuple[str, int]:
        """The name of a new segment, which nothing has on the disk, and its rows."""
        name = f"{max((int(path.name) for path in self.folder.glob('[0-9]*')), default=0) + 1:06d}"
        return name, write_segment(self.folder / name, parts, (self.state.dimension, self.state.precision))

    @cached_property
    def _ids(self) -> tuple[np.ndarray, np.ndarray]:
        """The sorted hashes of all ids, and the rows that they are of; 16 bytes a row."""
        every = np.concatenate([np.zeros(0, np.uint64), *(segment.ids for segment in self.segments)])
        order = np.argsort(every, kind="stable")
        return every[order], order

    def _clear(self) -> None:
        """Nothing; the files that the manifest does not name are removed. Who maps one keeps it."""
        named = {MANIFEST, self.state.deleted, (self.state.lists or {}).get("file")}
        named |= {name for name, _ in self.state.segments}
        for path in self.folder.iterdir():
            if path.name not in named:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _has_faiss() -> bool:
    """Whether lists can be built; if not, it is told."""
    try:
        return _approximate.faiss() is not None
    except UserError as error:
        print(f"{error}; until then documents are compared one by one", file=sys.stderr)
        return False


def create(rest: str, folder: Path, shape: Shape) -> Files:
    """A new store in the folder."""
    if rest:
        raise UserError(f"--store files:{rest}: the files are in the index itself; write --store files")
    write_atomic(folder / MANIFEST, json.dumps({"vectors": VERSION, **asdict(State(*shape))}, indent=1))
    return Files(folder)


def open_store(rest: str, folder: Path, shape: Shape) -> Files:
    """The store in the folder."""
    return Files(folder)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What the disk complains about inside the block becomes one line."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; make room, and give the command again") from error


def _read(folder: Path) -> State:
    """What the manifest says.

    Raises:
        UserError: it is not there, is of another version, or no manifest.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if (version := content.pop("vectors")) != VERSION:
            raise UserError(f"{folder} is of version {version}, this isogloss reads {VERSION}; build the index again")
        segments = tuple((str(name), int(rows)) for name, rows in content.pop("segments"))
        return State(**content, segments=segments)
    except OSError as error:
        raise UserError(f"{folder / MANIFEST}: {error.strerror}; build the index again") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{folder / MANIFEST} is damaged ({error}); build the index again") from None
