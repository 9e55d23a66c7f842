"""XNLI: does a premise entail a hypothesis? Seven of its languages, and six of machine-translated MultiNLI training."""

from pathlib import Path

from isogloss.data.formats import read_table
from isogloss.records import Sentence
from isogloss.tasks import Task

SPELLINGS = {"contradictory": "contradiction"}  # in the translated training files


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The pairs of a split in one language; rows of the same number are the same item in every language."""
    if split == "train":
        path = folder.parent / "xnli_train_parallel" / f"multinli.train.{tag}.tsv"
        rows = read_table(path, ("premise", "hypo", "label"))
    else:
        rows = read_table(folder / f"{split}-{tag}.tsv", (0, 1, 2))
    return [
        Sentence(id=str(number), language=tag, text=premise, text_pair=other, label=SPELLINGS.get(label, label))
        for number, (premise, other, label) in enumerate((row.values for row in rows), 1)
    ]


def read_machine(folder: Path, split: str, tag: str) -> list[Sentence]:
    """Machine translations into English of the test pairs in a language (Swahili and Urdu have them)."""
    path = folder.parent / "xnli_mt" / f"{tag}.trans.{split}.tsv"
    rows = read_table(path, ("sentence1_en", "sentence2_en"))
    return [
        Sentence(id=str(number), language="en", text=premise, text_pair=other)
        for number, (premise, other) in enumerate((row.values for row in rows), 1)
    ]


TASK = Task(
    name="xnli",
    kind="classification",
    title="inference between two sentences (XNLI), 7 languages",
    read=read,
    read_machine=read_machine,
    languages=("ar", "de", "en", "sw", "tr", "ur", "zh"),
    train_languages=("de", "en", "sw", "tr", "ur", "zh"),
    labels=("contradiction", "entailment", "neutral"),
    metric="accuracy",
    folder="xnli",
    siblings=("xnli_train_parallel", "xnli_mt"),
    sizes={"train": 7500, "dev": 2490, "test": 5010},
    paper="Conneau et al. 2018, arXiv 1809.05053",
    licence="CC BY-NC 4.0",
)
