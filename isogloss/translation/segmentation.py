"""Cutting a text into the stretches that a translator reads, and putting their translations into their places.

A stretch is a sentence by its offsets into the text. What lies between stretches is never shown to an engine and so
survives as it is: white space, line breaks and other control characters, marks of the writing direction, and whatever
holds no letter. A text of which nothing is translated comes back to the last character.

The rules of sentences, with the abbreviations of many languages, are those of sentencex, whose boundaries are exact
character offsets; where it is not installed, full stops end a sentence, which is told once. What the rules do not
find is found by length: a sentence that is longer than most engines read well, because its script marks no ends (Thai)
or a quote in it is never closed, is cut at the best mark or space.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from isogloss.languages import language
from isogloss.records import Offsets

LONGEST = 500  # characters of a stretch, where the text has a place to be cut
LONGEST_PARAGRAPH = 4000  # the same for engines that read documents: some two thousand tokens at most
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # line breaks and tabs among them
# from the best place to the worst; Tibetan, Khmer and Burmese marks are not known to the rules
PLACES = tuple(
    re.compile(marks)
    for marks in (
        r"[.!?…]['\"”’»)\]]*(?=\s)|[。！？｡．।॥။။៕។།༎።؟۔]['\"”’»」』）\]]*",
        r"[,;:](?=\s)|[，、；：،؛၊፣፤]|\s[–—](?=\s)",
        r"\s+",
    )
)
ENDS = re.compile(rf"(?!(?<=\d)\.)(?:{PLACES[0].pattern})")  # of sentences, for who has no sentencex; 3. Mai is none
ANY_PLACE = re.compile("|".join(marks.pattern for marks in PLACES))
SPACE = re.compile(r"\s")
JOINERS = "\u200c\u200d"  # invisible, but part of the word before them
RUN_ON = ("Hans", "Hant", "Jpan")  # scripts with no space between sentences


def stretches(
    text: str, tag: str, protected: Sequence[Offsets] = (), *, paragraphs: bool = False
) -> tuple[Offsets, ...]:
    """The offsets of what is to be translated of a text, in its order; none lies across a protected span's border.

    protected: spans that must stay in one piece. paragraphs: lines as a whole, for engines that read documents.
    """
    cuts = {0, len(text)}
    for run in CONTROL.finditer(text):
        cuts |= {run.start(), run.end()}
    if not paragraphs:
        for start, end in pairwise(sorted(cuts)):
            cuts |= {start + cut for cut in _sentence_ends(text[start:end], tag)}
    whole = sorted(cut for cut in cuts if not _inside(cut, protected))
    longest = LONGEST_PARAGRAPH if paragraphs else LONGEST
    pieces = (piece for start, end in pairwise(whole) for piece in _shortened(text, start, end, protected, longest))
    trimmed = (_trimmed(text, start, end, protected) for start, end in pieces)
    return tuple((start, end) for start, end in trimmed if any(map(str.isalpha, text[start:end])))


def joined(text: str, places: Sequence[Offsets], translations: Sequence[str], source: str, target: str) -> str:
    """The text with a translation in the place of each stretch.

    Between sentences, Chinese and Japanese have no space and other languages one: that alone is adapted.
    """
    run_on = [language(tag).script in RUN_ON for tag in (source, target)]
    found, position = [], 0
    for (start, end), translation in zip(places, translations, strict=True):
        between = text[position:start]
        if run_on == [True, False] and position and not between:
            between = " "
        if run_on == [False, True] and position and between == " ":
            between = ""
        found += [between, translation]
        position = end
    return "".join([*found, text[position:]])


def _sentence_ends(line: str, tag: str) -> Iterator[int]:
    """Where sentences of a line end, the line's own end included."""
    if not line.strip():
        return
    try:
        from sentencex import get_sentence_boundaries  # pyright: ignore[reportAttributeAccessIssue]
    except ImportError:
        _tell_plain_rules()
        yield from (mark.end() for mark in ENDS.finditer(line))
        yield len(line)
        return
    # it panics at white space of more than one byte, such as the wide space of Japanese
    for found in get_sentence_boundaries(tag.split("-")[0], SPACE.sub(" ", line)):
        yield found["end_index"]


@cache
def _tell_plain_rules() -> None:
    print(
        "without sentencex a sentence ends at every full stop, abbreviations too: pip install 'isogloss[translate]'",
        file=sys.stderr,
    )


def _shortened(text: str, start: int, end: int, protected: Sequence[Offsets], longest: int) -> Iterator[Offsets]:
    """The stretch, cut where it can be so that its parts are not longer than `longest`."""
    while end - start > longest:
        cut = _best_cut(text, start, end, protected, longest)
        if cut is None:
            break
        yield start, cut
        start = cut
    yield start, end


def _best_cut(text: str, start: int, end: int, protected: Sequence[Offsets], longest: int) -> int | None:
    """The last of the best places in the second half of the longest stretch, or the first one after it."""
    half, limit = start + longest // 2, start + longest
    for marks in PLACES:
        cuts = (found.end() for found in marks.finditer(text, half, limit))
        if allowed := [cut for cut in cuts if cut < end and not _inside(cut, protected)]:
            return allowed[-1]
    later = (
        found.end() for found in re.compile("|".join(marks.pattern for marks in PLACES)).finditer(text, limit, end)
    )
    return next((cut for cut in later if cut < end and not _inside(cut, protected)), None)


def _inside(cut: int, protected: Sequence[Offsets]) -> bool:
    return any(start < cut < end for start, end in protected)


def _trimmed(text: str, start: int, end: int, protected: Sequence[Offsets]) -> Offsets:
    """The stretch without what is invisible at its ends and in no protected span."""
    while start < end and _is_outside(text[start]) and not _inside(start + 1, protected):
        start += 1
    while start < end and _is_outside(text[end - 1]) and not _inside(end - 1, protected):
        end -= 1
    return start, end


def _is_outside(character: str) -> bool:
    if character in JOINERS:
        return False
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")
