"""Word lexicons of a task's languages, and the translations one can make with nothing better.

A lexicon is learned from the task's own training translations, or from the parallel text of `data.parallel_text` where
it has none, or mostly paragraphs, in which too many words meet; never from a dev or test item. It stands in for a
machine translator: a poor one, and the same everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from isogloss.data.hub import on_hub
from isogloss.data.noise import LONGEST, bitexts_of, learn_lexicon, word_for_word, words_of
from isogloss.data.parallel_text import LANGUAGES, read_parallel
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.records import Bitext
from isogloss.tasks import Task

Lexicon = dict[str, str]


def lexicons(task: Task, data: Path | None, tags: Sequence[str], *, into: bool = True) -> Mapping[str, Lexicon]:
    """A lexicon for every language but the training language: into that language, or out of it with `into=False`.

    Raises:
        UserError: there is no training material for a language.
    """
    found = {}
    for tag in tags:
        if tag != task.train_language:
            bitexts = _material(task, data, tag)
            found[tag] = learn_lexicon(bitexts if into else [_turned(bitext) for bitext in bitexts])
    return found


def translated(records: Sequence[Any], tag: str, lexicon: Lexicon) -> list[Any]:
    """Word-for-word translations of labelled records, labels kept, each with its original as its translation."""
    return [replace(word_for_word(record, lexicon, tag), translations=(record,)) for record in records]


def has_material(task: Task, tag: str) -> bool:
    """Whether a lexicon of the language can be learned at all."""
    return tag in task.languages_of("train") or tag in LANGUAGES


def _material(task: Task, data: Path | None, tag: str) -> list[Bitext]:
    own = bitexts_of(read_split(task, data, "train", [tag])[tag]) if tag in task.languages_of("train") else []
    if data is not None and not on_hub(data) and tag in LANGUAGES and not _mostly_sentences(own):
        return read_parallel(task.root(data).parent, [tag])
    if own:
        return own
    raise UserError(
        f"no lexicon can be learned for {tag}: task {task.name!r} has no training translations in it, "
        "and neither has the parallel text; leave the language out or use the pairing word_dropout"
    )


def _mostly_sentences(bitexts: Sequence[Bitext]) -> bool:
    """Whether more than half of the words are in texts that a lexicon is learned from; not so where there are none."""
    counts = [len(words_of(bitext.text)) for bitext in bitexts]
    return 2 * sum(count for count in counts if count <= LONGEST) > sum(counts)


def _turned(bitext: Bitext) -> Bitext:
    return replace(
        bitext,
        language=bitext.translation_language,
        text=bitext.translation,
        translation_language=bitext.language,
        translation=bitext.text,
    )
