"""Vectors in a table of LanceDB: columns on disk, for corpora beyond memory; the table is in the index's folder.

Every step makes a version of the table. A tag names the version that counts, and moves at the end of a change: readers
stay on it, and who writes next goes back to it first, so that a killed change leaves nothing.

From 50,000 documents on its own index (inverted lists of quantised vectors) proposes documents, which are scored again
with the vectors themselves. Of equal scores the earlier document wins among those proposed.

Letters: Q queries, D documents, H hidden size, k neighbours.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import UserError
from isogloss.records import Document
from isogloss.retrieval.vector_store import Hit, Shape

TABLE, TAG = "documents", "current"
APPROXIMATE_FROM = 50_000  # documents
STALE = 0.2  # share of the documents that the table's index does not know, from which on it is built anew
PROPOSED = 10  # times k rows that its index proposes
KEPT = timedelta(hours=1)  # an older version is removed when room is made: who reads it must open the index again
TOGETHER = 1000  # ids in one question


class Lance:
    """A store in a folder; see `VectorStore`."""

    def __init__(self, table: Any, shape: Shape):
        self.table, self.shape = table, shape
        self.writing = self.compacting = False
        self.fingerprint = table.schema.metadata.get(b"fingerprint", b"").decode()

    def count(self) -> int:
        with _told(self.table):
            return self.table.count_rows()

    def about(self) -> dict[str, object]:
        return {"search": "approximate" if self._indexed() else "exact", "version": self.table.version}

    def close(self) -> None:
        """Nothing; Lance closes what it opened."""

    def known(self, ids: Sequence[str]) -> dict[str, Document]:
        found = {}
        for first in range(0, len(ids), TOGETHER):
            some = ids[first : first + TOGETHER]
            with _told(self.table):
                rows = self.table.search().where(_among(some)).select(["id", "language", "text"]).limit(len(some))
                found |= {row["id"]: Document(**row) for row in rows.to_arrow().to_pylist()}
        return found

    def add(self, documents: Sequence[Document], vectors: np.ndarray) -> None:
        import pyarrow

        self._begin()
        schema, now = self.table.schema, time.time_ns()
        flat = np.ascontiguousarray(vectors, self.shape.precision).ravel()
        columns = {
            "id": [document.id for document in documents],
            "language": [document.language for document in documents],
            "text": [document.text for document in documents],
            "place": range(now, now + len(documents)),
            "vector": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), self.shape.dimension),
        }
        with _told(self.table):
            self.table.add(pyarrow.table(columns, schema=schema))

    def delete(self, ids: Sequence[str]) -> None:
        self._begin()
        for first in range(0, len(ids), TOGETHER):
            with _told(self.table):
                self.table.delete(_among(ids[first : first + TOGETHER]))

    def commit(self) -> None:
        from lancedb.index import IvfPq, IvfSq

        self._begin()
        with _told(self.table):
            if self._stale():
                kind = IvfPq if self.shape.dimension % 8 == 0 else IvfSq  # product quantisation divides the vector
                self.table.create_index("vector", config=kind(distance_type="cosine"), replace=True)
            self.table.tags.update(TAG, self.table.version)
            if self.compacting:
                self.table.optimize(cleanup_older_than=KEPT)  # not before the tag has left the old version
                self.table.tags.update(TAG, self.table.version)
        self.writing = self.compacting = False

    def compact(self) -> None:
        self._begin()
        with _told(self.table):
            self.table.optimize()
        self.compacting = True

    def search(self, queries: np.ndarray, k: int, *, exact: bool = False) -> list[list[Hit]]:
        return [self._nearest(query, k, exact) for query in queries]

    def _nearest(self, query: np.ndarray, k: int, exact: bool) -> list[Hit]:
        asked = self.table.search(query.astype(np.float32)).distance_type("cosine").limit(PROPOSED * k)
        asked = asked.bypass_vector_index() if exact else asked
        with _told(self.table):
            rows = asked.to_arrow()
        if not len(rows):
            return []
        flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(len(rows), -1).astype(np.float32)
        scores = (vectors * query).sum(1, dtype=np.float32)
        order = np.lexsort((rows["place"].to_numpy(), -scores))[:k]
        best = rows.select(["id", "language", "text"]).take(order).to_pylist()
        return [Hit(Document(**row), float(scores[i])) for row, i in zip(best, order, strict=True)]

    def _begin(self) -> None:
        """Nothing; what is changed from here on follows the version that counts."""
        if not self.writing:
            with _told(self.table):
                self.table.checkout(TAG)
                self.table.restore()
            self.writing = True

    def _indexed(self) -> Any:
        return next(iter(self.table.list_indices()), None)

    def _stale(self) -> bool:
        count, index = self.table.count_rows(), self._indexed()
        if count < APPROXIMATE_FROM:
            return False
        return index is None or self.table.index_stats(index.name).num_unindexed_rows > STALE * count


def create(rest: str, folder: Path, shape: Shape) -> Lance:
    """A new store in the folder."""
    if rest:
        raise UserError(f"--store lance:{rest}: the table is in the index itself; write --store lance")
    database = _connect(folder)
    import pyarrow

    columns: list[tuple[str, Any]] = [(name, pyarrow.string()) for name in ("id", "language", "text")]
    number = pyarrow.float16() if shape.precision == "float16" else pyarrow.float32()
    columns += [("place", pyarrow.int64()), ("vector", pyarrow.list_(number, shape.dimension))]
    schema = pyarrow.schema(columns).with_metadata({"fingerprint": shape.fingerprint})
    with _told(folder):
        table = database.create_table(TABLE, schema=schema, mode="overwrite")
        tags = table.tags
        (tags.update if TAG in tags.list() else tags.create)(TAG, table.version)
    return Lance(table, shape)


def open_store(rest: str, folder: Path, shape: Shape) -> Lance:
    """The store in the folder."""
    with _told(folder):
        table = _connect(folder).open_table(TABLE)
        table.checkout(TAG)
    return Lance(table, shape)


def _connect(folder: Path) -> Any:
    os.environ.setdefault("LANCEDB_LOG", "error")  # it warns of tables that are to be made
    try:
        import lancedb
    except ImportError:
        raise UserError("this store needs LanceDB: pip install 'isogloss[lance]'") from None
    return lancedb.connect(folder)


def _among(ids: Sequence[str]) -> str:
    """The condition that picks these ids, as Lance's SQL has it."""
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in ids)
    return f"id IN ({quoted})"


@contextmanager
def _told(place: Any) -> Iterator[None]:
    """What Lance complains about inside the block becomes one line."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        name = place if isinstance(place, Path) else "the table"
        problem = " ".join(str(error).split())[:300]
        raise UserError(f"LanceDB cannot use {name}: {problem}; build the index again if it is damaged") from error
