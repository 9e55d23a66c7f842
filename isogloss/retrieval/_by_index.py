"""A ranker of any collection by an index of pairs' scores that is built for it.

Letters: D documents.
"""

import sys
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery, RankingPrediction
from isogloss.retrieval._anchor_scores import Counted
from isogloss.retrieval._banks import read_bank
from isogloss.retrieval.ranker import Scorer, by_collection, ranking

if TYPE_CHECKING:
    from isogloss.retrieval.anncur import Index, Settings


class Approximate:
    """Ranks each collection by an index of it, and one of no more documents than the budget by the scorer alone.

    build: the index of a scorer, documents, anchor queries and a folder or None.

    Raises:
        UserError: the scorer reads several documents at once, or the file of anchor queries cannot be read.
    """

    def __init__(self, scorer: Scorer, settings: "Settings", build: "Callable[..., Index]"):
        self.name = f"{scorer.name} by anncur, {settings.budget} calls"
        self.settings, self._score, self._build = settings, Counted(scorer), build
        self._queries = [each.text for each in read_bank(Path(settings.texts))] if settings.texts else []
        self._index: tuple[Sequence[Document], Index] | None = None  # of the last collection

    def learn(self, train: Sequence[RankedQuery], dev: Sequence[RankedQuery]) -> dict[str, Any]:
        """Nothing; where no file is given, the anchor queries are of the training queries, and dev is not looked at."""
        self._queries = self._queries or [query.text for query in train]
        return {}

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` best documents that the scorer was called for, best first, of equal scores the earlier document.

        Raises:
            UserError: there are no anchor queries, or a score is not a finite number.
        """
        found: dict[int, RankingPrediction] = {}
        few = [number for number, query in enumerate(queries) if len(query.documents) <= self.settings.budget]
        texts = [[document.text for document in queries[number].documents] for number in few]
        scores = self._score([queries[number].text for number in few], texts) if few else []
        found |= {n: ranking(queries[n], each, top_k) for n, each in zip(few, scores, strict=True)}
        for documents, numbers in by_collection(queries):
            if len(documents) > self.settings.budget:
                index, asked = self._index_of(documents), [queries[number] for number in numbers]
                best_items = index.search(asked, top_k)
                with_text = places_of(documents)
                for number, places, values in zip(numbers, *best_items, strict=True):
                    shares = {index.items[place].text: score for place, score in zip(places, values, strict=True)}
                    scored = np.full(len(documents), -np.inf, np.float32)
                    for text, score in shares.items():
                        scored[with_text[text]] = score
                    found[number] = ranking(queries[number], scored, top_k)
        return [found[number] for number in range(len(queries))]

    def _index_of(self, documents: Sequence[Document]) -> "Index":
        """The index of a collection, built where it is not the last one's or in the folder."""
        if self._index is None or self._index[0] is not documents:
            texts = list(dict.fromkeys(self._queries))
            if not texts:
                raise UserError(
                    "anncur: no training queries to take anchor queries from; give a file of some with --set texts=FILE"
                )
            s = self.settings
            calls = min(len(texts), s.anchor_queries) * len(places_of(documents))
            folder = Path(s.folder) / fingerprint_of(documents) if s.folder else None
            kept = f"kept in {folder}" if folder else "not kept; --set folder=DIR keeps them"
            print(f"anncur: {calls} calls of {self._score.scorer.name} for the anchor queries, {kept}", file=sys.stderr)
            self._index = documents, self._build(self._score.scorer, documents, texts, folder=folder)
        return self._index[1]


def places_of(documents: Sequence[Document]) -> dict[str, list[int]]:
    """The places of the documents that have a text, by text."""
    found: dict[str, list[int]] = {}
    for place, document in enumerate(documents):
        found.setdefault(document.text, []).append(place)
    return found


def fingerprint_of(documents: Sequence[Document]) -> str:
    """A short hash of the documents' texts, whatever their order."""
    digest = blake2b(digest_size=8)
    for text in sorted({document.text for document in documents}):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
