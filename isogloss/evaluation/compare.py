"""Comparison of runs: seeds averaged, rows tested against each other on the same resamples of the items.

A row of a table is a method with its distinguishing settings, encoder and pairing; its seeds are averaged
item by item. Several tasks or splits make several tables. Within a table every row has scored the same items
in the same languages, so any two rows can be tested in pairs; the best of a column is marked only where it
beats every other row with p < 0.05.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import stdev
from typing import Any

from isogloss.errors import UserError
from isogloss.evaluation.bootstrap import Difference, Resamples, Score, difference, gap, resample, scores
from isogloss.evaluation.counts import Counts, average_seeds, language_values, name_difference
from isogloss.evaluation.labels import row_labels
from isogloss.evaluation.results import Result, read_items, read_result
from isogloss.metrics import Metric, load_metric

SIGNIFICANT = 0.05
CONTROLS = (
    "machine",
    "self",
    "word_dropout",
    "word_for_word",
    "shuffled",
)  # pairings that show what the translation is worth
TIMINGS = "bench"  # a folder of results that are no scores
AVERAGE, TRANSFER = "average", "transfer"  # columns beside the languages
SeedRow = list[tuple[Path, Result]]  # the results of one row, which differ in their seeds alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table; values in percent, differences in percentage points."""

    label: str
    method: str
    pairing: str
    encoder: str
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    languages: Mapping[str, Score]
    average: Score
    transfer: Score | None  # the languages other than the training language
    gap: Difference | None  # training language minus transfer
    against_baseline: Difference | None  # None for the baseline itself
    seed_sd: float | None  # standard deviation of the seeds' averages, None for one seed
    best: tuple[str, ...]  # languages, "average" or "transfer" where the row beats every other
    other_metrics: Mapping[str, float]  # averages over languages and seeds
    sources: tuple[str, ...]  # result files
    results: tuple[Result, ...]

    def column(self, name: str) -> Score | None:
        """The score of a language, of the average or of the transfer."""
        return {AVERAGE: self.average, TRANSFER: self.transfer}.get(name) or self.languages.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one task and split, the baseline first."""

    task: str
    split: str
    metric: str
    train_language: str
    languages: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def baseline(self) -> str:
        """The label of the row that the others are compared with."""
        return self.rows[0].label

    @property
    def unit(self) -> str:
        """What a column is of: a language, or of translators a direction."""
        return self.rows[0].results[0].unit


@dataclass(frozen=True, slots=True)
class Comparison:
    """Tables of compared runs."""

    tables: tuple[Table, ...]

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values; results are named by their files."""
        return {"tables": [_table_json(table) for table in self.tables]}


def compare(
    paths: Iterable[Path | str],
    *,
    split: str | None = None,
    baseline: str | None = None,
    resamples: int = 1000,
) -> Comparison:
    """The comparison of run folders (their `results/*.json`), folders of results, or result files.

    `split` leaves out the other splits. `baseline` is a row's label; by default zero_shot, else the first
    row.

    Raises:
        UserError: a path holds no result; rows of a task differ in metric, splits, languages or items; the
            same row and seed occurs twice; no row is called `baseline`.
    """
    found = [(file, read_result(file)) for path in paths for file in result_files(Path(path))]
    if split is not None:
        found = [(file, result) for file, result in found if result.split == split]
    if not found:
        raise UserError(f"no results{f' of split {split!r}' if split else ''} to compare; evaluate the runs first")
    groups: dict[tuple[str, str], list[tuple[Path, Result]]] = {}
    for file, result in found:
        groups.setdefault((result.task, result.split), []).append((file, result))
    _check_splits(found)
    return Comparison(tuple(_table(group, baseline, resamples) for group in groups.values()))


