"""BM25 as a ranker, `bm25`: words that a query and a document share, with tokens that know the script.

Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond", through bm25s (Lù 2024, arXiv
2407.03618) in Lucene's form. Text is folded (NFKC, lower case, Arabic and Hebrew without vowel signs) and cut into
words; where a script writes no spaces, into pairs of neighbouring characters. A document without a word of the query is
not found.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from pydantic import NonNegativeFloat

from isogloss.errors import UserError
from isogloss.recipe import assigned
from isogloss.records import UNSPACED, Document, RankedQuery, RankingPrediction, split_words
from isogloss.retrieval.ranker import Ranker, by_collection, ranking

UNPOINTED = ("ARABIC ", "HEBREW ")  # scripts whose vowel signs mostly stay unwritten
ASCII_WORDS = re.compile("[a-z0-9]+")
Score = Callable[[str], np.ndarray]  # query -> (D,)
STRETCH = "\u0640"  # tatweel, which makes an Arabic word longer on paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much words weigh."""

    k1: NonNegativeFloat = 1.2  # how slowly the repetition of a word saturates; 0 = at once
    b: Annotated[float, Ge(0), Le(1)] = 0.75  # how much a document's length counts; 0 = not at all
    stop_share: Annotated[float, Ge(0), Le(1)] = 1.0  # words in a larger share of the documents are left out; 1 = none


class BM25:
    """Ranks documents by the words that they share with the query."""

    name = "bm25"

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings()
        self._held: tuple[Sequence[Document], Score] = ((), lambda query: np.zeros(0))  # the last collection's scores

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` best documents of each query that share a word with it."""
        found: dict[int, RankingPrediction] = {}
        for documents, numbers in by_collection(queries):
            index = self._index(documents)
            for number in numbers:
                found[number] = ranking(queries[number], index(queries[number].text), top_k, above=0.0)
        return [found[number] for number in range(len(queries))]

    def _index(self, documents: Sequence[Document]) -> Score:
        if documents is not self._held[0]:
            texts = [tokens(document.text) for document in documents]
            self._held = (documents, indexed(texts, self.settings))
        return self._held[1]


def load_ranker(rest: str, settings: Sequence[str] = ()) -> Ranker:
    """BM25 under the settings.

    Raises:
        UserError: something stands behind its name, a setting is unknown or does not fit, or bm25s is not installed.
    """
    if rest:
        raise UserError(f"bm25:{rest}: bm25 reads no files; its settings are given with --set k1=0.9")
    _library()
    return BM25(assigned(Settings, settings))


def indexed(texts: Sequence[Sequence[str]], settings: Settings) -> Score:
    """The function from a query to the scores (D,) of tokenised documents; 0 where no word is shared."""
    index = _library().BM25(k1=settings.k1, b=settings.b, method="lucene", auto_compile=False)
    common, vocabulary = _common(texts, settings.stop_share), dict[str, int]()
    kept = [[vocabulary.setdefault(word, len(vocabulary)) for word in words if word not in common] for words in texts]
    if vocabulary:
        index.index((kept, vocabulary), create_empty_token=False, show_progress=False)

    def scores(query: str) -> np.ndarray:
        words = [word for word in tokens(query) if word in vocabulary]
        return index.get_scores(words) if words else np.zeros(len(texts), np.float32)

    return scores


def tokens(text: str) -> list[str]:
    """The words of a text in any script, folded; pairs of neighbouring characters where words are not spaced."""
    if text.isascii():  # the same, many times as fast
        return ASCII_WORDS.findall(text.lower())
    folded = _folded(text)
    found: list[str] = []
    for run in _runs(folded):
        words = [folded[start:end] for start, end in run]
        found += words if len(run) == 1 else [first + second for first, second in pairwise(words)]
    return found


def _runs(text: str) -> Iterator[list[tuple[int, int]]]:
    """The words of a text without punctuation, those of an unspaced script together with their neighbours."""
    run: list[tuple[int, int]] = []
    for start, end in split_words(text):
        if unicodedata.category(text[start])[0] not in "LN":
            continue
        unspaced = unicodedata.name(text[start], "").startswith(UNSPACED)
        if run and (not unspaced or run[-1][1] != start):
            yield run
            run = []
        if unspaced:
            run.append((start, end))
        else:
            yield [(start, end)]
    if run:
        yield run


def _folded(text: str) -> str:
    """The text in one spelling: compatible forms alike, lower case, without vowel signs that are mostly unwritten."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace(STRETCH, "")
    return "".join(
        character
        for character in plain
        if unicodedata.category(character) != "Mn" or not unicodedata.name(character, "").startswith(UNPOINTED)
    )


def _common(texts: Iterable[Sequence[str]], share: float) -> set[str]:
    """The words that occur in more than this share of the texts."""
    if share == 1:
        return set()
    sets = [set(words) for words in texts]
    counts = Counter(word for words in sets for word in words)
    return {word for word, count in counts.items() if count > share * len(sets)}


def _library() -> Any:
    try:
        import bm25s
    except ImportError:
        raise UserError("ranker bm25 needs bm25s: pip install 'isogloss[retrieval]'") from None
    return bm25s
