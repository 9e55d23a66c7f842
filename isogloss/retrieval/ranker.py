"""What ranks documents for queries: rankers find them in a collection, scorers compare a query with given ones.

Letters: Q queries, D documents.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from isogloss.records import Document, RankedQuery, RankingPrediction
from isogloss.retrieval.nearest import top


class Ranker(Protocol):
    """Finds documents: a bag of words, a bi-encoder, an index, or a scorer behind a first stage.

    One with `settings` (a dataclass or a mapping) finds them in the results of its evaluation, and one with `encoder`
    that name, where its own does not say it. One with `learn(train, dev)` is first given the task's training and dev
    queries, and says what it tuned on dev.
    """

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` best documents of each query among its own, best first, of equal scores the earlier document.

        Queries that share one collection (the same object) are ranked in it together. Fewer where there are fewer, or
        where no more are found.
        """
        ...


class Scorer(Protocol):
    """Compares a query with documents that are given: a cross-encoder, or one reading of all candidates."""

    name: str
    pairwise: bool  # whether a document's score depends on the query and itself alone, so that calls can be compared

    def scores(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The scores (D,) of each query's own documents, the higher the better."""
        ...


def by_collection(queries: Sequence[RankedQuery]) -> list[tuple[tuple[Document, ...], list[int]]]:
    """The collections of the queries, and the numbers of the queries that share each."""
    groups: dict[int, tuple[tuple[Document, ...], list[int]]] = {}
    for number, query in enumerate(queries):
        groups.setdefault(id(query.documents), (query.documents, []))[1].append(number)
    return list(groups.values())


def ranking(query: RankedQuery, scores: np.ndarray, top_k: int, above: float = -np.inf) -> RankingPrediction:
    """The best of a query's documents by their scores (D,); none with a score of `above` or less."""
    best = top(np.asarray(scores, np.float32)[None], top_k)
    found = [
        (query.documents[place].id, float(score))
        for score, place in zip(best.cosines[0], best.places[0], strict=True)
        if score > above
    ]
    names, values = zip(*found, strict=True) if found else ((), ())
    return RankingPrediction(query.id, query.language, names, values)
