"""The layouts of XGLUE: one file for each task, language and split; English alone trains.

The archive has a folder for each task. FILTER's readers take the tables of XGLUE's own tasks side by side.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.formats import labelled_width, read_table
from isogloss.data.layouts import Layout
from isogloss.records import Sentence
from isogloss.tasks import SPLITS


def in_archive(name: str) -> tuple[str, ...]:
    """Where the files of a task may lie, by its folder in the archive: the folder itself is given, or one above it."""
    return "", f"{name}/", f"xglue_full_dataset/{name}/"


def layouts(task: str, columns: int) -> tuple[Layout, ...]:
    """The layouts of a task whose tables have that many columns, the label last."""

    def read(path: Path, tag: str) -> list[Sentence]:
        return read_pairs(path, tag, columns)

    return named_layouts([f"{folder}xglue.{task}." for folder in in_archive(task.upper())], read)


def named_layouts(beginnings: Sequence[str], read: Callable[[Path, str], Sequence[Any]]) -> tuple[Layout, ...]:
    """The layouts of files named by language and split after one of the beginnings."""
    found = []
    for beginning in beginnings:
        files = {split: f"{beginning}{{language}}.{split}" for split in SPLITS}
        trained, tested = {"train": files["train"]}, {split: files[split] for split in ("dev", "test")}
        found.append(Layout(name="XGLUE, training", files=trained, read=read, languages=("en",)))
        found.append(Layout(name="XGLUE", files=tested, read=read))
    return tuple(found)


def read_pairs(path: Path, tag: str, columns: int) -> list[Sentence]:
    """The pairs of a table: the first text, the others joined by a space, and the label, which a test file may lack."""
    count = labelled_width(path, columns)
    rows = (row.values for row in read_table(path, range(count)))
    return [
        Sentence(
            id=str(number),
            language=tag,
            text=values[0],
            text_pair=" ".join(values[1 : columns - 1]),
            label=values[columns - 1] if count == columns else None,
        )
        for number, values in enumerate(rows, 1)
    ]
