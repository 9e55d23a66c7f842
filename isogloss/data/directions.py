"""Directions of translation: how they are written, and the pairs of sentences that a task has in one.

A task of the kind translation reads sentences of one language, and the same sentence has the same id in all of them; a
direction is the join of two of its languages. It is written `en-de`; since tags have hyphens too, what is written is
looked for among the pairs of the languages that can be meant.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

from isogloss.data.checks import check_records, some
from isogloss.data.formats import read_lines
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.records import Bitext, Sentence
from isogloss.tasks import Task


class Direction(NamedTuple):
    """From one language into another, by BCP-47 tags."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"


def directions_among(asked: Sequence[str] | str, languages: Sequence[str], centre: str = "en") -> list[Direction]:
    """The directions asked for, in that order, each once; a language alone stands for both between it and the centre.

    Without any asked for: both directions between the centre and every other language. Codes are in any spelling.

    Raises:
        UserError: one is not among the languages.
    """
    if isinstance(asked, str):
        asked = asked.replace(",", " ").split()
    every = [Direction(*pair) for pair in permutations(languages, 2)]
    known = {str(direction).lower(): direction for direction in every}
    found: list[Direction] = []
    for spelling in asked or [tag for tag in languages if tag != centre]:
        direction = known.get(spelling.lower()) or _respelt(spelling, known)
        found += [direction] if direction else _with_centre(spelling, languages, centre)
    return list(dict.fromkeys(found))


def pairs(task: Task, data: Path | None, split: str, direction: Direction) -> list[Bitext]:
    """The pairs of a split in a direction, by the sentences' ids, in the order of the source.

    In the training split a side may be empty: whoever trains leaves such pairs out and says how many they were.

    Raises:
        UserError: a side is missing or empty, or the sides share no id.
    """
    sides: list[list[Sentence]] = []
    for tag in direction:
        if tag not in task.languages_of(split):
            raise UserError(f"task {task.name} has no {split} sentences in {tag}; choose another direction")
        sides.append(list(task.records(data, split, tag)))
        filled = [each for each in sides[-1] if split != "train" or each.text.strip()]
        check_records(filled, f"task {task.name}, split {split}, {tag}")
    targets = {sentence.id: sentence.text for sentence in sides[1]}
    lacking = [sentence.id for sentence in sides[0] if sentence.id not in targets]
    if lacking:
        raise UserError(
            f"task {task.name}, split {split}: {len(lacking)} of {len(sides[0])} sentences in {direction.source} are "
            f"not there in {direction.target}, ids {some(lacking)}; the sides do not belong together"
        )
    return [
        Bitext(
            id=sentence.id,
            language=direction.source,
            text=sentence.text,
            translation_language=direction.target,
            translation=targets[sentence.id],
        )
        for sentence in sides[0]
    ]


def read_numbered(path: Path, tag: str, beside: Path) -> list[Sentence]:
    """The lines of a file as sentences whose ids are the line numbers, from 1.

    Raises:
        UserError: the file `beside` it has another number of lines, so that lines of one number are not one sentence.
    """
    lines, others = read_lines(path), read_lines(beside)
    if len(lines) != len(others):
        raise UserError(
            f"{path}: {len(lines)} lines where {beside} has {len(others)}; lines of the same number must be the same "
            "sentence, so none may be missing"
        )
    return [Sentence(id=str(number), language=tag, text=line) for number, line in enumerate(lines, 1)]


def _respelt(spelling: str, known: Mapping[str, Direction]) -> Direction | None:
    """The direction whose codes are not spelt as BCP-47 tags, such as deu_Latn-eng_Latn; None if there is none."""
    parts = spelling.split("-")
    for cut in range(1, len(parts)):
        try:
            codes = [language("-".join(half)).tag for half in (parts[:cut], parts[cut:])]
        except UserError:
            continue
        if direction := known.get("-".join(codes).lower()):
            return direction
    return None


def _with_centre(spelling: str, languages: Sequence[str], centre: str) -> list[Direction]:
    """Both directions between a language and the centre."""
    try:
        tag = language(spelling).tag
    except UserError:
        tag = ""
    if tag not in languages or tag == centre:
        raise UserError(f"no direction {spelling!r}; write SOURCE-TARGET with two of {', '.join(languages)}")
    return [Direction(centre, tag), Direction(tag, centre)]
