"""Metrics of two classes by a score: area under the ROC curve, and average precision. The last label is positive.

Both depend on the order of all items, yet are functions of sums: of how many items of either class have each score.
Scores are log-odds in tenths, finer than what a few thousand items can tell apart. FILTER's code takes the predicted
label itself for the score, which is exact.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import log

import numpy as np

from isogloss.metrics import Metric
from isogloss.metrics.classification import gold_label
from isogloss.metrics.ratios import ratio_percent
from isogloss.records import LabelPrediction, Sentence

STEPS_PER_UNIT = 10  # of log-odds
SMALLEST = 1e-6  # probabilities are given to six decimals
HIGHEST = round(STEPS_PER_UNIT * -log(SMALLEST))


def log_odds_step(guess: LabelPrediction, labels: Sequence[str]) -> int:
    """The log-odds of the positive class in tenths, counted from the lowest there can be."""
    negative, positive = (max(guess.probabilities[label], SMALLEST) for label in labels)
    return HIGHEST + round(STEPS_PER_UNIT * log(positive / negative))


def label_step(guess: LabelPrediction, labels: Sequence[str]) -> int:
    """1 if the positive class is predicted, else 0."""
    return labels.index(guess.label)


def step_counts(
    gold: Sequence[Sentence],
    predictions: Sequence[LabelPrediction],
    labels: Sequence[str],
    *,
    step: Callable[[LabelPrediction, Sequence[str]], int],
    steps: int,
) -> np.ndarray:
    """A 1 at the class and the score of each item, (items, 2 * steps)."""
    counts = np.zeros((len(gold), 2, steps))
    for row, record, guess in zip(counts, gold, predictions, strict=True):
        row[labels.index(gold_label(record)), step(guess, labels)] = 1
    return counts.reshape(len(gold), 2 * steps)


def roc_auc_value(sums: np.ndarray) -> np.ndarray:
    """Percentage of pairs of a negative and a positive item in which the positive scores higher; a tie is half one."""
    negative, positive = _classes(sums)
    below = negative.cumsum(-1) - negative / 2
    return ratio_percent(np.stack([(positive * below).sum(-1), positive.sum(-1) * negative.sum(-1)], -1))


def average_precision_value(sums: np.ndarray, *, tied: float) -> np.ndarray:
    """Mean over positive items, in percent, of the precision among the item itself and those above it.

    tied: share of the other items at the same step that count as above.
    """
    negative, positive = _classes(sums)[..., ::-1]
    found, given = (each.cumsum(-1) - (1 - tied) * (each - 1) for each in (positive, positive + negative))
    precision = found / np.where(given > 0, given, 1)
    return ratio_percent(np.stack([(positive * precision).sum(-1), positive.sum(-1)], -1))


def _classes(sums: np.ndarray) -> np.ndarray:
    """Negative and positive items at each step, (2, ..., steps)."""
    return np.moveaxis(sums.reshape(*sums.shape[:-1], 2, -1), -2, 0)


BY_LOG_ODDS = partial(step_counts, step=log_odds_step, steps=2 * HIGHEST + 1)
BY_LABEL = partial(step_counts, step=label_step, steps=2)

ROC_AUC = Metric(
    name="ROC_AUC",
    signature="ROC_AUC|positive:last label|score:log-odds in tenths|ties:half",
    counts=BY_LOG_ODDS,
    value=roc_auc_value,
)
ROC_AUC_LABELS = Metric(
    name="ROC_AUC_labels",
    signature="ROC_AUC|positive:last label|score:predicted label|ties:half",
    counts=BY_LABEL,
    value=roc_auc_value,
)
AVERAGE_PRECISION = Metric(
    name="average_precision",
    signature="average_precision|positive:last label|score:log-odds in tenths|ties:half of the others above",
    counts=BY_LOG_ODDS,
    value=partial(average_precision_value, tied=0.5),  # their order is lost in the steps
)
AVERAGE_PRECISION_LABELS = Metric(
    name="average_precision_labels",
    signature="average_precision|positive:last label|score:predicted label|ties:one threshold",
    counts=BY_LABEL,
    value=partial(average_precision_value, tied=1),  # as scikit-learn has it
)
