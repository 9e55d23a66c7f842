"""Published scores of a benchmark, from `published.toml`; what is from memory stays marked."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from statistics import fmean
from typing import Any

from isogloss.evaluation.benchmarks import Benchmark
from isogloss.evaluation.entries import Cell, Entry, with_means


def published(benchmark: Benchmark) -> list[Entry]:
    """The published rows of a benchmark, in the order of the file."""
    text = (files("isogloss.evaluation") / "published.toml").read_text(encoding="utf-8")
    return [published_entry(row, benchmark) for row in tomllib.loads(text)[benchmark.name]]


def published_entry(row: Mapping[str, Any], benchmark: Benchmark) -> Entry:
    """The entry of one row of the file."""
    read, memory = row.get("read", {}), row.get("memory", {})
    given = {name: _cell(name, read, memory, benchmark) for name in benchmark.columns if name in read or name in memory}
    return Entry(
        name=row["name"],
        setting=row["setting"],
        source=row["source"],
        note=row.get("note", ""),
        cells=with_means(given, benchmark),
    )


def _cell(name: str, read: Mapping[str, Any], memory: Mapping[str, Any], benchmark: Benchmark) -> Cell:
    """A score that is from memory if any part of it is; without a score where a part is unknown."""
    metrics = benchmark.tasks[name].metrics if name in benchmark.tasks else {}
    if len(metrics) < 2:
        return Cell(value=read.get(name, memory.get(name)), from_memory=name not in read)
    parts = {**read.get(name, {}), **memory.get(name, {})}
    known = {shown: parts[shown] for shown in metrics if shown in parts}
    missing = tuple(shown for shown in metrics if shown not in parts)
    value = None if missing else fmean(known.values())
    return Cell(value=value, parts=known, missing=missing, from_memory=name in memory)
