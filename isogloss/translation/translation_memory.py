"""A translation memory: pairs of a text and its translation, of which those most similar to a new text are found.

Similarity is that of the letters (1 minus the edit distance over the longer text's length) or the cosine of two
sentence vectors. A text never finds its own pair unless that is allowed: a memory that holds the test set would answer
the test.
"""

import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from isogloss.errors import UserError
from isogloss.language_id import language_among, other_language
from isogloss.translation.pair_files import Pair, names_languages, read_pairs

Encode = Callable[[Sequence[str]], np.ndarray]  # texts -> unit vectors (texts, H), as `encoders.sentence_vectors` has
SIMILARITIES_AT_ONCE = 2**24  # 64 MB of float32
LENGTH_RATIO = 3.0  # a pair whose ratio of lengths is so many times the usual one is no translation
ENOUGH = 120  # characters by which the language of a side is told
SAMPLE = 20  # pairs by which the languages of a memory are told
SHORT = 10  # characters added to both lengths: two words may well be four times as long as one


class Match(NamedTuple):
    """A pair of the memory and how similar its source is to the text, at most 1."""

    pair: Pair
    similarity: float


class TranslationMemory:
    """Pairs of one direction and the rule by which a text is compared with their sources."""

    def __init__(self, pairs: Sequence[Pair], similarity: str | Encode = "edit"):
        self.pairs = pairs
        self.similarity = similarity
        self._sources = [folded(pair.source) for pair in pairs]
        self._places: dict[str, list[int]] = {}
        for place, source in enumerate(self._sources):
            self._places.setdefault(source, []).append(place)

    def __len__(self) -> int:
        return len(self.pairs)

    def own(self, text: str) -> list[int]:
        """The places of the pairs whose source is the text itself, whatever its case, marks and spaces."""
        return self._places.get(folded(text), [])

    def most_similar(
        self, texts: Sequence[str], count: int, *, at_least: float = 0.0, allow_exact: bool = False
    ) -> list[list[Match]]:
        """For each text the pairs of the most similar sources, best first, of equal ones the earlier.

        Fewer than `count` where the memory has no more, or no more that are similar enough; never the text's own.
        """
        found = []
        step = max(1, SIMILARITIES_AT_ONCE // max(1, len(self)))
        for begin in range(0, len(texts), step):
            block = texts[begin : begin + step]
            for text, row in zip(block, self._similarities(block), strict=True):
                if not allow_exact:
                    row[self.own(text)] = -np.inf
                places = [place for place in _highest(row, count) if row[place] >= at_least]
                found.append([Match(self.pairs[place], float(row[place])) for place in places])
        return found

    def _similarities(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, pairs) float32."""
        if not len(self):
            return np.zeros((len(texts), 0), np.float32)
        if callable(self.similarity):
            return self.similarity(texts) @ self._vectors.T  # (Q, H) @ (H, N) -> (Q, N)
        try:
            from rapidfuzz.distance import Levenshtein
            from rapidfuzz.process import cdist
        except ImportError:
            raise UserError("edit distance needs rapidfuzz; pip install 'isogloss[translate]'") from None
        near = Levenshtein.normalized_similarity
        return cdist(list(map(folded, texts)), self._sources, scorer=near, dtype=np.float32, workers=1)

    @cached_property
    def _vectors(self) -> np.ndarray:
        assert callable(self.similarity)
        return self.similarity([pair.source for pair in self.pairs])


def read_memory(
    path: Path, source: str, target: str, *, similarity: str | Encode = "edit", style: str | None = None
) -> TranslationMemory:
    """The memory in a file for one direction, without the pairs that cannot be translations; one line says how many.

    style: only the pairs with this mark.

    Raises:
        UserError: the file has no such direction or no such style, or its two sides are the wrong way round.
    """
    pairs = read_pairs(path, source, target)
    if style is not None:
        known = sorted({pair.style for pair in pairs if pair.style})
        pairs = [pair for pair in pairs if pair.style == style]
        if not pairs:
            raise UserError(f"memory {path}: no pair of style {style!r}; it has {', '.join(known) or 'no styles'}")
    kept, dropped = clean(pairs, source, target, str(path))
    if not names_languages(path, source, target):
        _require_languages(pairs[:SAMPLE], source, target, str(path))
    if dropped:
        told = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        print(f"memory {path}: {len(kept):,} pairs {source}-{target}; left out: {told}", file=sys.stderr)
    if not kept:
        raise UserError(f"memory {path}: no usable pair {source}-{target}; look at the lines it has")
    return TranslationMemory(kept, similarity)


def _require_languages(pairs: Sequence[Pair], source: str, target: str, where: str) -> None:
    for name, tag in (("source", source), ("target", target)):
        if seen := other_language(" ".join(getattr(pair, name) for pair in pairs), tag):
            raise UserError(
                f"memory {where}: its {name}s look like {seen}, not {tag}; give another file, or, if it is right, name "
                "the languages in a first line"
            )


def clean(pairs: Sequence[Pair], source: str, target: str, where: str) -> tuple[list[Pair], Counter[str]]:
    """The pairs that may be translations, and how many were left out for which reason.

    Of several targets of a source the last one stays: a memory grows at its end. Lengths are compared with the
    usual ratio of these pairs, as a Chinese text has a third of the characters of its English one.

    Raises:
        UserError: most pairs are of the opposite direction.
    """
    dropped: Counter[str] = Counter()
    full = [pair for pair in pairs if pair.source.strip() and pair.target.strip()]
    latest = list({exact(pair.source): pair for pair in full}.values())
    sides = [
        tuple(language_among(text[:ENOUGH], (source, target)) for text in (pair.source, pair.target)) for pair in latest
    ]
    turned = sides.count((target, source))
    if turned * 2 > len(latest):
        raise UserError(
            f"memory {where}: {turned} of {len(latest)} pairs are {target}-{source}, not {source}-{target}; "
            "swap the columns, or name the languages in a first line"
        )
    right = [pair for pair, side in zip(latest, sides, strict=True) if side[0] != target and side[1] != source]
    usual = median([_ratio(pair) for pair in right]) if right else 1.0
    kept = [pair for pair in right if 1 / LENGTH_RATIO <= _ratio(pair) / usual <= LENGTH_RATIO]
    dropped["with an empty side"] = len(pairs) - len(full)
    dropped["of a repeated source"] = len(full) - len(latest)
    dropped["with a side in the wrong language"] = len(latest) - len(right)
    dropped["of unlikely lengths"] = len(right) - len(kept)
    return kept, +dropped


def _ratio(pair: Pair) -> float:
    return (len(pair.target) + SHORT) / (len(pair.source) + SHORT)


def exact(text: str) -> str:
    """The text as a memory looks it up: composed characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def folded(text: str) -> str:
    """The text's letters and digits without case, marks and spaces between them made one; itself if it has none."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain).split()
    return " ".join(words) or exact(text)


def _highest(row: np.ndarray, count: int) -> list[int]:
    """The places of the highest values, highest first, of equal ones the earlier; none of minus infinity."""
    left, places = row.copy(), []
    for _ in range(min(count, len(row))):  # a few passes are quicker than sorting, and keep the order of equals
        place = int(left.argmax())
        if left[place] == -np.inf:
            break
        places.append(place)
        left[place] = -np.inf
    return places
