"""Hubness: whether a few documents are found for nearly every query, after Radovanović et al. 2010.

N_k of a document is the number of queries that have it among their k best. Were documents found alike, N_k would lie
evenly around its mean, k Q / D; hubs give its distribution a long tail to the right, which the skewness measures.

Letters: Q queries, D documents.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.records import Document, RankedQuery, RankingPrediction

FIRST = 10  # k


class Hubness(NamedTuple):
    """How unevenly documents are found."""

    skewness: float  # of N_k over all documents, third central moment over the cube of the deviation; 0 where all equal
    most: int  # the largest N_k
    never: float  # percent of the documents that no query has among its k best


def hubness(places: np.ndarray, documents: int) -> Hubness:
    """The hubness of the k best of each query, (Q, k) numbers of documents from 0, in a collection of so many."""
    found = np.bincount(np.asarray(places, int).ravel(), minlength=documents).astype(float)
    apart = found - found.mean()
    deviation = np.sqrt((apart**2).mean())
    skewness = float((apart**3).mean() / deviation**3) if deviation else 0.0
    return Hubness(skewness, int(found.max()), 100 * float((found == 0).mean()))


def hubness_of(predictions: Sequence[RankingPrediction], documents: Sequence[Document], k: int = FIRST) -> Hubness:
    """The hubness of rankings in one collection, by their `k` best."""
    number = {document.id: i for i, document in enumerate(documents)}
    return hubness(np.array([number[name] for each in predictions for name in each.documents[:k]], int), len(documents))


def hubness_by_language(
    queries: Mapping[str, Sequence[RankedQuery]],
    predictions: Mapping[str, Sequence[RankingPrediction]],
    before: Mapping[str, Hubness],
) -> dict[str, Any]:
    """The hubness of the rankings for each language of queries that share a collection; empty where none do.

    before: that of the rankings without a correction, by language, where there is one.
    """
    found = {
        name: _rounded(hubness_of(predictions[name], group[0].documents))
        | ({"before": _rounded(before[name])} if name in before else {})
        for name, group in queries.items()
        if len(group) > 1 and all(query.documents is group[0].documents for query in group)
    }
    return {"first": FIRST, "languages": found} if found else {}


def _rounded(found: Hubness) -> dict[str, float]:
    return {"skewness": round(found.skewness, 4), "most": found.most, "never": round(found.never, 2)}
