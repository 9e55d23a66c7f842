"""Making and changing an index: documents are read and encoded some thousand at a time, so that memory stays small.

What is encoded is kept in the index's folder until all of it is in the store: a command that was killed goes on where
it was when it is given again. One process writes at a time; readers see a change when all of it is there.
"""

import fcntl
import secrets
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path

import numpy as np

from isogloss.errors import UserError
from isogloss.provenance import versions
from isogloss.records import Document
from isogloss.retrieval._index_facts import (
    ABOUT,
    BLOCK,
    ENCODED,
    LOCK,
    STORE,
    Facts,
    check_place,
    read_facts,
    write_facts,
)
from isogloss.retrieval.index import Index, check_vectors, open_index
from isogloss.retrieval.text_encoder import CHECKED, TextEncoder, check_encoder, text_encoder
from isogloss.retrieval.vector_store import Shape, create_store

SHOWN = 15  # seconds between two lines of progress
PRECISIONS = ("float32", "float16")


@dataclass
class Changes:
    """What a command did to an index, in documents."""

    added: int = 0
    replaced: int = 0
    deleted: int = 0
    there_already: int = 0


def build(
    documents: Iterable[Document],
    encoder: str | Path,
    folder: Path,
    *,
    store: str = "files",
    precision: str = "float32",
) -> tuple[Index, Changes]:
    """A new index of the documents; one that was begun in the folder with the same encoder goes on.

    Raises:
        UserError: the folder holds something else, there are no documents, or one of them cannot be indexed.
    """
    if precision not in PRECISIONS:
        raise UserError(f"precision {precision!r}: choose {' or '.join(PRECISIONS)}")
    check_place(folder)
    source = iter(documents)
    if not (first := list(islice(source, 1))):
        raise UserError("no documents; an index needs one or more")
    made_with = text_encoder(encoder)
    with _writing(folder):
        facts = read_facts(folder) if (folder / ABOUT).is_file() else _new_facts(made_with, store, precision)
        if (facts.store, facts.shape.precision) != (store, precision):
            began = f"--store {facts.store} --precision {facts.shape.precision}"
            raise UserError(f"{folder} was begun with {began}; give these again, or remove the folder")
        check_encoder(folder, made_with, facts.checked, facts.encoder)
        opened = Index(folder, facts, create_store(store, folder / STORE, facts.shape), made_with)
        write_facts(folder, facts)
        changes = _filled(opened, chain(first, source), update=False)
        opened.store.commit()
        opened.facts = replace(facts, finished=True)
        write_facts(folder, opened.facts)
        shutil.rmtree(folder / ENCODED, ignore_errors=True)
    return opened, changes


def change(
    folder: Path,
    documents: Iterable[Document] = (),
    *,
    delete: Sequence[str] = (),
    update: bool = False,
    compact: bool = False,
    encoder: str | Path | None = None,
) -> tuple[Index, Changes]:
    """An index after ids were deleted and documents added; readers see all of it or nothing.

    update: a document whose id is there with another text or language takes its place. compact: the place of deleted
    documents is made free.

    Raises:
        UserError: none of the ids to delete is there, an id is there with another text, or a document cannot be
            indexed. Nothing is changed then.
    """
    with _writing(folder):
        opened = open_index(folder, encoder)
        gone = _deleted(opened, delete) if delete else 0
        changes = _filled(opened, documents, update=update)
        changes.deleted = gone
        if compact:
            opened.store.compact()
        opened.store.commit()
        shutil.rmtree(folder / ENCODED, ignore_errors=True)
    return opened, changes


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """No other process of this machine writes inside the block.

    Raises:
        UserError: another one writes, or the place cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; choose another place") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone with the process, however that ends
        except OSError:
            raise UserError(f"another process is writing {folder}; give the command again when it has ended") from None
        yield


def _new_facts(encoder: TextEncoder, store: str, precision: str) -> Facts:
    checked = encoder.checked_vectors()
    check_vectors(CHECKED, checked, checked.shape[1])
    rows = tuple(tuple(map(float, np.round(row, 6))) for row in checked)
    shape = Shape(secrets.token_hex(16), checked.shape[1], precision)
    return Facts(encoder.name, rows, shape, store, finished=False, versions=versions())


def _deleted(index: Index, ids: Sequence[str]) -> int:
    """How many of the ids were there and are deleted; the others are told."""
    wanted = list(dict.fromkeys(ids))
    there = set(index.store.known(wanted))
    unknown = [name for name in wanted if name not in there]
    if unknown:
        told = f"{len(unknown)} of {len(wanted)} ids are not in {index.folder} (first: {unknown[0]!r})"
        if not there:
            raise UserError(f"{told}; nothing is deleted")
        print(f"{told}; the others are deleted", file=sys.stderr)
    index.store.delete([name for name in wanted if name in there])
    return len(there)


def _filled(index: Index, documents: Iterable[Document], *, update: bool) -> Changes:
    """What became of the documents, which are in the store now."""
    changes, progress = Changes(), _Progress()
    source = iter(documents)
    while block := list(islice(source, BLOCK)):
        new: dict[str, Document] = {}
        there = index.store.known([document.id for document in block])
        for document in block:
            before = new.get(document.id) or there.get(document.id)
            if before == document:
                changes.there_already += 1
            elif before is not None and not update:
                raise UserError(
                    f"document {document.id!r} is there already with another text or language; ids are unique, or "
                    "--update replaces what was there"
                )
            else:
                changes.added += before is None
                changes.replaced += before is not None
                new[document.id] = document
        if new:
            vectors = _vectors(index, list(new.values()))
            index.store.delete([name for name in new if name in there])
            index.store.add(list(new.values()), vectors)
            progress.tell(len(new))
    return changes


def _vectors(index: Index, documents: Sequence[Document]) -> np.ndarray:
    """The vectors of documents: those that a killed command has kept, or made now and kept."""
    shape = index.facts.shape
    key = blake2b(shape.fingerprint.encode(), digest_size=16)
    for document in documents:
        key.update(len(document.text).to_bytes(8) + document.text.encode("utf-8", "surrogatepass"))
    path = index.folder / ENCODED / f"{key.hexdigest()}.npy"
    with suppress(OSError, ValueError, EOFError):  # not there, or cut off
        return np.load(path, allow_pickle=False)
    vectors = index.encoder.encode([document.text for document in documents])
    check_vectors([f"{each.id}: {each.text}" for each in documents], vectors, shape.dimension)
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        with temporary.open("wb") as file:
            np.save(file, vectors.astype(shape.precision), allow_pickle=False)
        temporary.replace(path)
    except OSError as error:
        raise UserError(
            f"cannot write {path.parent}: {error.strerror}; make room, and give the command again"
        ) from None
    return vectors


class _Progress:
    """A line on standard error now and then: documents, and how many a second."""

    def __init__(self) -> None:
        self.count, self.began = 0, time.monotonic()
        self.told = self.began

    def tell(self, more: int) -> None:
        """Nothing; so many documents more are there."""
        self.count, now = self.count + more, time.monotonic()
        if now - self.told >= SHOWN:
            self.told = now
            print(f"{self.count} documents, {self.count / (now - self.began):.0f}/s", file=sys.stderr)
