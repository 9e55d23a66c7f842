"""Tables that are opened instead of read, and what is made of records on disk: chains and joins by number.

In a file of its own for the sake of commands that only ask what there is: it needs numpy, which takes time to import.
"""

import os
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from isogloss.data.on_disk import OnDisk
from isogloss.errors import UserError

T = TypeVar("T")
BLOCK = 1 << 24  # bytes that are looked at together
BLANK = np.frombuffer(b" \x0b\x0c\r\x1c\x1d\x1e\x1f\xc2\xe1\xe2\xe3", np.uint8)  # white space begins with one of these


def chained(parts: Sequence[OnDisk[T]]) -> OnDisk[T]:
    """The sequences one after the other."""
    ends = np.cumsum([len(part) for part in parts])

    def read(i: int) -> T:
        part = int(np.searchsorted(ends, i, side="right"))
        return parts[part].read(i - (int(ends[part - 1]) if part else 0))

    numbers = np.concatenate([part.numbers for part in parts])
    sizes = np.concatenate([part.sizes for part in parts])
    return OnDisk(read, numbers, sizes, frozenset().union(*(part.labels for part in parts)))


def joined(records: OnDisk[Any], translations: OnDisk[Any]) -> OnDisk[Any]:
    """The records, each with the translation of its number, which must exist, appended to its translations."""
    places = _places(records, translations)

    def read(i: int) -> Any:
        record = records.read(i)
        return replace(record, translations=(*record.translations, translations.read(int(places[i]))))

    return OnDisk(read, records.numbers, records.sizes + translations.sizes[places], records.labels)


def without_partner(records: OnDisk[Any], translations: OnDisk[Any]) -> list[str]:
    """The numbers of the records that no translation has."""
    missing = translations.numbers[_places(records, translations)] != records.numbers
    return [str(number) for number in records.numbers[missing]]


def _places(records: OnDisk[Any], translations: OnDisk[Any]) -> np.ndarray:
    """Where the translations with the numbers of the records are; anywhere for a number that there is not."""
    order = np.argsort(translations.numbers, kind="stable").astype(np.int32)
    places = np.searchsorted(translations.numbers, records.numbers, sorter=order)
    return order[np.minimum(places, len(order) - 1)]


class Lines:
    """The lines of a file, each read when it is asked for; several processes may read at the same time."""

    def __init__(self, path: Path, starts: np.ndarray, sizes: np.ndarray):
        self.path, self.starts, self.sizes = path, starts, sizes
        self.file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.file)
        self.opened = self._state()

    def __getitem__(self, i: int) -> str:
        """Line i without its end.

        Raises:
            UserError: the file was written to since it was opened.
        """
        if self._state() != self.opened:
            raise UserError(f"{self.path} changed while it was being read; give the command again")
        return os.pread(self.file, int(self.sizes[i]), int(self.starts[i])).decode().removesuffix("\r")

    def _state(self) -> tuple[int, int]:
        found = os.fstat(self.file)
        return found.st_mtime_ns, found.st_size


def regular_table(path: Path, width: int, header: bool) -> OnDisk[list[str]] | None:
    """The rows below the header of a table, which are numbered from 1; the last column is the label.

    None unless it is regular: unpacked UTF-8, every line of `width` cells, none of them blank. Such a table needs no
    other check; what is wrong with another one is for `formats.read_table` to say.
    """
    starts, sizes, labels = [], [], set()
    with path.open("rb") as file:
        position = 3 if file.read(3) == b"\xef\xbb\xbf" else 0
        file.seek(position)
        position += len(file.readline()) if header else 0
        file.seek(position)
        rest = b""
        while block := file.read(BLOCK):
            block = rest + block
            end = block.rfind(b"\n") + 1
            block, rest = block[:end], block[end:]
            if block and not _add_block(block, width, position, starts, sizes, labels):
                return None
            position += len(block)
        if rest and not _add_block(rest + b"\n", width, position, starts, sizes, labels):
            return None
    if not starts:
        return None
    lines = Lines(path, np.concatenate(starts), np.concatenate(sizes))
    numbers = np.arange(1, len(lines.starts) + 1, dtype=np.int32)
    return OnDisk(lambda i: lines[i].split("\t"), numbers, lines.sizes, frozenset(label.decode() for label in labels))


def _add_block(
    block: bytes,
    width: int,
    position: int,
    starts: list[np.ndarray],
    sizes: list[np.ndarray],
    labels: set[bytes],
) -> bool:
    """Whether a block of whole lines at a position of the file is regular; what was found is added."""
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    data = np.frombuffer(block, np.uint8)
    ends, tabs = np.flatnonzero(data == ord("\n")), np.flatnonzero(data == ord("\t"))
    if len(tabs) != len(ends) * (width - 1):
        return False
    begins = np.concatenate([[0], ends[:-1] + 1])
    bounds = np.column_stack([begins - 1, tabs.reshape(len(ends), width - 1), ends])
    if (np.diff(bounds) < 2).any():  # a tab of another line, or a cell without a character
        return False
    cells = np.column_stack([bounds[:, :-1].ravel() + 1, bounds[:, 1:].ravel()])
    doubtful = cells[np.isin(data[cells[:, 0]], BLANK)]
    if any(not block[start:end].decode().strip() for start, end in doubtful.tolist()):
        return False
    starts.append(begins + position)
    sizes.append((ends - begins).astype(np.int32))
    labels.update(cell.removesuffix(b"\r") for cell in _distinct(data, bounds[:, -2] + 1, bounds[:, -1]))
    return True


def _distinct(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Iterator[bytes]:
    """The distinct stretches of the bytes, compared length by length."""
    lengths = ends - starts
    for length in np.unique(lengths).tolist():
        cells = data[starts[lengths == length, None] + np.arange(length)]
        yield from (cell.tobytes() for cell in np.unique(cells.view(f"V{length}")))
