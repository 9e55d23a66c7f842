"""Documents that a first stage finds, ranked anew by a scorer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from isogloss.records import RankedQuery, RankingPrediction
from isogloss.retrieval.ranker import Ranker, Scorer, ranking


@dataclass(frozen=True, slots=True)
class Reranked:
    """A ranker of a scorer: it compares each query with the `depth` documents that the first stage puts first.

    Where a query has no more documents than that, all are compared and there is no first stage.
    """

    scorer: Scorer
    first_stage: Ranker
    depth: int  # documents of a query

    @property
    def name(self) -> str:
        """The scorer's name and that of the first stage."""
        return f"{self.scorer.name} over {self.first_stage.name}, {self.depth}"

    @property
    def settings(self) -> dict[str, Any]:
        """What the ranking depends on beside the scorer."""
        return {"first_stage": self.first_stage.name, "depth": self.depth}

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` best of the documents that were compared."""
        proposed = self.proposed(queries)
        texts = [[document.text for document in query.documents] for query in proposed]
        scores = self.scorer.scores([query.text for query in proposed], texts)
        return [ranking(query, found, top_k) for query, found in zip(proposed, scores, strict=True)]

    def proposed(self, queries: Sequence[RankedQuery]) -> list[RankedQuery]:
        """The queries with the documents that the scorer compares them with, in the order of their collection."""
        large = [number for number, query in enumerate(queries) if len(query.documents) > self.depth]
        found = list(queries)
        ranked = self.first_stage.rank([queries[number] for number in large], self.depth) if large else []
        for number, first in zip(large, ranked, strict=True):
            chosen, query = set(first.documents), queries[number]
            found[number] = replace(query, documents=tuple(each for each in query.documents if each.id in chosen))
        return found
