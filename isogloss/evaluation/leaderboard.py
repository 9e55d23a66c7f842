"""The table of a benchmark: own results beside published ones, scored as the benchmark scores.

A row of own results is a method with its distinguishing settings, its pairing and its encoder, as in a comparison; its
tasks are put together by that name. `NAME=PATH` makes one row of all the results below a path: tasks are often trained
with different settings, and retrieval is another method. Seeds are averaged. There is no mean over a hole: a task that
lacks a language has no score, a group or benchmark that lacks a task has none, and what is missing is named.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from isogloss.errors import UserError
from isogloss.evaluation.arguments import named_path
from isogloss.evaluation.benchmarks import Benchmark, BenchmarkTask, load_benchmark
from isogloss.evaluation.bootstrap import estimate
from isogloss.evaluation.compare import SeedRow, check_alike, result_files, seed_rows
from isogloss.evaluation.counts import average_seeds
from isogloss.evaluation.entries import OWN, Cell, Entry, with_means
from isogloss.evaluation.labels import NO_ENCODER, row_names
from isogloss.evaluation.published import published
from isogloss.evaluation.results import Result, read_items, read_result
from isogloss.metrics import load_metric
from isogloss.tasks import load_task, task_names


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The rows of a benchmark, own ones first."""

    benchmark: Benchmark
    entries: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        """The table as plain JSON values."""
        tasks = self.benchmark.tasks
        return {
            "benchmark": self.benchmark.name,
            "paper": self.benchmark.paper,
            "tasks": {name: {"languages": task.languages, "metrics": task.metrics} for name, task in tasks.items()},
            "groups": dict(self.benchmark.groups),
            "entries": [asdict(entry) for entry in self.entries],
        }


Found = tuple[Path, Result]


def leaderboard(paths: Iterable[Path | str], benchmark: str = "xtreme", *, resamples: int = 1000) -> Leaderboard:
    """The table of a benchmark with the results of run folders, folders of results, or result files.

    Each may be given a name, NAME=PATH, under which all its results make one row.

    Raises:
        UserError: a path holds no result, none of them is of a task of the benchmark, or the same row and seed of a
            task occurs twice.
    """
    chosen = load_benchmark(benchmark)
    named: dict[str | None, list[Found]] = {}
    for name, path in map(named_path, paths):
        named.setdefault(name, []).extend((file, read_result(file)) for file in result_files(path))
    kept = {name: [each for each in found if _belongs(each[1], chosen)] for name, found in named.items()}
    _tell_left_out([result for found in named.values() for _, result in found], chosen)
    own = [*_rows(kept.pop(None, []), chosen, resamples), *_named_rows(kept, chosen, resamples)]
    if not own:
        raise UserError(
            f"no test result of a task of {chosen.title} ({', '.join(chosen.tasks)}); evaluate a run on one"
        )
    return Leaderboard(chosen, (*own, *published(chosen)))


def _belongs(result: Result, benchmark: Benchmark) -> bool:
    return result.task in benchmark.tasks and result.split == "test"


def _tell_left_out(found: Iterable[Result], benchmark: Benchmark) -> None:
    """Say which results are not of the benchmark: other tasks, reduced versions of its tasks, other splits."""
    outside = [each for each in found if not _belongs(each, benchmark)]
    counted = Counter(f"{each.task} {each.split}" for each in outside)
    if counted:
        told = ", ".join(f"{name} ({number})" for name, number in counted.items())
        print(f"not test results of tasks of {benchmark.title}, left out: {told}", file=sys.stderr)


def _rows(found: Sequence[Found], benchmark: Benchmark, resamples: int) -> list[Entry]:
    """The rows of results without a given name."""
    rows: dict[tuple[str, str], dict[str, SeedRow]] = {}
    for task in benchmark.tasks:
        grouped = seed_rows([each for each in found if each[1].task == task])
        for name, row in zip(row_names([row[0][1] for row in grouped]), grouped, strict=True):
            rows.setdefault((name, row[0][1].encoder), {})[task] = row
    several = len({encoder for _, encoder in rows} - {NO_ENCODER}) > 1
    return [
        _entry(f"{name}, {encoder}" if several and encoder != NO_ENCODER else name, tasks, benchmark, resamples)
        for (name, encoder), tasks in rows.items()
    ]


