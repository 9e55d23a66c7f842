"""Terminology: which terms of a glossary a text has, and whether its translation has what they require.

A term counts as kept in two ways, which are reported side by side: as it was given, and inflected, where every word of
it shares its beginning or its end with a word of the translation (Häuser for Haus, watoto for mtoto). The second errs
in the translation's favour, the first against it.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from pathlib import Path
from typing import NamedTuple

from isogloss.records import UNSPACED, split_words
from isogloss.translation.pair_files import read_pairs
from isogloss.translation.prompts import Term

STRETCH = 0.7  # share of a word's letters, from its beginning or up to its end, that an inflected form has too
BEGINNING, END = 3, 4  # letters of that piece at least: words that only rhyme are many


class Adherence(NamedTuple):
    """How many terms the texts required, and how many the translations have as given and with inflected forms too."""

    required: int
    as_given: int
    inflected: int

    @property
    def shares(self) -> tuple[float, float] | None:
        """As given and inflected, in percent; None where nothing was required."""
        if not self.required:
            return None
        return 100 * self.as_given / self.required, 100 * self.inflected / self.required


@dataclass(frozen=True)
class Glossary:
    """Terms by their folded spelling, the longest first."""

    terms: tuple[Term, ...]

    def terms_in(self, text: str) -> tuple[Term, ...]:
        """The terms of the text in their order, each once; a term inside a longer one is not counted."""
        cased = _plain(text)
        folded, taken = _folded(text), [False] * len(cased)
        found: list[tuple[int, Term]] = []
        for term in self.terms:  # longest first
            own_case = _has_own_case(term.source)
            where, wanted = (cased, _plain(term.source)) if own_case else (folded, _folded(term.source))
            places = [place for place in _occurrences(where, wanted) if not any(taken[slice(*place)])]
            for start, end in places:
                taken[start:end] = [True] * (end - start)
            if places:
                found.append((places[0][0], term))
        return tuple(term for _, term in sorted(found, key=lambda pair: pair[0]))


def read_glossary(path: Path, source: str, target: str) -> Glossary:
    """The glossary in a file of pairs, in the forms of a translation memory; several targets of a source are choices.

    Raises:
        UserError: the file cannot be read or lacks one of the languages.
    """
    choices: dict[str, list[str]] = {}
    for pair in read_pairs(path, source, target):
        if pair.source.strip() and pair.target.strip():
            known = choices.setdefault(" ".join(pair.source.split()), [])
            known += [each for each in (" ".join(pair.target.split()),) if each not in known]
    return glossary([Term(term, tuple(targets)) for term, targets in choices.items()])


def glossary(terms: Sequence[Term]) -> Glossary:
    """The glossary of these terms."""
    return Glossary(tuple(sorted(terms, key=lambda term: -len(_folded(term.source)))))


def adherence(required: Sequence[Sequence[Term]], translations: Sequence[str]) -> Adherence:
    """How many of the terms that each text required its translation has."""
    kept = [
        (has_term(translation, term), has_term(translation, term, inflected=True))
        for terms, translation in zip(required, translations, strict=True)
        for term in terms
    ]
    return Adherence(len(kept), sum(given for given, _ in kept), sum(either for _, either in kept))


class TermCount:
    """Counts, as texts and their translations come by, the terms that were required and those that were kept."""

    def __init__(self, path: Path):
        self.path = path
        self.found: dict[str, Adherence] = {}  # by the language of the translations
        self._glossaries: dict[tuple[str, str], Glossary] = {}

    def add(self, text: str, translation: str, source: str, target: str) -> None:
        """Nothing; the pair is counted."""
        if (source, target) not in self._glossaries:
            self._glossaries[source, target] = read_glossary(self.path, source, target)
        terms = self._glossaries[source, target].terms_in(text)
        before = self.found.get(target, Adherence(0, 0, 0))
        self.found[target] = Adherence(*map(sum, zip(before, adherence([terms], [translation]), strict=True)))


def told(found: Adherence) -> str:
    """One line about it, for people."""
    if found.shares is None:
        return "terms: none required"
    given, either = found.shares
    return f"terms: {found.required:,} required, {given:.1f} % kept as given, {either:.1f} % with inflected forms"


def has_term(translation: str, term: Term, *, inflected: bool = False) -> bool:
    """Whether the translation has one of the term's targets: as given but for case, or inflected too."""
    plain = _folded(translation)
    wanted = [_folded(target) for target in term.targets]
    if any(next(_occurrences(plain, each), None) for each in wanted):
        return True
    return inflected and any(_has_inflected(plain, each) for each in wanted)


def _has_inflected(plain: str, target: str) -> bool:
    """Whether words in a row are forms of the target's words."""
    words, forms = _words(plain), _words(target)
    return any(
        all(_is_form_of(word, form) for word, form in zip(words[first:], forms, strict=False))
        for first in range(len(words) - len(forms) + 1)
    )


def _is_form_of(word: str, form: str) -> bool:
    """Whether two words share enough of their beginning, or of their end, for one to be a form of the other."""
    if word == form:
        return True
    enough = STRETCH * len(form)
    beginning, end = commonprefix([word, form]), commonprefix([word[::-1], form[::-1]])
    return len(beginning) >= max(BEGINNING, enough) or len(end) >= max(END, enough)


def _words(plain: str) -> list[str]:
    """The words of a folded text without accents and vowel signs, so that Zug and Züge begin alike."""
    bare = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    return [bare[start:end] for start, end in split_words(bare)]


def _occurrences(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    """Where the wanted words stand in the text as whole words; in scripts without spaces anywhere."""
    start = text.find(wanted) if wanted else -1
    while start >= 0:
        end = start + len(wanted)
        if not (_joined(text, start) or _joined(text, end)):
            yield start, end
        start = text.find(wanted, start + 1)


def _joined(text: str, place: int) -> bool:
    """Whether the characters before and after a place belong to one word."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if unicodedata.category(after)[0] == "M":
        return True
    if any(unicodedata.name(character, "").startswith(UNSPACED) for character in (before, after)):
        return False
    return all(unicodedata.category(character)[0] in "LMN" for character in (before, after))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _folded(text: str) -> str:
    """The plain text without case, character by character: places in it are places in the plain one."""
    return "".join(fold if len(fold := character.casefold()) == 1 else character for character in _plain(text))


def _has_own_case(term: str) -> bool:
    """Whether a term is itself only as it is written: US is not us, WHO not who."""
    letters = [character for character in term if character.isalpha()]
    return 2 <= len(letters) <= 4 and all(map(str.isupper, letters))