def result_files(path: Path) -> list[Path]:
    """The result files of a run folder, of a folder of results (searched to the bottom), or the file itself.

    Raises:
        UserError: there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder; give runs or their results")
    run = (path / "results").is_dir() or (path / "isogloss.json").is_file()
    files = sorted((path / "results").glob("*.json") if run else path.rglob("*.json"))
    files = [file for file in files if TIMINGS not in file.relative_to(path).parts]
    if not files:
        example = path / "results" / "test.json"
        raise UserError(f"{path} holds no results; `isogloss evaluate {path} --output {example}` writes one")
    return files


def _check_splits(found: Sequence[tuple[Path, Result]]) -> None:
    """A run evaluated on dev and another on test are not comparable, though each fills a table of its own."""
    splits: dict[str, dict[str, set[str]]] = {}
    for _, result in found:
        splits.setdefault(result.task, {}).setdefault(_key(result), set()).add(result.split)
    for task, rows in splits.items():
        first, *others = rows.values()
        for other in others:
            if first != other:
                raise UserError(
                    f"the runs of task {task!r} have results of different splits: "
                    f"{name_difference(first, other)}; choose one with --split"
                )


def _table(group: Sequence[tuple[Path, Result]], baseline: str | None, resamples: int) -> Table:
    check_alike(group)
    (file, first), *others = group
    for other_file, other in others:
        if first.languages.keys() != other.languages.keys():
            raise UserError(
                f"{file} and {other_file} evaluate different languages ("
                f"{name_difference(first.languages, other.languages)}); a mean over a hole is refused, "
                "evaluate both with the same --languages"
            )
    ordered = _baseline_first(_labelled(seed_rows(group)), baseline)
    metric = load_metric(first.metric)
    counts = [[read_items(file, result) for file, result in row] for row in ordered.values()]
    drawn = resample([average_seeds(seeds) for seeds in counts], metric.value, resamples=resamples)
    best = _best(drawn, first.train_language)
    return Table(
        task=first.task,
        split=first.split,
        metric=first.metric,
        train_language=first.train_language,
        languages=drawn.languages,
        rows=tuple(
            _row(label, ordered[label], i, drawn, _averages(metric, counts[i]), first.train_language, best[i])
            for i, label in enumerate(ordered)
        ),
    )


def _row(
    label: str,
    found: Sequence[tuple[Path, Result]],
    index: int,
    drawn: Resamples,
    averages: Sequence[float],
    train_language: str,
    best: tuple[str, ...],
) -> Row:
    results = [result for _, result in found]
    values = scores(drawn, index, train_language=train_language)
    return Row(
        label=label,
        method=results[0].method,
        pairing=results[0].pairing,
        encoder=results[0].encoder,
        settings=results[0].settings,
        seeds=tuple(seed for result in results for seed in result.seeds),
        languages=values.languages,
        average=values.average,
        transfer=values.transfer,
        gap=gap(drawn, index, train_language),
        against_baseline=difference(drawn, index, 0) if index else None,
        seed_sd=stdev(averages) if len(averages) > 1 else None,
        best=best,
        other_metrics=_other_averages(results),
        sources=tuple(str(file) for file, _ in found),
        results=tuple(results),
    )


def _key(result: Result) -> str:
    """What makes a row: everything but the seed."""
    settings = {name: value for name, value in result.settings.items() if name not in ("seed", "seeds")}
    return json.dumps([result.method, result.pairing, result.encoder, settings], sort_keys=True, default=str)


def seed_rows(found: Iterable[tuple[Path, Result]]) -> list[SeedRow]:
    """The results of a task by row: those that differ in nothing but the seed make one.

    Raises:
        UserError: the same row and seed occurs twice.
    """
    rows: dict[str, SeedRow] = {}
    for file, result in found:
        rows.setdefault(_key(result), []).append((file, result))
    for row in rows.values():
        seen: dict[int, Path] = {}
        for file, result in row:
            for seed in result.seeds:
                if seed in seen:
                    raise UserError(f"{seen[seed]} and {file} are the same row and seed ({seed}); leave one out")
                seen[seed] = file
    return list(rows.values())


def check_alike(found: Sequence[tuple[Path, Result]]) -> None:
    """Nothing, if the results have the same metric and training language.

    Raises:
        UserError: two have not; the message names them.
    """
    (file, first), *others = found
    for other_file, other in others:
        for name in ("metric", "train_language"):
            if getattr(first, name) != getattr(other, name):
                raise UserError(
                    f"{file} and {other_file} differ in {name} ({getattr(first, name)}, {getattr(other, name)});"
                    " compare them apart"
                )


def _labelled(rows: list[SeedRow]) -> dict[str, SeedRow]:
    """Rows by label, a method's rows together and its controls last."""
    methods = list(dict.fromkeys(row[0][1].method for row in rows))
    rows = sorted(rows, key=lambda row: (methods.index(row[0][1].method), row[0][1].pairing in CONTROLS))
    return dict(zip(row_labels([row[0][1] for row in rows]), rows, strict=True))


def _baseline_first(rows: dict[str, SeedRow], baseline: str | None) -> dict[str, SeedRow]:
    if baseline is None:
        baseline = next((label for label in rows if label == "zero_shot"), next(iter(rows)))
    if baseline not in rows:
        raise UserError(f"no row is called {baseline!r}; the rows are: {'; '.join(rows)}")
    return {baseline: rows[baseline]} | rows


def _best(drawn: Resamples, train_language: str) -> list[tuple[str, ...]]:
    """For each row, the columns in which it beats every other row."""
    transfer = [language for language in drawn.languages if language != train_language]
    columns = {AVERAGE: list(drawn.languages), TRANSFER: transfer} | {tag: [tag] for tag in drawn.languages}
    best: list[tuple[str, ...]] = []
    for row in range(len(drawn.values)):
        rivals = [other for other in range(len(drawn.values)) if other != row]
        won = (
            name
            for name, languages in columns.items()
            if languages and rivals and all(_beats(drawn, row, rival, languages) for rival in rivals)
        )
        best.append(tuple(won))
    return best


def _beats(drawn: Resamples, row: int, rival: int, languages: Sequence[str]) -> bool:
    found = difference(drawn, row, rival, languages)
    return found.value > 0 and found.p < SIGNIFICANT


def _averages(metric: Metric, seeds: Sequence[Counts]) -> list[float]:
    """The average over languages of each seed."""
    values = [language_values(metric, counts).values() for counts in seeds]
    return [sum(value) / len(value) for value in values]


def _other_averages(results: Sequence[Result]) -> dict[str, float]:
    """Averages over languages and seeds of the metrics that every result of the row has."""
    names = [name for name in results[0].other_metrics if all(name in result.other_metrics for result in results)]
    values = {name: [x for result in results for x in result.other_metrics[name].values()] for name in names}
    return {name: sum(found) / len(found) for name, found in values.items()}


def _named(value: Any) -> Any:
    """Scores and differences as objects with names instead of arrays."""
    if isinstance(value, Score | Difference):
        return value._asdict()
    if isinstance(value, Mapping):
        return {key: _named(item) for key, item in value.items()}
    return [_named(item) for item in value] if isinstance(value, list | tuple) else value


def _table_json(table: Table) -> dict[str, Any]:
    columns = [column.name for column in fields(Row) if column.name != "results"]  # they are files of their own
    rows = [{name: _named(getattr(row, name)) for name in columns} for row in table.rows]
    names = ("task", "split", "metric", "train_language", "languages", "baseline")
    return {name: _named(getattr(table, name)) for name in names} | {"rows": rows}