def _named_rows(named: Mapping[Any, Sequence[Found]], benchmark: Benchmark, resamples: int) -> list[Entry]:
    """A row for each name.

    Raises:
        UserError: a name has two rows of a task that differ in more than the seed.
    """
    entries = []
    for name, found in named.items():
        tasks: dict[str, SeedRow] = {}
        for task in benchmark.tasks:
            grouped = seed_rows([each for each in found if each[1].task == task])
            if len(grouped) > 1:
                told = "; ".join(row_names([row[0][1] for row in grouped]))
                raise UserError(f"{name} has {len(grouped)} rows of {task} ({told}); give each a name of its own")
            if grouped:
                (tasks[task],) = grouped
        if tasks:
            entries.append(_entry(str(name), tasks, benchmark, resamples))
    return entries


def _entry(name: str, rows: Mapping[str, SeedRow], benchmark: Benchmark, resamples: int) -> Entry:
    cells, languages, gaps = {}, {}, {}
    for task in benchmark.tasks.values():
        if task.name not in rows:
            cells[task.name] = Cell(missing=task.languages)
            continue
        cells[task.name], languages[task.name] = _task_score(task, rows[task.name], resamples)
        gap = gap_to_english(cells[task.name], languages[task.name])
        gaps |= {} if gap is None else {task.name: gap}
    results = [result for row in rows.values() for _, result in row]
    return Entry(
        name=name,
        setting=OWN,
        source=", ".join(str(file) for row in rows.values() for file, _ in row),
        encoder=", ".join(dict.fromkeys(result.encoder for result in results)),
        seeds=tuple(sorted({seed for result in results for seed in result.seeds})),
        cells=with_means(cells, benchmark),
        languages=languages,
        gaps=gaps,
    )


def _task_score(task: BenchmarkTask, row: SeedRow, resamples: int) -> tuple[Cell, dict[str, Cell]]:
    """The score of a task and of each of its languages; no score where a language, items or a metric are missing."""
    check_alike(row)
    results = [result for _, result in row]
    main, found = results[0].metric, average_seeds([read_items(file, result) for file, result in row])
    counts = {tag: found[tag] for tag in task.languages if tag in found}
    if not counts:
        return Cell(missing=task.languages), {}
    scores = estimate(counts, load_metric(main).value, train_language=results[0].train_language, resamples=resamples)
    lacking = [
        f"metric {name}"
        for name in task.metrics.values()
        if name != main and not all(name in result.other_metrics for result in results)
    ]
    if lacking:
        return Cell(missing=tuple(lacking)), {}
    languages: dict[str, Cell] = {}
    for tag, score in scores.languages.items():
        parts = {
            shown: score.value if name == main else fmean(result.other_metrics[name][tag] for result in results)
            for shown, name in task.metrics.items()
        }
        interval = score.ci95 if tuple(task.metrics.values()) == (main,) else None
        languages[tag] = Cell(value=fmean(parts.values()), ci95=interval, parts=_several(parts), n=score.n)
    missing = [*(tag for tag in task.languages if tag not in languages), *_short(task, languages)]
    if missing:
        return Cell(missing=tuple(missing)), languages
    parts = {shown: fmean(cell.parts[shown] for cell in languages.values()) for shown in _several(task.metrics)}
    value = fmean(cell.value for cell in languages.values() if cell.value is not None)
    interval = scores.average.ci95 if tuple(task.metrics.values()) == (main,) else None
    return Cell(value=value, ci95=interval, parts=parts, n=scores.average.n), languages


def _several(parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parts of a score that has several; nothing for one that is a single metric."""
    return parts if len(parts) > 1 else {}


def _short(task: BenchmarkTask, languages: Mapping[str, Cell]) -> list[str]:
    """`items of de, sw (400 of 5010)`: languages that were not scored on all items, where their number is known."""
    declared = load_task(task.name) if task.name in task_names() else None
    found: dict[str, list[str]] = {}
    for tag, cell in languages.items():
        size = declared.size("test", tag) if declared else None
        if size not in (None, cell.n):
            found.setdefault(f"{cell.n} of {size}", []).append(tag)
    return [f"items of {', '.join(tags)} ({count})" for count, tags in found.items()]


def gap_to_english(score: Cell, languages: Mapping[str, Cell]) -> float | None:
    """English minus the plain mean of the other languages; None if the task has no score or no English."""
    if score.value is None or "en" not in languages:
        return None
    values = {tag: cell.value for tag, cell in languages.items() if cell.value is not None}
    return values.pop("en") - fmean(values.values())
