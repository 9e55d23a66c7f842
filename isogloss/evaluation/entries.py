"""Rows of a benchmark's table and their cells; the means of groups, none of them over a hole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

from isogloss.evaluation.benchmarks import Benchmark

OWN = "own results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A score in percent, or what it lacks."""

    value: float | None = None
    ci95: tuple[float, float] | None = None  # where the score is one metric whose counts are at hand
    parts: Mapping[str, float] = field(default_factory=dict)  # F1 and EM, where the score is the mean of both
    missing: tuple[str, ...] = ()  # languages, metrics or tasks
    from_memory: bool = False  # nobody has checked it against its source
    n: int | None = None  # items


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the table."""

    name: str
    setting: str  # own results | zero-shot | translate-train | ...
    source: str  # where the scores were read, or the result files
    note: str = ""
    encoder: str = ""
    seeds: tuple[int, ...] = ()
    cells: Mapping[str, Cell]  # by the benchmark's columns: overall, groups, tasks
    languages: Mapping[str, Mapping[str, Cell]] = field(default_factory=dict)  # task -> language; own results only
    gaps: Mapping[str, float] = field(default_factory=dict)  # task -> English minus the mean of the other languages

    @property
    def own(self) -> bool:
        """Whether it was made from result files."""
        return self.setting == OWN


def with_means(cells: Mapping[str, Cell], benchmark: Benchmark) -> dict[str, Cell]:
    """The cells of all columns; a mean of tasks is taken where it is not given and no task is missing."""
    groups = {"overall": tuple(benchmark.tasks), **benchmark.groups}
    means = {name: _mean({task: cells.get(task, Cell()) for task in tasks}) for name, tasks in groups.items()}
    return {name: cells.get(name) or means.get(name) or Cell() for name in benchmark.columns}


def _mean(cells: Mapping[str, Cell]) -> Cell:
    missing = tuple(task for task, cell in cells.items() if cell.value is None)
    if missing:
        return Cell(missing=missing)
    value = fmean(cell.value for cell in cells.values() if cell.value is not None)
    return Cell(value=value, from_memory=any(cell.from_memory for cell in cells.values()))
