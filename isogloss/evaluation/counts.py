"""Counts: what each item contributed to a metric, by language and item id."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import UserError
from isogloss.metrics import Metric
from isogloss.records import item_of

Counts = Mapping[str, Mapping[str, Sequence[float] | np.ndarray]]


class Stacked(NamedTuple):
    """Counts as arrays; an item that a language lacks has zero rows there."""

    languages: tuple[str, ...]
    ids: tuple[str, ...]
    rows: np.ndarray  # (languages, items, width)
    present: np.ndarray  # (languages, items), bool


def count_items(metric: Metric, gold: Sequence[Any], predictions: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
    """The metric's counts of every item, by language in order of first appearance; records of a group are one item.

    Raises:
        UserError: gold and predictions do not line up, or a language has an id twice.
    """
    if len(gold) != len(predictions):
        raise UserError(f"{len(gold)} records but {len(predictions)} predictions; predict the same records again")
    rows = metric.counts(gold, predictions, labels)
    counts: dict[str, dict[str, np.ndarray]] = {}
    seen: set[tuple[str, str]] = set()
    for record, guess, row in zip(gold, predictions, rows, strict=True):
        if record.id != guess.id:
            raise UserError(
                f"the prediction of record {record.id!r} has id {guess.id!r}; keep the order of the records"
            )
        if (record.language, record.id) in seen:
            raise UserError(f"id {record.id!r} occurs twice in {record.language}; ids must be unique within a language")
        seen.add((record.language, record.id))
        items, item = counts.setdefault(record.language, {}), item_of(record)
        items[item] = items[item] + row if item in items else row
    return counts


def language_values(metric: Metric, counts: Counts) -> dict[str, float]:
    """The metric of each language in percent."""
    return {
        language: float(metric.value(np.array(list(items.values()), float).sum(0)))
        for language, items in counts.items()
    }


def stack(counts: Counts) -> Stacked:
    """Counts as arrays over the union of the languages' items.

    Raises:
        UserError: there are no languages, or one has no items.
    """
    if not counts:
        raise UserError("there is no language to score; evaluate at least one")
    for language, items in counts.items():
        if not items:
            raise UserError(f"language {language} has no items; an average over a hole is refused")
    ids = {item: i for i, item in enumerate(dict.fromkeys(item for items in counts.values() for item in items))}
    width = len(next(iter(next(iter(counts.values())).values())))
    rows, present = np.zeros((len(counts), len(ids), width)), np.zeros((len(counts), len(ids)), bool)
    for i, items in enumerate(counts.values()):
        where = [ids[item] for item in items]
        rows[i, where] = list(items.values())
        present[i, where] = True
    return Stacked(tuple(counts), tuple(ids), rows, present)


def average_seeds(runs: Iterable[Counts]) -> Counts:
    """The mean of several seeds' counts of each item, so that an interval over items speaks about items only.

    Raises:
        UserError: the runs scored different languages or items.
    """
    first, *others = runs
    for other in others:
        same_items(first, other, "two seeds of one row")
    return {
        language: {item: np.array([run[language][item] for run in (first, *others)], float).mean(0) for item in items}
        for language, items in first.items()
    }


def same_items(a: Counts, b: Counts, who: str) -> None:
    """Nothing, if `a` and `b` scored the same languages and items.

    Raises:
        UserError: they did not; the message names `who` and what differs.
    """
    if a.keys() != b.keys():
        raise UserError(f"{who} evaluate different languages: {name_difference(a, b)}; evaluate the same in both")
    for language in a:
        if a[language].keys() != b[language].keys():
            odd = min(a[language].keys() ^ b[language].keys())
            raise UserError(
                f"{who} score different items in {language} (id {odd!r}, say); evaluate both on the same data"
            )


def name_difference(a: Iterable[str], b: Iterable[str]) -> str:
    """`de, sw only in the first; th only in the second` for two sets of names."""
    only = ((set(a) - set(b), "first"), (set(b) - set(a), "second"))
    return "; ".join(f"{', '.join(sorted(names))} only in the {which}" for names, which in only if names)
