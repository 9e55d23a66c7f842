"""Metrics of classification: accuracy and macro-averaged F1."""

from collections.abc import Sequence

import numpy as np

from isogloss.errors import UserError, nearest
from isogloss.metrics import Metric
from isogloss.metrics.ratios import f1_percent, ratio_percent
from isogloss.records import Bitext, LabelPrediction, NearestPrediction, Sentence


def accuracy_counts(
    gold: Sequence[Sentence | Bitext],
    predictions: Sequence[LabelPrediction | NearestPrediction],
    labels: Sequence[str],
) -> np.ndarray:
    """Right answers and answers of each item, (items, 2); right for a bitext is the bitext itself."""
    pairs = zip(gold, predictions, strict=True)
    return np.array([[gold_label(record) == guess.label, 1] for record, guess in pairs], float).reshape(-1, 2)


def class_counts(gold: Sequence[Sentence], predictions: Sequence[LabelPrediction], labels: Sequence[str]) -> np.ndarray:
    """True positives, false positives and false negatives of every class, (items, 3 * classes).

    Raises:
        UserError: a gold or predicted label is not among `labels`.
    """
    index = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(gold), 3, len(labels)))
    for row, record, guess in zip(counts, gold, predictions, strict=True):
        truth = gold_label(record)
        for label in (truth, guess.label):
            if label not in index:
                raise UserError(
                    f"record {record.id!r} ({record.language}): no label {label!r}; {nearest(label, labels)}"
                )
        if truth == guess.label:
            row[0, index[truth]] = 1
        else:
            row[1, index[guess.label]] = row[2, index[truth]] = 1
    return counts.reshape(len(gold), -1)


def macro_f1_value(sums: np.ndarray) -> np.ndarray:
    """Mean F1 in percent of the classes that occur in gold or predictions, (..., 3 * classes) -> (...)."""
    classes = sums.reshape(*sums.shape[:-1], 3, -1)
    there = classes.sum(-2) > 0
    return f1_percent(np.moveaxis(classes, -2, -1)).sum(-1) / np.maximum(there.sum(-1), 1)


def gold_label(record: Sentence | Bitext) -> str:
    """The label a record carries; of a bitext its id.

    Raises:
        UserError: it carries none.
    """
    if isinstance(record, Bitext):
        return record.id
    if record.label is None:
        raise UserError(f"record {record.id!r} ({record.language}) has no label; score a labelled split")
    return record.label


ACCURACY = Metric(name="accuracy", signature="accuracy|unit:item", counts=accuracy_counts, value=ratio_percent)
MACRO_F1 = Metric(
    name="macro_F1",
    signature="macro_F1|average:unweighted mean over classes in gold or predictions",
    counts=class_counts,
    value=macro_f1_value,
)
