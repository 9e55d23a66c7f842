"""Items that stand for all others of a collection: drawn ones, medoids of clusters, or each query's own candidates.

Letters: D items, I anchor items, Q queries, H size of a vector.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from isogloss.encoders.sentence_vectors import Encode
from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.retrieval.ranker import Ranker

ROUNDS = 20  # of k-means at most


class AnchorItems:
    """Chooses among fixed items."""

    def __init__(
        self,
        items: Sequence[Document],
        seed: int,
        *,
        first_stage: Ranker | None = None,
        encode: Encode | None = None,
    ):
        self._items = tuple(items)  # one object, so that a first stage reads it once
        self._seed, self._first_stage, self._encode = seed, first_stage, encode

    @cached_property
    def _order(self) -> np.ndarray:
        return by_text([item.text for item in self._items], self._seed)

    @cached_property
    def _vectors(self) -> np.ndarray:
        encode = needed(self._encode, "medoids", "an encoder")
        return encode([self._items[place].text for place in self._order])

    def drawn(self, count: int) -> np.ndarray:
        """The first items by the hash of their texts, (I,)."""
        return self._order[:count]

    def medoids(self, count: int) -> np.ndarray:
        """The items nearest to the centres of so many clusters of their vectors, (I,)."""
        return self._order[medoids(self._vectors, count)]

    def candidates(self, queries: Sequence[RankedQuery], count: int) -> np.ndarray:
        """The first stage's best items of each query, (Q, I); drawn ones where it finds fewer."""
        stage = needed(self._first_stage, "first_stage", "a first stage")
        number = {item.id: place for place, item in enumerate(self._items)}
        found = stage.rank([replace(query, documents=self._items) for query in queries], count)
        more = self.drawn(2 * count).tolist()
        rows = [dict.fromkeys([*(number[name] for name in each.documents), *more]) for each in found]
        return np.array([list(row)[:count] for row in rows], int)


def by_text(texts: Sequence[str], seed: int) -> np.ndarray:
    """The places of texts in the order of their hashes: as good as random, and the same however they are ordered."""
    hashes = [blake2b(f"{seed}\0{text}".encode("utf-8", "surrogatepass")).digest() for text in texts]
    return np.array(sorted(range(len(texts)), key=hashes.__getitem__), int)


def medoids(vectors: np.ndarray, count: int) -> np.ndarray:
    """The numbers of the vectors that are nearest to the centres of so many clusters; unit vectors (D, H).

    k-means by the cosine, from the first vectors as centres; a centre without vectors is what it was.
    """
    centres = vectors[:count]
    nearest = np.full(len(vectors), -1)
    for _ in range(ROUNDS):
        before, nearest = nearest, (vectors @ centres.T).argmax(1)
        if (nearest == before).all():
            break
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, vectors)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres)
    found = dict.fromkeys(int(place) for place in (centres @ vectors.T).argmax(1))
    return np.array([*found, *(place for place in range(len(vectors)) if place not in found)][:count], int)


def needed(thing: Any, anchors: str, what: str) -> Any:
    """The encoder or first stage.

    Raises:
        UserError: there is none.
    """
    if thing is None:
        raise UserError(f"anchors = {anchors} needs {what}; name one, or choose anchors=random")
    return thing
