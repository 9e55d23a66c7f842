"""Layouts: the ways in which a data set is laid out on disk. Whichever is there is read, with the same records.

Benchmarks come as their authors published them, as XTREME prepares them, and as FILTER's scripts left them. A task
lists its layouts; for each split and language the first whose file is there is read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from isogloss.data.formats import packed
from isogloss.errors import UserError

ENGLISH = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way to lay a data set out: its files by split, and how one of them is read.

    A file is a path below the task's folder in which `{language}` stands for the tag.
    """

    name: str  # whose it is
    files: Mapping[str, str]
    read: Callable[[Path, str], Sequence[Any]]  # file, tag -> records
    languages: tuple[str, ...] = ()  # those it has, where they are not all of the task's
    numbered: bool = False  # whether rows of the same number are the same item in every language

    def file(self, folder: Path, split: str, tag: str) -> Path | None:
        """Where the file of a split and language would be; None if this layout has no such split or language."""
        if split not in self.files or (self.languages and tag not in self.languages):
            return None
        return folder / self.files[split].format(language=tag)


def located(layouts: Sequence[Layout], folder: Path, split: str, tag: str) -> tuple[Layout, Path] | None:
    """The first layout whose file of that split and language is there, and the file; None if none is."""
    for layout in layouts:
        file = layout.file(folder, split, tag)
        if file is not None and packed(file) is not None:
            return layout, file
    return None


def read_layout(layouts: Sequence[Layout], folder: Path, split: str, tag: str) -> Sequence[Any]:
    """The records of a split in one language, in whichever layout they are there.

    Raises:
        UserError: they are there in none, and the message names the files that were looked for; or numbered rows are
            not as many as the English ones.
    """
    layout, file = find_layout(layouts, folder, split, tag)
    records = layout.read(file, tag)
    if layout.numbered and tag != ENGLISH:
        require_as_many(records, file, located(layouts, folder, split, ENGLISH), ENGLISH)
    return records


def require_as_many(records: Sequence[Any], file: Path, other: tuple[Layout, Path] | None, tag: str) -> None:
    """Nothing, if a file has as many rows as another one in the language `tag`, or the other is not there.

    Raises:
        UserError: it has not; the message names both.
    """
    if other is not None and len(records) != (wanted := len(other[0].read(other[1], tag))):
        raise UserError(
            f"{file}: {len(records)} rows where {other[1]} has {wanted}; rows of the same number are the same item, so "
            "none may be missing or blank"
        )


def find_layout(layouts: Sequence[Layout], folder: Path, split: str, tag: str) -> tuple[Layout, Path]:
    """The first layout whose file of that split and language is there, and the file.

    Raises:
        UserError: none is there; the message names the files that were looked for.
    """
    found = located(layouts, folder, split, tag)
    if found is None:
        files = [file for layout in layouts if (file := layout.file(folder, split, tag))]
        names = ", ".join(str(file.relative_to(folder)) for file in files)
        raise UserError(f"{folder} has no {split} items in {tag}; looked for {names or 'nothing'}")
    return found


Numbered = partial(Layout, numbered=True)
