"""What keeps the vectors of an index with their documents: files of our own, LanceDB, or a Qdrant server.

There is no base class. A store is a file of `isogloss/retrieval/stores` with `create` and `open_store`, which return
something that satisfies `VectorStore`; `NAME` or `NAME:REST` on the command line names the file and hands it the rest.
Another server (Milvus, OpenSearch ...) is another file.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from isogloss.errors import UserError, nearest
from isogloss.records import Document

STORES = Path(__file__).parent / "stores"


class Hit(NamedTuple):
    """A document that was found, with its cosine."""

    document: Document
    score: float


class VectorStore(Protocol):
    """What an index asks of a store. One process writes at a time; the index sees to that on one machine."""

    @property
    def fingerprint(self) -> str:
        """What the store was made for, as it was said then: an index and its vectors are told apart from others."""
        ...

    def count(self) -> int:
        """How many documents there are."""
        ...

    def known(self, ids: Sequence[str]) -> dict[str, Document]:
        """Those of the documents that are there, by id."""
        ...

    def add(self, documents: Sequence[Document], vectors: np.ndarray) -> None:
        """Nothing; the documents are there, with unit vectors (D, H) float32. None of their ids was there before."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Nothing; the documents, which were there, are not any more."""
        ...

    def commit(self) -> None:
        """Nothing; what was added and deleted since the last time is kept for good and seen by others, all at once.

        A store that cannot do so has shown it before, piece by piece, and says so in its file.
        """
        ...

    def compact(self) -> None:
        """Nothing; the place of deleted documents is free again."""
        ...

    def search(self, queries: np.ndarray, k: int, *, exact: bool = False) -> list[list[Hit]]:
        """The k documents of highest cosine for each unit vector (Q, H), best first, of equal ones the earlier.

        Fewer where there are fewer. exact: all documents are looked at, however many there are.
        """
        ...

    def close(self) -> None:
        """Nothing; files and connections are closed."""
        ...

    def about(self) -> dict[str, object]:
        """What there is to tell of it, for people and results: how exact its search is, how large it is ..."""
        ...


class Shape(NamedTuple):
    """What the vectors of a store are."""

    fingerprint: str
    dimension: int  # H
    precision: str  # float32 or float16


def store_files() -> dict[str, Path]:
    """The files of all stores by name."""
    return {path.stem: path for path in sorted(STORES.glob("[!_]*.py"))}


def create_store(spec: str, folder: Path, shape: Shape) -> VectorStore:
    """A new store: in the folder, or where `NAME:REST` says; one that was begun for the same index is begun anew.

    Raises:
        UserError: there is no such store, or it cannot be made.
    """
    return _module(spec).create(spec.partition(":")[2], folder, shape)


def open_store(spec: str, folder: Path, shape: Shape) -> VectorStore:
    """The store that was created with the same words.

    Raises:
        UserError: it is not there, is damaged, or is another one's.
    """
    store = _module(spec).open_store(spec.partition(":")[2], folder, shape)
    if store.fingerprint != shape.fingerprint:
        raise UserError(f"{folder.parent}: its vectors are those of another index; build it again from its documents")
    return store


def _module(spec: str):
    name, known = spec.partition(":")[0], store_files()
    if name not in known:
        raise UserError(f"no store {name!r} in {spec!r}; {nearest(name, known)}")
    return import_module(f"isogloss.retrieval.stores.{name}")
