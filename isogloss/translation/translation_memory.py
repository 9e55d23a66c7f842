"""A translation memory: pairs of a text and its translation, of which those most similar to a new text are found.

Similarity is that of the letters (1 minus the edit distance over the longer text's length) or the cosine of two
sentence vectors. A text never finds its own pair unless that is allowed: a memory that holds the test set would answer
the test.
"""

import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from isogloss.data.formats import OPENERS, find, open_text, read_header, read_table
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.translation.language_id import language_among, other_language

Encode = Callable[[Sequence[str]], np.ndarray]  # texts -> unit vectors (texts, H), as `encoders.sentence_vectors` has
SIMILARITIES_AT_ONCE = 2**24  # 64 MB of float32
XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
LENGTH_RATIO = 3.0  # a pair whose ratio of lengths is so many times the usual one is no translation
ENOUGH = 120  # characters by which the language of a side is told
SAMPLE = 20  # pairs by which the languages of a memory are told
SHORT = 10  # characters added to both lengths: two words may well be four times as long as one


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and its translation; style: what the memory says of its manner or region, where it says anything."""

    source: str
    target: str
    style: str | None = None


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
    if not _names_languages(path, source, target):
        _require_languages(pairs[:SAMPLE], source, target, str(path))
    if dropped:
        told = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        print(f"memory {path}: {len(kept):,} pairs {source}-{target}; left out: {told}", file=sys.stderr)
    if not kept:
        raise UserError(f"memory {path}: no usable pair {source}-{target}; look at the lines it has")
    return TranslationMemory(kept, similarity)


def read_pairs(path: Path, source: str, target: str) -> list[Pair]:
    """The pairs of a file as they stand, in its order.

    JSON lines have `source` and `target`, and where they differ from line to line `source_language` and
    `target_language`; a line of the opposite direction is turned. A table has the source before the target, or a first
    line with `source` and `target` or with languages (`en`, `de`, `sw`), of which two are taken. Either may have
    a `style`. In TMX the style is the target's language with its region, as the file has it (`pt-BR`).

    Raises:
        UserError: it is none of these, or lacks one of the languages.
    """
    if ".jsonl" in path.suffixes:
        return list(_json_pairs(path, source, target))
    if ".tmx" in path.suffixes:
        return list(_tmx_pairs(path, source, target))
    return [Pair(*row.values) for row in read_table(path, _columns(path, source, target))]


def _names_languages(path: Path, source: str, target: str) -> bool:
    """Whether the file itself says which languages its sides are in, and is believed."""
    if ".tmx" in path.suffixes:
        return True
    if ".jsonl" in path.suffixes:
        with open_text(path) as text:
            return '"target_language"' in text.readline()
    return _columns(path, source, target)[0] not in (0, "source")


def _require_languages(pairs: Sequence[Pair], source: str, target: str, where: str) -> None:
    for name, tag in (("source", source), ("target", target)):
        if seen := other_language(" ".join(getattr(pair, name) for pair in pairs), tag):
            raise UserError(
                f"memory {where}: its {name}s look like {seen}, not {tag}; give another file, or, if it is right, name "
                "the languages in a first line"
            )


def _columns(path: Path, source: str, target: str) -> list[str | int]:
    """The columns of the source, the target and, where there is one, the style: names, or numbers without a header."""
    cells = read_header(path)
    style: list[str | int] = ["style"] if "style" in cells else []
    if {"source", "target"} <= set(cells):
        return ["source", "target", *style]
    tags = {_tag(cell): cell for cell in cells if cell != "style"}
    # "no" and "is" are words too: a header names languages only, and one that was asked for
    if None in tags or not tags.keys() & {source, target}:
        if len(cells) < 2:
            raise UserError(f"{find(path)}:1: one column; a source, a tab and its translation are expected")
        return [0, 1]
    for tag in (source, target):
        if tag not in tags:
            raise UserError(f"{find(path)}: no column of {tag}; it has {', '.join(map(str, tags))}")
    return [tags[source], tags[target], *style]


def _tag(cell: str) -> str | None:
    try:
        return language(cell).tag if cell.isascii() and len(cell) <= 10 else None
    except UserError:
        return None


def _json_pairs(path: Path, source: str, target: str) -> Iterator[Pair]:
    where = find(path)
    with open_text(path) as text:
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                values = row["source"], row["target"]
                tags = tuple(
                    language(row.get(f"{side}_language", tag)).tag
                    for side, tag in (("source", source), ("target", target))
                )
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise UserError(f"{where}:{number}: not a pair with source and target ({error})") from None
            if not all(isinstance(value, str) for value in values):
                raise UserError(f"{where}:{number}: source and target must be texts")
            if tags in ((source, target), (target, source)):
                one, other = values if tags == (source, target) else values[::-1]
                yield Pair(one, other, row.get("style"))


def _tmx_pairs(path: Path, source: str, target: str) -> Iterator[Pair]:
    """The units of a TMX file that have both languages, without the mark-up inside them."""
    found, seen = find(path), set()
    try:
        with OPENERS.get(found.suffix, open)(found, "rb") as file:
            for _, element in ElementTree.iterparse(file):
                if element.tag == "tu":
                    variants = {each.get(XML_LANGUAGE) or each.get("lang") or "": each for each in element.iter("tuv")}
                    texts = {_tag(name): (_segment(variant), name) for name, variant in variants.items()}
                    seen |= texts.keys()
                    if source in texts and target in texts:
                        yield Pair(texts[source][0], *texts[target])
                    element.clear()
    except (ElementTree.ParseError, OSError, EOFError) as error:
        raise UserError(f"{found}: not TMX ({error})") from None
    if not {source, target} <= seen:
        raise UserError(f"{found}: no units {source}-{target}; it has {', '.join(map(str, seen)) or 'none'}")


def _segment(variant: ElementTree.Element) -> str:
    return "".join(
        text
        for segment in variant.iter("seg")
        for text in (segment.text or "", *(each.tail or "" for each in segment))  # tags inside hold codes, not words
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
