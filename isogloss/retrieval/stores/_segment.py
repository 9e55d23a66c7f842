"""A segment: some thousand documents with their vectors in files that are written once and mapped into memory.

vectors.npy (D, H); documents.jsonl, a line each; starts.npy (D + 1), where the lines begin; ids.npy (D), hashes of the
ids. Letters: D documents, H hidden size.
"""

import json
import mmap
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import UserError
from isogloss.files import new_folder
from isogloss.records import Document

VECTORS, DOCUMENTS, STARTS, IDS = "vectors.npy", "documents.jsonl", "starts.npy", "ids.npy"


class Segment(NamedTuple):
    """The mapped files of a segment."""

    vectors: np.ndarray  # (D, H)
    lines: mmap.mmap
    starts: np.ndarray  # (D + 1,)
    ids: np.ndarray  # (D,) uint64

    def document(self, row: int) -> Document:
        """The document of a row."""
        name, tag, text = json.loads(self.lines[self.starts[row] : self.starts[row + 1]])
        return Document(id=name, language=tag, text=text)


def hashes(ids: Iterable[str]) -> np.ndarray:
    """A hash of 64 bits of each id; two of ten million are equal once in 300,000 such sets."""
    found = [blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in ids]
    return np.frombuffer(b"".join(found), np.uint64)


class SegmentWriter:
    """Writes a segment part by part: memory holds one part and the places of the lines."""

    def __init__(self, folder: Path, dimension: int, precision: str):
        self.type, self.dimension = np.dtype(precision), dimension
        self.starts, self.ids = [np.zeros(1, np.int64)], [np.zeros(0, np.uint64)]
        self.folder, self.rows, self.size = folder, 0, 0
        self.stack = ExitStack()
        self.vectors, self.lines = (
            self.stack.enter_context((folder / name).open("wb")) for name in (VECTORS, DOCUMENTS)
        )
        self._header()

    def __enter__(self) -> "SegmentWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.close()

    def add(self, documents: Sequence[Document], vectors: np.ndarray) -> None:
        """Nothing; the documents follow those of before."""
        self.vectors.write(np.ascontiguousarray(vectors, self.type).data)
        lines = [json.dumps([each.id, each.language, each.text], ensure_ascii=False) + "\n" for each in documents]
        encoded = [line.encode("utf-8", "surrogatepass") for line in lines]
        self.lines.write(b"".join(encoded))
        self.starts.append(self.size + np.cumsum([len(line) for line in encoded], dtype=np.int64))
        self.size += sum(map(len, encoded))
        self.ids.append(hashes(document.id for document in documents))
        self.rows += len(documents)

    def finish(self) -> None:
        """Nothing; all of it is on the disk."""
        self.vectors.seek(0)
        self._header()
        np.save(self.folder / STARTS, np.concatenate(self.starts), allow_pickle=False)
        np.save(self.folder / IDS, np.concatenate(self.ids), allow_pickle=False)
        self.stack.close()
        for path in self.folder.iterdir():
            on_disk(path)

    def _header(self) -> None:
        about = {"descr": self.type.str, "fortran_order": False, "shape": (self.rows, self.dimension)}
        np.lib.format.write_array_header_1_0(self.vectors, about)  # of the same length whatever the count


def write_segment(path: Path, parts: Iterable[tuple[Sequence[Document], np.ndarray]], shape: tuple[int, str]) -> int:
    """How many documents the new segment holds; the folder appears when all of it is written.

    shape: the dimension and the precision.

    Raises:
        UserError: there is no room or no right to write.
    """
    try:
        with new_folder(path) as folder, SegmentWriter(folder, *shape) as writer:
            for documents, vectors in parts:
                writer.add(documents, vectors)
            writer.finish()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; make room, and give the command again") from error
    return writer.rows


def open_segment(path: Path, rows: int, dimension: int) -> Segment:
    """A segment of so many rows.

    Raises:
        UserError: it is not what was written.
        FileNotFoundError: it is not there.
    """
    try:
        arrays = [np.load(path / name, mmap_mode="r", allow_pickle=False) for name in (VECTORS, STARTS, IDS)]
        with (path / DOCUMENTS).open("rb") as file:
            lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        vectors, starts, ids = map(np.asarray, arrays)  # plain arrays over the maps: their items are read faster
        sizes = (vectors.shape, len(starts), len(ids), int(starts[-1]))
        if sizes == ((rows, dimension), rows + 1, rows, len(lines)):
            return Segment(vectors, lines, starts, ids)
        problem = "its files do not belong together"
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError) as error:
        problem = str(error)
    raise UserError(f"{path} is damaged ({problem}); build the index again from its documents")


def on_disk(path: Path) -> None:
    """Nothing; the file is on the disk, not only on its way."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
