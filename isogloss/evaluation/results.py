"""Results: one JSON per run, task and split, and beside it the counts of every item.

`test.json` holds the scores and where they came from; `test.items.jsonl` holds one line per language and
item, from which `isogloss compare` averages seeds and tests differences. Values are percent. `average` is the
plain mean over all languages; `average_transfer` is the mean over all but `train_language`, null where there
is no other. A mean is never taken over a hole. Of translations a "language" is a direction such as `en-de`, and
`groups` has the averages over the directions that were trained and over the others. Of rankings it is the language of
the queries, `language_bias` says in which languages the documents are that come first, and `hubness` how unevenly
documents are found.
"""

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import UserError
from isogloss.evaluation.bootstrap import Score, estimate
from isogloss.evaluation.counts import Counts, language_values
from isogloss.files import write_atomic
from isogloss.metrics import Metric, load_metric
from isogloss.provenance import commit, hardware, versions
from isogloss.train_settings import TrainSettings

RARE = ("groups", "other_ci95", "language_bias", "hubness")  # fields that most results do not have
TOLERANCE = 0.01  # percentage points; values are stored with four decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What was scored, on what, and how it was trained."""

    method: str
    task: str
    split: str
    pairing: str  # translation | self | shuffled | none ...
    seeds: tuple[int, ...]
    settings: Mapping[str, Any]
    encoder: str
    data: Mapping[str, Any]
    train_language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Conditions):
    """The scores of one run on one split of one task, and everything that says how they came about."""

    metric: str
    languages: Mapping[str, Score]
    average: float
    average_ci95: tuple[float, float]
    average_transfer: float | None
    average_transfer_ci95: tuple[float, float] | None
    other_metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # name -> language -> percent
    other_ci95: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)  # where they were asked for
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> languages, value, ci95, n, ...
    language_bias: Mapping[str, Any] = field(default_factory=dict)  # of rankings: see evaluation/language_bias.py
    hubness: Mapping[str, Any] = field(default_factory=dict)  # of rankings in a collection: see metrics/hubness.py
    signature: str
    versions: Mapping[str, str]
    commit: str
    hardware: Mapping[str, Any]
    seconds: float

    @property
    def unit(self) -> str:
        """What each score is of: a language, or of a translator a direction."""
        return "direction" if "decoding" in self.settings else "language"

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        values = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}
        scores = {tag: {"value": s.value, "ci95": list(s.ci95), "n": s.n} for tag, s in self.languages.items()}
        rare = [name for name in RARE if not values[name]]
        return {name: value for name, value in values.items() if name not in rare} | {"languages": scores}


def build_result(
    metric: Metric,
    counts: Counts,
    conditions: Conditions,
    *,
    seconds: float,
    other_metrics: Mapping[str, Mapping[str, float]] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    other_ci95: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    language_bias: Mapping[str, Any] | None = None,
    hubness: Mapping[str, Any] | None = None,
    resamples: int = 1000,
) -> Result:
    """The result of `counts[language][item]`, with intervals, signature and the provenance of this process.

    groups: languages by the name of a group, which each get an average.

    Raises:
        UserError: there is no language, or one without items.
    """
    found = estimate(counts, metric.value, train_language=conditions.train_language, resamples=resamples)
    transfer, packages, source = found.transfer, versions(), commit()
    others = other_metrics or {}
    items = sum(score.n for score in found.languages.values())
    signature = "|".join(
        [
            metric.signature,
            f"task:{conditions.task}|split:{conditions.split}|pairing:{conditions.pairing}|langs:{len(counts)}",
            f"n:{items}|seeds:{len(conditions.seeds)}|encoder:{conditions.encoder}",
            f"ci:95% percentile bootstrap over items, {resamples}",
            f"commit:{source}|v:{packages.get('isogloss', 'unknown')}",
        ]
    )
    return Result(
        **{item.name: getattr(conditions, item.name) for item in fields(Conditions)},
        metric=metric.name,
        languages={language: _score(score) for language, score in found.languages.items()},
        average=round(found.average.value, 4),
        average_ci95=_rounded(found.average.ci95),
        average_transfer=None if transfer is None else round(transfer.value, 4),
        average_transfer_ci95=None if transfer is None else _rounded(transfer.ci95),
        other_metrics={
            name: {language: round(value, 4) for language, value in values.items()} for name, values in others.items()
        },
        other_ci95=other_ci95 or {},
        groups={
            name: _group({tag: counts[tag] for tag in tags}, metric, others, resamples)
            for name, tags in (groups or {}).items()
        },
        language_bias=language_bias or {},
        hubness=hubness or {},
        signature=signature,
        versions=packages,
        commit=source,
        hardware=hardware(),
        seconds=round(seconds, 2),
    )


def _group(counts: Counts, metric: Metric, others: Mapping[str, Mapping[str, float]], resamples: int) -> dict[str, Any]:
    """The average over some languages with its interval, the averages of the other metrics, and which they are."""
    score = _score(estimate(counts, metric.value, resamples=resamples).average)
    means = {name: round(sum(values[tag] for tag in counts) / len(counts), 4) for name, values in others.items()}
    return {"languages": list(counts), "value": score.value, "ci95": list(score.ci95), "n": score.n} | means


