"""Mirrors of the Hub for tests: tables written where a task's declaration says they are, class numbers and all."""

import csv
from pathlib import Path

import datasets
from datasets import ClassLabel, Dataset, Features, List, Value

from isogloss.data.hub import Hub

datasets.disable_progress_bars()
TEXT = Value("string")


def write_split(root: Path, place: Hub, split: str, tag: str, rows: list[tuple], features: dict) -> Path:
    """The table of a split in a language, its columns those of the features in their order, more than are declared."""
    pattern = place.pattern(split, tag)
    assert pattern is not None
    path = root / place.repository / pattern.replace("*", "00000-of-00001")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tsv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t", lineterminator="\n").writerows([tuple(features), *rows])
        return path
    columns = {name: list(values) for name, values in zip(features, zip(*rows, strict=True), strict=True)}
    Dataset.from_dict(columns, features=Features(features)).to_parquet(path)
    return path


def classes(*names: str) -> ClassLabel:
    """A column of class numbers."""
    return ClassLabel(names=list(names))


def lists(feature: ClassLabel | Value) -> List:
    """A column of lists."""
    return List(feature)
