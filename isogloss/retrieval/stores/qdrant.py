"""Vectors in a collection of Qdrant, for clusters: `qdrant:http://HOST:6333`, or `qdrant:FOLDER` for its local mode.

The server's key is read from QDRANT_API_KEY and is never stored. A collection has the index's own name, so that indexes
share a server. What is added and deleted shows at once, piece by piece; a command that was killed and is given again
goes on. Of equal scores the earlier document wins among those that the server found.

Letters: Q queries, D documents, H hidden size, k neighbours.
"""

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import UserError
from isogloss.records import Document
from isogloss.retrieval.vector_store import Hit, Shape

KEY = "QDRANT_API_KEY"
PREFIX = "isogloss-"
TOGETHER = 256  # documents in one request: servers refuse more than 32 MB
PATIENCE = 60  # seconds that a server may take for a request


class Qdrant:
    """A store on a server; see `VectorStore`."""

    def __init__(self, client: Any, shape: Shape, local: bool):
        self.client, self.shape, self.local = client, shape, local
        self.collection = PREFIX + shape.fingerprint

    @property
    def fingerprint(self) -> str:
        return self.collection.removeprefix(PREFIX)

    def count(self) -> int:
        with _told():
            return self.client.count(self.collection, exact=True).count

    def about(self) -> dict[str, object]:
        return {"search": "exact" if self.local else "approximate", "collection": self.collection}

    def close(self) -> None:
        """Nothing; the connection is closed, and a local folder free for others."""
        self.client.close()

    def known(self, ids: Sequence[str]) -> dict[str, Document]:
        found = {}
        for some in _parts(ids):
            with _told():
                records = self.client.retrieve(self.collection, ids=[_point(name) for name in some])
            found |= {record.payload["id"]: _document(record.payload) for record in records}
        return found

    def add(self, documents: Sequence[Document], vectors: np.ndarray) -> None:
        from qdrant_client.models import Batch

        now = time.time_ns()
        for rows in _parts(range(len(documents))):
            some = [documents[row] for row in rows]
            payloads = [
                {"id": each.id, "language": each.language, "text": each.text, "place": now + row}
                for row, each in zip(rows, some, strict=True)
            ]
            numbers = np.asarray(vectors[rows.start : rows.stop], np.float32).tolist()
            batch = Batch(ids=[_point(each.id) for each in some], vectors=numbers, payloads=payloads)
            with _told():
                self.client.upsert(self.collection, points=batch, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        from qdrant_client.models import PointIdsList

        for some in _parts(ids):
            points = PointIdsList(points=[_point(name) for name in some])
            with _told():
                self.client.delete(self.collection, points_selector=points, wait=True)

    def commit(self) -> None:
        """Nothing; the server has everything already."""

    def compact(self) -> None:
        """Nothing; the server sees to that itself."""

    def search(self, queries: np.ndarray, k: int, *, exact: bool = False) -> list[list[Hit]]:
        from qdrant_client.models import QueryRequest, SearchParams

        how = SearchParams(exact=exact) if not self.local else None  # the local mode is exact, and complains
        found: list[list[Hit]] = []
        for rows in _parts(range(len(queries))):
            asked = [QueryRequest(query=queries[row].tolist(), limit=k, with_payload=True, params=how) for row in rows]
            with _told():
                answers = self.client.query_batch_points(self.collection, requests=asked)
            found += [_hits(answer.points) for answer in answers]
        return found


def create(rest: str, folder: Path, shape: Shape) -> Qdrant:
    """The index's collection, which is made if it is not there."""
    from_scratch = Qdrant(_client(rest, folder), shape, _is_local(rest))
    from qdrant_client.models import Datatype, Distance, VectorParams

    precision = Datatype.FLOAT16 if shape.precision == "float16" else Datatype.FLOAT32
    wanted = VectorParams(size=shape.dimension, distance=Distance.COSINE, datatype=precision, on_disk=True)
    with _told():
        if not from_scratch.client.collection_exists(from_scratch.collection):
            from_scratch.client.create_collection(from_scratch.collection, vectors_config=wanted)
    return from_scratch


def open_store(rest: str, folder: Path, shape: Shape) -> Qdrant:
    """The index's collection."""
    store = Qdrant(_client(rest, folder), shape, _is_local(rest))
    with _told():
        there = store.client.collection_exists(store.collection)
    if not there:
        raise UserError(f"qdrant:{rest} has no collection {store.collection}; build the index again")
    return store


def _is_local(rest: str) -> bool:
    return "://" not in rest


def _client(rest: str, folder: Path) -> Any:
    try:
        from qdrant_client import QdrantClient
    except ImportError:
        raise UserError("this store needs Qdrant's client: pip install 'isogloss[qdrant]'") from None
    with _told():
        if _is_local(rest):
            return QdrantClient(path=str(Path(rest) if rest else folder))
        return QdrantClient(url=rest, api_key=os.environ.get(KEY) or None, timeout=PATIENCE, check_compatibility=False)


def _point(name: str) -> str:
    """The number of 128 bits that Qdrant knows a document by."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _document(payload: dict[str, Any]) -> Document:
    return Document(id=payload["id"], language=payload["language"], text=payload["text"])


def _hits(points: Sequence[Any]) -> list[Hit]:
    ordered = sorted(points, key=lambda point: (-point.score, point.payload["place"]))
    return [Hit(_document(point.payload), float(point.score)) for point in ordered]


def _parts(items: Any) -> Iterator[Any]:
    for first in range(0, len(items), TOGETHER):
        yield items[first : first + TOGETHER]


@contextmanager
def _told() -> Iterator[None]:
    """What the server or the local folder complains about inside the block becomes one line."""
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    try:
        yield
    except (ResponseHandlingException, UnexpectedResponse, RuntimeError, OSError) as error:
        problem = " ".join(str(error).split())[:300]
        raise UserError(f"Qdrant fails: {problem}; is the server there, and the key in {KEY} right?") from None
