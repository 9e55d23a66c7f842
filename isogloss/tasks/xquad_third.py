"""XQuAD trained on a third of itself: answers in 240 paragraphs, the same in every language.

The official task, trained on SQuAD and its translations, is `xquad`. Here a third of the paragraphs, drawn by a hash of
their number, is training material in all languages, a fifth of that third is the dev split, and the rest is the test
split. English training adds TyDi QA.
"""

import hashlib
from pathlib import Path

from isogloss.data.formats import read_squad
from isogloss.records import Question
from isogloss.tasks import Task, tydiqa_sw


def paragraphs_of(split: str, count: int = 240) -> set[int]:
    """The numbers, from 0, of the paragraphs of a split: 64 train, 16 dev, 160 test."""
    order = sorted(range(count), key=lambda number: hashlib.sha256(f"xquad {number}".encode()).digest())
    third = count // 3
    return set({"dev": order[: third // 5], "train": order[third // 5 : third], "test": order[third:]}[split])


def read(folder: Path, split: str, tag: str) -> list[Question]:
    """The questions of a split in one language; English training holds TyDi QA's English questions as well."""
    paragraphs = read_squad(folder / f"xquad.{tag}.json", tag)
    chosen = paragraphs_of(split, len(paragraphs))
    questions = [each for number, group in enumerate(paragraphs) if number in chosen for each in group]
    return (
        questions + tydiqa_sw.read(folder.parent / "tydiqa", "train", "en")
        if (split, tag) == ("train", "en")
        else questions
    )


TASK = Task(
    name="xquad_third",
    kind="question_answering",
    title="answers in a paragraph (XQuAD trained on a third of it, with TyDi QA for English), 8 languages",
    read=read,
    languages=("ar", "de", "en", "es", "ru", "tr", "vi", "zh"),
    metric="squad_F1",
    other_metrics=("squad_exact_match", "answer_F1"),
    folder="xquad",
    siblings=("tydiqa",),
    sizes={"train": 308, "train/en": 308 + 3696, "dev": 77, "test": 805},
    paper="Artetxe et al. 2020, arXiv 1910.11856; Clark et al. 2020, arXiv 2003.05002",
    licence="CC BY-SA 4.0 (XQuAD), Apache-2.0 (TyDi QA)",
)
