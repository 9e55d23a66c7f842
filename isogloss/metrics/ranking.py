"""nDCG of the documents of a query: Järvelin and Kekäläinen 2002, as XGLUE's evaluation script computes it for WPR.

A class is a grade of relevance, the first label 0. Gains are the grades themselves, the discount is log2(rank + 1), and
all documents count. Documents of the same score share the mean discount of their places, as in scikit-learn. A query
with a single document says nothing and is left out; one without any relevant document scores 0.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from isogloss.metrics import Metric
from isogloss.metrics.classification import gold_label
from isogloss.metrics.ratios import ratio_percent
from isogloss.records import LabelPrediction, Sentence, item_of

Score = Callable[[LabelPrediction, Sequence[str]], float]


def predicted_grade(guess: LabelPrediction, labels: Sequence[str]) -> float:
    """The grade of the predicted class, which XGLUE's script ranks by; most documents of a query are ties."""
    return labels.index(guess.label)


def expected_grade(guess: LabelPrediction, labels: Sequence[str]) -> float:
    """The mean grade under the predicted probabilities."""
    return sum(grade * guess.probabilities[label] for grade, label in enumerate(labels))


def ndcg(grades: np.ndarray, scores: np.ndarray) -> float:
    """nDCG in [0, 1] of D documents ranked by their scores, both (D,)."""
    discounts = 1 / np.log2(np.arange(len(grades)) + 2)
    best = np.sort(grades)[::-1] @ discounts
    _, place, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    shared = np.add.reduceat(discounts, np.cumsum(sizes) - sizes) / sizes
    return float(grades @ shared[place] / best) if best else 0.0


def ndcg_counts(
    gold: Sequence[Sentence], predictions: Sequence[LabelPrediction], labels: Sequence[str], *, score: Score
) -> np.ndarray:
    """nDCG of a query, and 1, in the row of its first document, (items, 2); the rows of the others are 0."""
    queries: dict[tuple[str, str], list[int]] = {}
    for i, record in enumerate(gold):
        queries.setdefault((record.language, item_of(record)), []).append(i)
    grades = np.array([labels.index(gold_label(record)) for record in gold], float)
    scores = np.array([score(guess, labels) for guess in predictions], float)
    counts = np.zeros((len(gold), 2))
    for documents in queries.values():
        if len(documents) > 1:
            counts[documents[0]] = ndcg(grades[documents], scores[documents]), 1
    return counts


RULES = "gain:grade|discount:log2(rank+1)|cut-off:none|ties:averaged|queries:2 documents or more, 0 if none is relevant"

NDCG = Metric(
    name="nDCG",
    signature=f"nDCG|{RULES}|score:predicted grade",
    counts=partial(ndcg_counts, score=predicted_grade),
    value=ratio_percent,
)
NDCG_EXPECTED = Metric(
    name="nDCG_expected",
    signature=f"nDCG|{RULES}|score:expected grade",
    counts=partial(ndcg_counts, score=expected_grade),
    value=ratio_percent,
)
