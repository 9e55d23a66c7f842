"""An encoder as it is as a ranker, `dense:ENCODER`: documents by the cosine of sentence vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from pydantic import PositiveInt

from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.encoders.sentence_vectors import Encode, layer_number, sentence_vectors
from isogloss.errors import UserError
from isogloss.processes import divided, this_process
from isogloss.recipe import assigned
from isogloss.records import Document, RankedQuery, RankingPrediction
from isogloss.retrieval.nearest import nearest_neighbours
from isogloss.retrieval.ranker import Ranker, by_collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a text's vector is."""

    layer: int = -1  # whose states: 1 = the first, 0 = the embeddings, -1 = the last, -2 = the one before it
    pooling: Literal["mean", "first"] = "mean"  # mean over all real tokens, special ones too; or the first one's state
    batch_size: PositiveInt = 64  # texts encoded at a time


class Dense:
    """Ranks documents by the cosine of their vector with the query's."""

    def __init__(self, name: str, encode: Encode, settings: Settings | None = None):
        self.name, self.encode, self.settings = name, encode, settings or {}  # those of a run are in its manifest
        self._held: tuple[Sequence[Document], np.ndarray] = ((), np.zeros((0, 0), np.float32))  # the last collection

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` nearest documents of each query."""
        asked, groups = self.encode([query.text for query in queries]), by_collection(queries)
        found: dict[int, RankingPrediction] = {}
        for (_, numbers), vectors in zip(groups, self._vectors([documents for documents, _ in groups]), strict=True):
            nearest = nearest_neighbours(asked[numbers], vectors, top_k)
            for number, cosines, places in zip(numbers, nearest.cosines, nearest.places, strict=True):
                query = queries[number]
                names = tuple(query.documents[place].id for place in places)
                found[number] = RankingPrediction(query.id, query.language, names, tuple(map(float, cosines)))
        return [found[number] for number in range(len(queries))]

    def _vectors(self, collections: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """The vectors of the documents of each collection; those of the last one that came alone are kept."""
        if len(collections) == 1 and collections[0] is self._held[0]:
            return [self._held[1]]
        made = self.encode([document.text for documents in collections for document in documents])
        ends = np.cumsum([len(documents) for documents in collections])[:-1]
        parts = np.split(made, ends)
        if len(collections) == 1:
            self._held = (collections[0], parts[0])
        return parts


def load_ranker(rest: str, settings: Sequence[str] = ()) -> Ranker:
    """The ranker of an encoder: tiny, a folder, or a Hub name.

    Raises:
        UserError: there is no such encoder, it lacks the layer, or a setting is unknown.
    """
    if not rest:
        raise UserError("dense: name the encoder behind the colon, for example dense:tiny")
    chosen = assigned(Settings, settings)
    encoder, tokenizer = load_encoder(rest), load_tokenizer(rest)
    layer_number(chosen.layer, encoder.config.num_hidden_layers)
    encoder.to(this_process().device)  # pyright: ignore[reportCallIssue,reportArgumentType]
    encode = partial(
        sentence_vectors,
        encoder,
        tokenizer,
        layer=chosen.layer,
        pooling=chosen.pooling,
        batch_size=chosen.batch_size,
        spread=divided,
    )
    return Dense(f"dense:{rest}", encode, chosen)
