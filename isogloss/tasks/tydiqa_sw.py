"""TyDi QA tested on its Swahili training file, for want of labelled dev files; the official task is `tydiqa`."""

from dataclasses import replace
from pathlib import Path

from isogloss.data.formats import read_squad
from isogloss.records import Question
from isogloss.tasks import Task


def read(folder: Path, split: str, tag: str) -> list[Question]:
    """The labelled questions of a language; the files reuse ids, so their number in the file takes their place.

    Answers of the released dev files are removed, so the Swahili training file is the test split.
    """
    questions = [each for group in read_squad(folder / f"tydiqa.goldp.{tag}.train.json", tag) for each in group]
    return [replace(each, id=f"tydiqa-{number}") for number, each in enumerate(questions)]


TASK = Task(
    name="tydiqa_sw",
    kind="question_answering",
    title="answers in a passage (TyDi QA), asked in the language itself: English to Swahili",
    read=read,
    languages=("sw",),
    train_languages=("en",),
    dev_split=None,
    parallel=(),
    metric="squad_F1",
    other_metrics=("squad_exact_match", "answer_F1"),
    folder="tydiqa",
    sizes={"train": 3696, "test": 2755},
    paper="Clark et al. 2020, arXiv 2003.05002",
    licence="Apache-2.0",
)