def write_result(path: Path, result: Result, counts: Counts) -> None:
    """Nothing; writes `path` and, before it, the items file beside it.

    Raises:
        UserError: the place cannot be written.
    """
    if path.suffix != ".json":
        raise UserError(f"{path}: a result is a JSON file; give a name that ends with .json")
    lines = [
        json.dumps({"language": language, "id": item, "counts": [_number(x) for x in row]}, ensure_ascii=False)
        for language, items in counts.items()
        for item, row in items.items()
    ]
    write_atomic(items_path(path), "\n".join(lines) + "\n")
    write_atomic(path, json.dumps(result.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def read_result(path: Path) -> Result:
    """The result in a file, checked.

    Raises:
        UserError: the file is missing or no JSON, lacks or adds a key, holds a number that is none, or an
            average that is not the mean of its languages.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; `isogloss evaluate RUN --output {path}` writes it") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: not a JSON result ({error}); evaluate the run again") from error
    try:
        result = parse_result(found)
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, UserError) else f"a field has the wrong type ({error})"
        raise UserError(f"{path}: not a result: {reason}; evaluate the run again") from error
    return result


def parse_result(found: Any) -> Result:
    """The result of plain JSON values.

    Raises:
        UserError: it is not a valid result; `read_result` says in which file.
    """
    if not isinstance(found, dict):
        raise UserError(f"expected an object, found {type(found).__name__}")
    known = {item.name for item in fields(Result)}
    if lacking := sorted(known - found.keys() - {"other_metrics", *RARE}):
        raise UserError(f"it lacks {', '.join(lacking)}")
    if unknown := sorted(found.keys() - known):
        raise UserError(f"it has unknown keys {', '.join(unknown)}")
    languages = {tag: Score(float(s["value"]), _pair(s["ci95"]), int(s["n"])) for tag, s in found["languages"].items()}
    transfer_ci = found["average_transfer_ci95"]
    result = Result(
        **found
        | {
            "languages": languages,
            "average_ci95": _pair(found["average_ci95"]),
            "average_transfer_ci95": None if transfer_ci is None else _pair(transfer_ci),
            "seeds": tuple(found["seeds"]),
            "settings": _completed(found["settings"]),
        }
    )
    _check(result)
    return result


def _completed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the defaults of those that training did not have when the result was written."""
    train = settings.get("train")
    return {**settings, "train": asdict(TrainSettings()) | train} if isinstance(train, dict) else dict(settings)


def items_path(path: Path) -> Path:
    """`test.items.jsonl` for `test.json`."""
    return path.with_suffix(".items.jsonl")


def read_items(path: Path, result: Result) -> Counts:
    """The counts beside a result file, from `.items.jsonl` or `.items.jsonl.gz`.

    Raises:
        UserError: the file is missing or broken, or its counts do not give the result's values.
    """
    plain = items_path(path)
    packed = plain.with_name(f"{plain.name}.gz")
    try:
        text = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
        counts: dict[str, dict[str, np.ndarray]] = {}
        for line in text.decode("utf-8").splitlines():
            row = json.loads(line)
            counts.setdefault(row["language"], {})[row["id"]] = np.array(row["counts"], float)
    except FileNotFoundError as error:
        raise UserError(
            f"{path} has no {plain.name} beside it, which seeds and tests need; evaluate the run again"
        ) from error
    except (OSError, EOFError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{plain}: not an items file ({error}); evaluate the run again") from error
    values = language_values(load_metric(result.metric), counts)
    stated = {language: score.value for language, score in result.languages.items()}
    if values.keys() != stated.keys() or any(abs(values[tag] - stated[tag]) > TOLERANCE for tag in values):
        raise UserError(f"{plain} does not give the values in {path.name}; they are of two evaluations, run it again")
    return counts


def _check(result: Result) -> None:
    numbers = [result.average, *result.average_ci95, result.seconds]
    for score in result.languages.values():
        numbers += [score.value, *score.ci95]
        if score.n < 1:
            raise UserError("a language has no items")
    for values in result.other_metrics.values():
        numbers += values.values()
    if not all(math.isfinite(number) for number in numbers):
        raise UserError("a value is not a finite number")
    if not result.languages:
        raise UserError("it has no languages")
    for name, values in result.other_metrics.items():
        if values.keys() != result.languages.keys():
            raise UserError(f"{name} is not given for the same languages as {result.metric}")
    everyone = [score.value for score in result.languages.values()]
    others = [score.value for tag, score in result.languages.items() if tag != result.train_language]
    if abs(result.average - sum(everyone) / len(everyone)) > TOLERANCE:
        raise UserError("its average is not the mean of its languages")
    if (result.average_transfer is None) == bool(others):
        raise UserError(f"average_transfer must be a number if and only if there is more than {result.train_language}")
    transfer = result.average_transfer
    if transfer is not None and abs(transfer - sum(others) / len(others)) > TOLERANCE:
        raise UserError(f"average_transfer is not the mean of the languages other than {result.train_language}")


def _score(found: Score) -> Score:
    return Score(round(found.value, 4), _rounded(found.ci95), found.n)


def _rounded(ci95: tuple[float, float]) -> tuple[float, float]:
    return round(ci95[0], 4), round(ci95[1], 4)


def _pair(found: Sequence[float]) -> tuple[float, float]:
    low, high = found
    return float(low), float(high)


def _number(x: float) -> float | int:
    return int(x) if float(x).is_integer() else round(float(x), 6)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
