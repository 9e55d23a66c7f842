"""NusaX: the sentiment of a text in English, Indonesian and six local languages of Indonesia."""

from pathlib import Path

from isogloss.data.formats import read_table
from isogloss.languages import dialect
from isogloss.records import Sentence
from isogloss.tasks import Task

FILES = {"train": "train.csv", "dev": "valid.csv", "test": "test.csv"}


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The texts of a split in one language with their sentiment."""
    path = folder / "sentiment" / dialect(tag, "nusax") / FILES[split]
    rows = read_table(path, ("id", "text", "label"), delimiter=",", quoting=True)
    return [
        Sentence(id=number, language=tag, text=text, label=label) for number, text, label in (r.values for r in rows)
    ]


TASK = Task(
    name="nusax",
    kind="classification",
    title="sentiment (NusaX), English and seven languages of Indonesia",
    read=read,
    languages=("ban", "bjn", "en", "id", "jv", "min", "nij", "su"),
    labels=("negative", "neutral", "positive"),
    metric="macro_F1",
    other_metrics=("accuracy",),
    folder="nusax",
    sizes={"train": 500, "dev": 100, "test": 400},
    paper="Winata et al. 2023, arXiv 2205.15960",
    licence="CC BY-SA 4.0",
)
