"""MLQA tested on its dev files and trained on TyDi QA's English questions; the official task is `mlqa`."""

from pathlib import Path

from isogloss.data.formats import read_squad
from isogloss.records import Question
from isogloss.tasks import Task, tydiqa_sw


def read(folder: Path, split: str, tag: str) -> list[Question]:
    """The questions of a language: MLQA's dev files are the test split, as labelled test files were not at hand."""
    if split == "train":
        return tydiqa_sw.read(folder.parent / "tydiqa", split, tag)
    paragraphs = read_squad(folder / f"dev-context-{tag}-question-{tag}.json", tag)
    return [each for group in paragraphs for each in group]


TASK = Task(
    name="mlqa_dev",
    kind="question_answering",
    title="answers in a paragraph (MLQA dev, trained on TyDi QA English), 5 languages",
    read=read,
    languages=("de", "en", "es", "vi", "zh"),
    train_languages=("en",),
    dev_split=None,
    metric="mlqa_F1",
    other_metrics=("mlqa_exact_match",),
    folder="mlqa",
    siblings=("tydiqa",),
    sizes={"train": 3696, "test/de": 512, "test/en": 1148, "test/es": 500, "test/vi": 511, "test/zh": 504},
    paper="Lewis et al. 2020, arXiv 1910.07475; Clark et al. 2020, arXiv 2003.05002",
    licence="CC BY-SA 3.0 (MLQA), Apache-2.0 (TyDi QA)",
)
