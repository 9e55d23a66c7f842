"""Where a stretch of a text is in the text's translation: marked before it is translated, or found by what it says.

The stretch is translated twice: between markers in its context, and alone. It is what stands between the markers, else
the place where its own translation stands, else the place most like that.
"""

import re
from collections.abc import Iterator

from isogloss.errors import UserError
from isogloss.records import Offsets, split_words

# Pairs of opening and closing characters: the first of each is written, any is read, as engines change the width.
MARKERS = (("[［【〔", "]］】〕"), ("{｛", "}｝"), ("<＜〈", ">＞〉"))
FULL_STOPS = ".。．।۔!！?？؟"  # what engines add to a few words that are translated alone
SIMILAR = 75.0  # percent of likeness from which a stretch of the context is the one that is looked for
SHORTEST = 5  # characters of it; among fewer a likeness says nothing
DIGITS = re.compile(r"\d+")
FACTOR = 3  # markers around so many times more or less than the stretch's own translation were put elsewhere


def mark(text: str, stretch: Offsets) -> tuple[str, Offsets]:
    """The text with markers around a stretch, and where both are with what is between; as it is if no pair is free."""
    start, end = stretch
    if (markers := _free_markers(text)) is None:
        return text, stretch
    opening, closing = markers[0][0], markers[1][0]
    return f"{text[:start]}{opening}{text[start:end]}{closing}{text[end:]}", (start, end + 2)


def unmark(translation: str, original: str) -> tuple[str, Offsets | None]:
    """A marked text's translation without any marker, and the stretch between them if there is one pair in its order.

    original: the text before it was marked, which says what the markers were.
    """
    if (markers := _free_markers(original)) is None:
        return translation, None
    kept: list[str] = []
    places: list[tuple[bool, int]] = []  # whether it opens, and where
    seam = False
    for character in translation:
        if character in markers[0] or character in markers[1]:
            places.append((character in markers[0], len(kept)))
            seam = True
        elif not (seam and character == " " and (not kept or kept[-1].isspace())):  # a marker leaves no double space
            kept.append(character)
            seam = False
    text = "".join(kept)
    if [opens for opens, _ in places] != [True, False]:
        return text, None
    start, end = places[0][1], places[1][1]
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end = start + len(text[start:end].rstrip())
    return text, (start, end) if start < end else None


def find(text: str, wanted: str, near: float, marked: Offsets | None = None) -> tuple[Offsets, str] | None:
    """Where in a translation a stretch is, and how it was found: marked, exact or fuzzy; None if it is not there.

    wanted: its own translation, "" if there is none. near: the share of the original that stands before it, which
    decides between equals. marked: what stood between the markers.
    """
    if marked is not None and _plausible(marked[1] - marked[0], len(wanted)):
        return marked, "marked"
    if not wanted:
        return None
    expected = near * len(text)
    words = split_words(text)
    if places := list(_occurrences(text, wanted, words)):
        return min(places, key=lambda place: abs(place[0] - expected)), "exact"
    scored = _likeness(text, wanted, words)
    best = max(scored, key=lambda found: (found[0], -abs(found[1][0] - expected)), default=(0.0, (0, 0)))
    return (best[1], "fuzzy") if best[0] >= SIMILAR else None


def trimmed(alone: str, original: str) -> str:
    """A stretch's own translation without the full stop that the original has not."""
    alone = alone.strip()
    return alone if original.endswith(tuple(FULL_STOPS)) else alone.rstrip(FULL_STOPS).rstrip()


def _free_markers(text: str) -> tuple[str, str] | None:
    """The first pair of which the text has no character."""
    return next((pair for pair in MARKERS if not any(mark in text for mark in "".join(pair))), None)


def _plausible(marked: int, alone: int) -> bool:
    """Whether a stretch of `marked` characters can be what has `alone` when it is translated alone (0 = unknown)."""
    return not alone or marked <= FACTOR * alone and alone <= FACTOR * marked


def _occurrences(text: str, wanted: str, words: tuple[Offsets, ...]) -> Iterator[Offsets]:
    """Where the text says just that in whole words; capitals may differ."""
    starts, ends = {start for start, _ in words}, {end for _, end in words}
    for match in re.finditer(f"(?=({re.escape(wanted)}))", text, re.IGNORECASE):
        if match.start(1) in starts and match.end(1) in ends:
            yield match.span(1)


def _likeness(text: str, wanted: str, words: tuple[Offsets, ...]) -> Iterator[tuple[float, Offsets]]:
    """Stretches of whole words about as long as the one that is looked for, with their likeness to it in percent.

    Numbers are alike only if they are the same.
    """
    if len(wanted) < SHORTEST:
        return
    try:
        from rapidfuzz.fuzz import ratio
    except ImportError:
        raise UserError("looking for answers needs rapidfuzz: pip install 'isogloss[translate]'") from None

    wanted = wanted.lower()
    digits = DIGITS.findall(wanted)
    count = len(split_words(wanted))
    slack = 1 + count // 3
    for first, (start, _) in enumerate(words):
        for _, end in words[max(first, first + count - slack - 1) : first + count + slack]:
            likeness = ratio(text[start:end].lower(), wanted, score_cutoff=SIMILAR)
            if likeness and DIGITS.findall(text[start:end]) == digits:
                yield likeness, (start, end)
