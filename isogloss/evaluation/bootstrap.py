"""Percentile bootstrap over items (Efron 1979), and the paired test of two systems (Koehn 2004).

An item is one thing in several languages, so its languages are drawn together: languages that share items
share their luck, and the interval of their average must know it. Every metric is a function of sums over
items; a resample is a vector of weights on the items, and all resamples are one matrix product.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from isogloss.evaluation.counts import Counts, same_items, stack

Value = Callable[[np.ndarray], np.ndarray]
CELLS = 4_000_000  # weights held at once: 32 MB


class Score(NamedTuple):
    """A value in percent, its 95 % interval, and the number of items behind it."""

    value: float
    ci95: tuple[float, float]
    n: int


class Scores(NamedTuple):
    """Scores of every language, of their average, and of the average without the training language.

    `transfer` is None where the training language is the only one.
    """

    languages: dict[str, Score]
    average: Score
    transfer: Score | None


class Difference(NamedTuple):
    """First average minus second in percentage points, its 95 % interval, and the two-sided p-value."""

    value: float
    ci95: tuple[float, float]
    p: float


class Resamples(NamedTuple):
    """Values of one or more rows, all on the same resamples, so that any two of them are paired."""

    languages: tuple[str, ...]
    present: np.ndarray  # (languages, items), bool
    values: np.ndarray  # (rows, languages), percent, on the items themselves
    drawn: np.ndarray  # (resamples, rows, languages), NaN where a language drew no item


def resample(rows: Sequence[Counts], value: Value, *, resamples: int = 1000, seed: int = 0) -> Resamples:
    """Values of rows `counts[language][item]` of the same items, and of `resamples` draws of these items.

    A language may lack items, which then weigh nothing there.

    Raises:
        UserError: there is no language, or one without items; two rows scored different languages or items.
    """
    for other in rows[1:]:
        same_items(rows[0], other, "two compared rows")
    first = stack(rows[0])
    order = {language: list(items) for language, items in rows[0].items()}
    stacks = [stack({tag: {i: row[tag][i] for i in items} for tag, items in order.items()}).rows for row in rows]
    counts = np.concatenate(stacks)  # (rows * languages, items, width)
    shape = (len(rows), len(first.languages))
    parts = []
    for weights in resampling_weights(len(first.ids), resamples, seed):
        drawn = value(np.tensordot(weights, counts, axes=(1, 1))).reshape(-1, *shape)
        parts.append(np.where((weights @ first.present.T > 0)[:, None], drawn, np.nan))
    return Resamples(first.languages, first.present, value(counts.sum(1)).reshape(shape), np.concatenate(parts))


def scores(found: Resamples, row: int = 0, *, train_language: str = "en") -> Scores:
    """The scores of one row; an average is the plain mean over languages."""
    values, drawn, n = found.values[row], found.drawn[:, row], found.present.sum(1)
    languages = {
        tag: Score(float(values[i]), interval(drawn[:, i]), int(n[i])) for i, tag in enumerate(found.languages)
    }

    def average(chosen: list[int]) -> Score:
        items = int(found.present[chosen].any(0).sum())
        return Score(float(values[chosen].mean()), interval(drawn[:, chosen].mean(1)), items)

    others = [i for i, language in enumerate(found.languages) if language != train_language]
    return Scores(languages, average(list(range(len(values)))), average(others) if others else None)


def difference(found: Resamples, first: int, second: int, languages: Iterable[str] | None = None) -> Difference:
    """Row `first` minus row `second`, on average over the languages (all of them by default).

    The p-value is twice the smaller share of resamples on either side of 0, counted with one added so that it
    is never 0.
    """
    chosen = [found.languages.index(language) for language in languages or found.languages]
    value = (found.values[first] - found.values[second])[chosen].mean()
    drawn = (found.drawn[:, first] - found.drawn[:, second])[:, chosen].mean(1)
    return _tested(value, drawn)


def gap(found: Resamples, row: int, train_language: str) -> Difference | None:
    """Training language minus the average of the others, in one row; None if either is missing."""
    others = [i for i, language in enumerate(found.languages) if language != train_language]
    if not others or train_language not in found.languages:
        return None
    source = found.languages.index(train_language)
    value = found.values[row, source] - found.values[row, others].mean()
    return _tested(value, found.drawn[:, row, source] - found.drawn[:, row, others].mean(1))


def estimate(
    counts: Counts, value: Value, *, train_language: str = "en", resamples: int = 1000, seed: int = 0
) -> Scores:
    """`scores` of a single row."""
    return scores(resample([counts], value, resamples=resamples, seed=seed), train_language=train_language)


def paired_difference(
    first: Counts, second: Counts, value: Value, *, resamples: int = 1000, seed: int = 0
) -> Difference:
    """`difference` of two rows on average over their languages."""
    return difference(resample([first, second], value, resamples=resamples, seed=seed), 0, 1)


def resampling_weights(items: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each item is drawn, (resamples, items) in batches; a row is multinomial."""
    generator = np.random.default_rng(seed)
    batch = max(1, CELLS // items)
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        # Counting uniform draws is the multinomial, and much faster than numpy's item-by-item binomials.
        draws = generator.integers(items, size=(size, items)) + items * np.arange(size)[:, None]
        yield np.bincount(draws.ravel(), minlength=size * items).reshape(size, items).astype(float)


def interval(drawn: np.ndarray) -> tuple[float, float]:
    """The 2.5th and 97.5th percentiles of resampled values, NaN left out."""
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _tested(value: float, drawn: np.ndarray) -> Difference:
    drawn = drawn[~np.isnan(drawn)]
    tail = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return Difference(float(value), interval(drawn), min(1.0, 2 * (tail + 1) / (len(drawn) + 1)))
