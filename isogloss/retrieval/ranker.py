"""What ranks documents for queries: rankers find them in a collection, scorers compare a query with given ones.

Letters: Q queries, D documents.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from isogloss.records import RankedQuery, RankingPrediction


class Ranker(Protocol):
    """Finds documents: a bag of words, a bi-encoder, an index, or a scorer behind a first stage."""

    name: str  # as results and messages call it

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` best documents of each query among its own, best first, of equal scores the earlier document.

        Queries that share one collection (the same object) are ranked in it together. All documents where there are
        fewer.
        """
        ...


class Scorer(Protocol):
    """Compares a query with documents that are given: a cross-encoder, or one reading of all candidates."""

    name: str
    pairwise: bool  # whether a document's score depends on the query and itself alone, so that calls can be compared

    def scores(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The scores (D,) of each query's own documents, the higher the better."""
        ...
