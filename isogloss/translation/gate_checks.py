"""Checks of one translated text against its source; each is a gate of its own (see `gates`).

A check returns "" for a text that passes, the particulars for one that does not, and None where it cannot judge.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from isogloss.language_id import probabilities
from isogloss.languages import language as language_of
from isogloss.records import split_words

# Characters for each one of English, where they are not about as many: medians over the 1,004 sentences of SIB-200.
CHARACTERS = {"Hans": 0.32, "Hant": 0.3, "Jpan": 0.44, "Kore": 0.5, "Hang": 0.5, "Ethi": 0.67, "Hebr": 0.78}
# What the names of a script's letters begin with, where it is not the English name of the script.
LETTERS = {
    "Hans": ("CJK",),
    "Hant": ("CJK", "BOPOMOFO"),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"),
    "Kore": ("HANGUL",),
    "Hang": ("HANGUL",),
}
NAMES = {
    "Latn": "LATIN",
    "Cyrl": "CYRILLIC",
    "Arab": "ARABIC",
    "Deva": "DEVANAGARI",
    "Grek": "GREEK",
    "Hebr": "HEBREW",
    "Thai": "THAI",
    "Laoo": "LAO",
    "Khmr": "KHMER",
    "Mymr": "MYANMAR",
    "Tibt": "TIBETAN",
    "Beng": "BENGALI",
    "Taml": "TAMIL",
    "Telu": "TELUGU",
    "Knda": "KANNADA",
    "Mlym": "MALAYALAM",
    "Gujr": "GUJARATI",
    "Guru": "GURMUKHI",
    "Orya": "ORIYA",
    "Sinh": "SINHALA",
    "Armn": "ARMENIAN",
    "Geor": "GEORGIAN",
    "Ethi": "ETHIOPIC",
    "Tfng": "TIFINAGH",
    "Olck": "OL",
    "Mtei": "MEETEI",
    "Nkoo": "NKO",
}
LETTERS_TO_IDENTIFY = 25  # Latin ones; fewer say too little about the language
PAD = 10  # characters added to both lengths, so that a short text may vary more
NUMBER = re.compile(r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+)(?:[.,:٫٬'’]\d+)*")  # with spaces: 2 243
TIME = re.compile(r"(?<!\d)\d{1,2}:\d\d(?!\d)")
# addresses, and what a program fills in: {name} {{name}} ${name} %s %(name)s <b> </b>
VERBATIM = re.compile(
    r"https?://[^\s<>\"]+|www\.[^\s<>\"]+|[\w.+-]+@[\w-]+\.[\w.]+|\$?\{+[^\s{}]*\}+|(?<![\d%])%(?:\(\w+\))?[sdif]\b|</?\w+/?>"
)


class Side(NamedTuple):
    """A text and its language's tag."""

    language: str
    text: str


def empty(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether at least so many letters and digits are left of a text that has some."""
    count = _letters_and_digits(translation.text)
    return f"{count} letters and digits" if count < min(threshold, _letters_and_digits(source.text)) else ""


def copy(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether a text of so many words or more is not the source again."""
    if source.text.casefold().split() != translation.text.casefold().split():
        return ""
    worded = sum(any(map(str.isalpha, word)) for word in _words(source.text))
    return f"the source again, {worded} words" if worded >= threshold else ""


def length(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether the text is not so many times longer or shorter than its source, as the two languages are written."""
    expected = (len(source.text) + PAD) / _usual(source.language) * _usual(translation.language)
    found = (len(translation.text) + PAD) / expected
    return f"{found:.2f} times as long as usual" if not 1 / threshold <= found <= threshold else ""


def repetition(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether the share of its word trigrams that were there before is no more than so much above the source's."""
    found, before = _repeated(translation.text), _repeated(source.text)
    return f"{found:.0%} of its trigrams repeated, {before:.0%} of the source's" if found - before > threshold else ""


def script(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether that share of the letters is of the language's script, words that stand in the source left out."""
    expected = language_of(translation.language).script
    names = LETTERS.get(expected) or ((NAMES[expected],) if expected in NAMES else ())
    if not names:
        return None
    found = _scripts(translation.text)
    share = _share(found, names)
    if share < threshold:  # or may it be names that are written as they were?
        known = set(_words(source.text))
        found = _scripts("".join(word for word in _words(translation.text) if word not in known))
        share = _share(found, names)
    if share >= threshold:
        return ""
    return f"{share:.0%} of its letters are {expected}, most are {max(found, key=found.__getitem__)}"


def language(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether the language is identified with at least that probability; None for a short text or an unknown one."""
    if _letters(translation) < LETTERS_TO_IDENTIFY:
        return None
    found = probabilities(translation.text, translation.language)
    if found is None or found[0] >= threshold:
        return None if found is None else ""
    return f"{found[1]} with probability {found[2]:.2f}, {translation.language} with {found[0]:.3f}"


def numbers(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether that share of the source's numbers of two digits or more is there, in any digits and with any points."""
    wanted = Counter(number for number in _numbers(source.text) if len(number) > 1)
    lost = wanted - Counter(_numbers(translation.text))
    if not wanted or 1 - lost.total() / wanted.total() >= threshold:
        return ""
    return f"{lost.total()} of {wanted.total()} numbers are lost: {', '.join(sorted(lost)[:5])}"


def placeholders(source: Side, translation: Side, threshold: float) -> str | None:
    """Whether that share of the source's addresses and place-holders is there as it was."""
    wanted = Counter(match.rstrip(".,;:!?)") for match in VERBATIM.findall(source.text))
    lost = [each for each, count in wanted.items() if translation.text.count(each) < count]
    if not wanted or 1 - len(lost) / len(wanted) >= threshold:
        return ""
    return f"lost: {', '.join(lost[:5])}"


def _letters_and_digits(text: str) -> int:
    return sum(map(str.isalnum, text))


def _letters(side: Side) -> float:
    """The letters of a text, as many as they would be in English."""
    return sum(map(str.isalpha, side.text)) / _usual(side.language)


@cache
def _usual(tag: str) -> float:
    return CHARACTERS.get(language_of(tag).script, 1.0)


def _repeated(text: str) -> float:
    """The share of the trigrams of words that are not the first of their kind."""
    words = [word.casefold() for word in _words(text)]
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(trigrams)) / len(trigrams) if trigrams else 0.0


@lru_cache(1024)
def _words(text: str) -> tuple[str, ...]:
    """The words of a text, which several gates ask for; a source comes again with every language."""
    return tuple(text[start:end] for start, end in split_words(text))


def _scripts(text: str) -> Counter[str]:
    """How many letters of the text are of each script, by its name in the letters' names."""
    found: Counter[str] = Counter()
    for letter, count in Counter(filter(str.isalpha, text)).items():
        found[_script_name(letter)] += count
    return found


def _share(found: Counter[str], names: Sequence[str]) -> float:
    """What part of the letters is of those scripts; all, where there are none."""
    return sum(found[name] for name in names) / found.total() if found else 1.0


@cache
def _script_name(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]


def _numbers(text: str) -> Sequence[str]:
    """The digits of every number of the text, as 0 to 9; without times of day, which have twelve or 24 hours."""
    found = NUMBER.findall(TIME.sub("", text))
    return ["".join(str(unicodedata.decimal(c)) for c in number if c.isdecimal()) for number in found]
