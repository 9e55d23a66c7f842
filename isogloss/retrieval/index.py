"""An index of documents: a folder with their vectors and texts, which is searched with queries in any language.

The folder holds `index.json` (which encoder it was made with, known again by the vectors of three texts) and the store
that keeps vectors with documents, or says where that is. `indexing` makes and changes one.

As a ranker, `index:DIR`, it ranks whole collections.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery, RankingPrediction
from isogloss.retrieval._index_facts import STORE, Facts, read_facts
from isogloss.retrieval.text_encoder import TextEncoder, check_encoder, text_encoder
from isogloss.retrieval.vector_store import Hit, VectorStore, open_store

UNIT = 1e-2  # how far from 1 the length of a vector may be


@dataclass
class Index:
    """An open index."""

    folder: Path
    facts: Facts
    store: VectorStore
    encoder: TextEncoder

    def search(self, queries: Sequence[str], k: int = 10, *, exact: bool = False) -> list[list[Hit]]:
        """The k documents of highest cosine for each query, best first, of equal ones the earlier.

        Raises:
            UserError: a query is empty, k is below 1, or the encoder makes no proper vector of a query.
        """
        if k < 1:
            raise UserError(f"top_k = {k}: ask for one document or more")
        if any(not query.strip() for query in queries):
            raise UserError("an empty query: write what is looked for")
        if not queries:
            return []
        vectors = self.encoder.encode(queries)
        check_vectors(queries, vectors, self.facts.shape.dimension)
        return self.store.search(vectors, k, exact=exact)

    def close(self) -> None:
        """Nothing; the store is closed."""
        self.store.close()

    def about(self) -> dict[str, Any]:
        """What there is to tell of the index."""
        facts = self.facts
        told = {"documents": self.store.count(), "encoder": facts.encoder, "dimension": facts.shape.dimension}
        return told | {"precision": facts.shape.precision, "store": facts.store.partition(":")[0], **self.store.about()}


def open_index(folder: Path, encoder: str | Path | None = None) -> Index:
    """The index in a folder; `encoder` says where its encoder is now, if that has moved.

    Raises:
        UserError: there is none, it is not finished, or the encoder is not the one it was made with.
    """
    facts = read_facts(folder)
    if not facts.finished:
        raise UserError(f"{folder} is an index that was not finished; give the command that began it again")
    own = _own_encoder(folder, facts, encoder)
    return Index(folder, facts, open_store(facts.store, folder / STORE, facts.shape), own)


def check_vectors(texts: Sequence[str], vectors: np.ndarray, dimension: int) -> None:
    """Nothing, if the vectors are unit vectors of that dimension, one for each text.

    Raises:
        UserError: they are not; the text is named.
    """
    if vectors.shape != (len(texts), dimension):
        found = " x ".join(map(str, vectors.shape))
        raise UserError(
            f"the encoder's vectors of {len(texts)} texts are {found}; the index has {dimension} dimensions"
        )
    lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
    bad = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT))  # NaN too
    if len(bad):
        text = texts[bad[0]]
        found = "holds NaN or infinity" if not np.isfinite(lengths[bad[0]]) else f"has length {lengths[bad[0]]:.3g}"
        shown = repr(text if len(text) <= 60 else f"{text[:60]}...")
        raise UserError(f"the encoder's vector of {shown} {found}, not 1; it cannot be compared with others")


def _own_encoder(folder: Path, facts: Facts, named: str | Path | None) -> TextEncoder:
    """The encoder that the index was made with."""
    try:
        found = text_encoder(named or facts.encoder)
    except UserError as error:
        if named:
            raise
        raise UserError(f"{error}; if it has moved, --encoder says where it is now") from None
    check_encoder(folder, found, facts.checked, facts.encoder)
    return found


class IndexRanker:
    """Ranks the documents of an index."""

    def __init__(self, index: Index):
        self.index, self.name = index, f"index:{index.folder}"
        shape, store = index.facts.shape, index.facts.store.partition(":")[0]
        self.encoder, self.settings = index.facts.encoder, {"precision": shape.precision, "store": store}

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` nearest documents of each query; every collection must be what the index holds.

        Raises:
            UserError: it holds other documents, or a query has candidates of its own.
        """
        checked: tuple[Document, ...] | None = None
        for query in queries:
            if query.documents is not checked:
                checked = query.documents
                self._check(checked)
        found = self.index.search([query.text for query in queries], top_k)
        return [
            RankingPrediction(
                query.id, query.language, tuple(hit.document.id for hit in hits), tuple(hit.score for hit in hits)
            )
            for query, hits in zip(queries, found, strict=True)
        ]

    def _check(self, documents: Sequence[Document]) -> None:
        count = self.index.store.count()
        known = self.index.store.known([document.id for document in documents])
        other = [document.id for document in documents if known.get(document.id) != document]
        if other or count != len(documents):
            found = f"{len(other)} of its {len(documents)} documents are not in it" if other else f"it holds {count}"
            raise UserError(
                f"{self.name} ranks the collection it was made of: the queries have {len(documents)} documents, and "
                f"{found}; build an index of these, or use dense:ENCODER"
            )


def load_ranker(rest: str, settings: Sequence[str] = ()) -> IndexRanker:
    """The ranker of an index's folder.

    Raises:
        UserError: there is no index, or settings are given.
    """
    if not rest:
        raise UserError("index: name the folder behind the colon, for example index:docs.index")
    if settings:
        raise UserError(f"--set {settings[0]}: an index has no settings; leave it out")
    return IndexRanker(open_index(Path(rest)))
