"""Metrics of finding translations: in a bitext from text to translation, and pairs mined from comparable corpora."""

from collections.abc import Sequence

import numpy as np

from isogloss.metrics import Metric
from isogloss.metrics.ratios import f1_percent, precision_percent, ratio_percent, recall_percent
from isogloss.records import Bitext, ComparableSentence, MinedPrediction, NearestPrediction


def reverse_counts(
    gold: Sequence[Bitext], predictions: Sequence[NearestPrediction], labels: Sequence[str]
) -> np.ndarray:
    """Whether the translation nearest to the text is its own, and 1, of each item, (items, 2)."""
    pairs = zip(gold, predictions, strict=True)
    return np.array([[record.id == guess.reverse, 1] for record, guess in pairs], float).reshape(-1, 2)


def pair_counts(
    gold: Sequence[ComparableSentence], predictions: Sequence[MinedPrediction], labels: Sequence[str]
) -> np.ndarray:
    """True pairs, false pairs and missed pairs of each sentence, (items, 3)."""
    counts = np.zeros((len(gold), 3))
    for row, record, guess in zip(counts, gold, predictions, strict=True):
        found = {guess.translation} - {None}
        right = len(found & set(record.translations))
        row[:] = right, len(found) - right, len(record.translations) - right
    return counts


REVERSE_ACCURACY = Metric(
    name="reverse_accuracy",
    signature="reverse_accuracy|unit:item|query:text|candidates:translations",
    counts=reverse_counts,
    value=ratio_percent,
)
BITEXT_F1 = Metric(
    name="bitext_F1", signature="bitext_F1|unit:pair of ids|items:texts", counts=pair_counts, value=f1_percent
)
BITEXT_PRECISION = Metric(
    name="bitext_precision",
    signature="bitext_precision|unit:pair of ids|items:texts",
    counts=pair_counts,
    value=precision_percent,
)
BITEXT_RECALL = Metric(
    name="bitext_recall",
    signature="bitext_recall|unit:pair of ids|items:texts",
    counts=pair_counts,
    value=recall_percent,
)
