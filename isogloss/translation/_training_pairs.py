"""The pairs that a translator is trained on, by direction, without those it will be tested on, and checked.

Every sort of pair that is left out is counted and told on standard error.
"""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from isogloss.data.directions import Direction, directions_among, pairs
from isogloss.data.parallel_text import SOURCES, read_parallel
from isogloss.data.tidy import tidy
from isogloss.errors import UserError
from isogloss.language_id import other_language
from isogloss.records import Bitext
from isogloss.tasks import load_task

if TYPE_CHECKING:
    from isogloss.runs import Job

JUDGED = 300  # long lines of a language that are looked at
ENOUGH = 20  # with fewer nothing is said
MIXED_UP = 0.3  # share of lines in another language from which the files are taken for mixed up


class Chosen(NamedTuple):
    """What may be trained on."""

    directions: Sequence[str] = ()  # en-de ...; () = both ways between the training language and every other one
    sources: Sequence[str] = ()  # of task parallel_text; () = all
    leave_out_tested: bool = True  # pairs with a side that occurs in a test split
    tested_on: Sequence[str] = ()  # further translation tasks whose test splits count
    check_languages: bool = True  # whether the lines are in their languages


def training_pairs(job: "Job", chosen: Chosen) -> dict[Direction, list[Bitext]]:
    """The training pairs of a job by direction.

    Raises:
        UserError: a direction is not to be had or has no pair left, or a language's lines are in another one.
    """
    directions = directions_of(job, chosen.directions)
    read = _of_parallel_text if job.task.kind == "bitext" else _of_translation_task
    found = read(job, directions, chosen.sources)
    tested = _tested(job, directions, chosen.tested_on) if chosen.leave_out_tested else {}
    left_out: Counter[str] = Counter()
    for direction, bitexts in found.items():
        reasons = [_unfit(pair, tested) for pair in bitexts]
        left_out.update(reason for reason in reasons if reason)
        found[direction] = [pair for pair, reason in zip(bitexts, reasons, strict=True) if not reason]
        if not found[direction]:
            raise UserError(f"task {job.task.name} leaves no pair to train on in {direction}; leave the direction out")
    tell_left_out(job.task.name, left_out, sum(map(len, found.values())))
    if chosen.check_languages:
        check_languages(found)
    return found


def directions_of(job: "Job", asked: Sequence[str]) -> list[Direction]:
    """The directions that a job trains.

    Raises:
        UserError: there is no such task or direction.
    """
    task = job.task
    if task.kind not in ("translation", "bitext"):
        raise UserError(f"task {task.name} is of the kind {task.kind}; a translator is trained on multi30k, ntrex ...")
    centre = task.train_language
    return directions_among(list(asked), list(dict.fromkeys((centre, *job.recipe.languages))), centre)


def tell_left_out(name: str, left_out: Mapping[str, int], kept: int) -> None:
    """Nothing; how many pairs were left out, and why, is on standard error."""
    if told := ", ".join(f"{count} {reason}" for reason, count in left_out.items()):
        print(f"{name}: {kept} pairs to train on; left out: {told}", file=sys.stderr)


def check_languages(found: Mapping[Direction, Sequence[Bitext]]) -> None:
    """Nothing, if the long lines of every language seem to be in it.

    Raises:
        UserError: many are in another one.
    """
    lines: dict[str, dict[str, None]] = {}
    for direction, bitexts in found.items():
        for pair in bitexts:
            lines.setdefault(direction.source, {})[pair.text] = None
            lines.setdefault(direction.target, {})[pair.translation] = None
    for tag, texts in lines.items():
        judged = _judged(texts, tag)
        others = Counter(other for other in judged if other)
        if len(judged) >= ENOUGH and others.total() > MIXED_UP * len(judged):
            other, count = others.most_common(1)[0]
            raise UserError(
                f"of {len(judged)} long lines in {tag}, {others.total()} seem to be in another language ({count} in "
                f"{other}); were its files mixed up? If all is well, go on with --set check_languages=false"
            )


def _judged(texts: Collection[str], tag: str) -> list[str | None]:
    """For long lines from all over the texts, the language that each seems to be in if it is another one."""
    long = [text for text in texts if sum(map(str.isalpha, text)) >= 60]
    return [other_language(text, tag) for text in long[:: max(1, len(long) // JUDGED)]]


def _of_translation_task(job: "Job", directions: Iterable[Direction], _: object) -> dict[Direction, list[Bitext]]:
    return {direction: pairs(job.task, job.recipe.data, "train", direction) for direction in directions}


def _of_parallel_text(
    job: "Job", directions: Iterable[Direction], sources: Sequence[str]
) -> dict[Direction, list[Bitext]]:
    """Both ways between English and a language; the pairs are read once for both."""
    root, read, found = job.task.root(job.recipe.data), {}, {}
    for direction in directions:
        if "en" not in direction:
            raise UserError(f"task parallel_text has pairs with English only, not {direction}; leave it out")
        tag = direction.source if direction.target == "en" else direction.target
        if tag not in read:
            read[tag] = [_tidied(pair) for pair in read_parallel(root, [tag], tuple(sources) or tuple(SOURCES))]
        found[direction] = read[tag] if direction.target == "en" else [_turned(pair) for pair in read[tag]]
    return found


def _tidied(pair: Bitext) -> Bitext:
    """The pair without the spaces of a tokenised source, which a translator would learn to write."""
    return replace(pair, text=tidy(pair.text), translation=tidy(pair.translation))


def _turned(pair: Bitext) -> Bitext:
    return Bitext(
        id=pair.id,
        language=pair.translation_language,
        text=pair.translation,
        translation_language=pair.language,
        translation=pair.text,
    )


def _tested(job: "Job", directions: Iterable[Direction], further: Iterable[str]) -> dict[str, set[str]]:
    """The texts of all test splits that count, by language."""
    own = [job.task] if job.task.kind == "translation" else []
    found: dict[str, set[str]] = {}
    for task in (*own, *(load_task(name) for name in further)):
        for tag in {tag for direction in directions for tag in direction}:
            if tag in task.languages_of("test"):
                texts = (_bare(record.text) for record in task.records(job.recipe.data, "test", tag))
                found.setdefault(tag, set()).update(texts)
    return found


def _unfit(pair: Bitext, tested: Mapping[str, set[str]]) -> str | None:
    """Why a pair is not trained on."""
    if not (pair.text.strip() and pair.translation.strip()):
        return "with an empty side"
    sides = ((pair.language, pair.text), (pair.translation_language, pair.translation))
    return "that are tested on" if any(_bare(text) in tested.get(tag, ()) for tag, text in sides) else None


def _bare(text: str) -> str:
    return " ".join(text.lower().split())
