"""Multi30k: captions of images in English, German, French and Czech; every one is there in all four.

The English captions are the originals. Test is test_2016_flickr, the only one with Czech. A caption's line number is
its id, so that any two languages make a direction.
"""

from pathlib import Path

from isogloss.data.directions import read_numbered
from isogloss.records import Sentence
from isogloss.tasks import Task

FILES = {"train": "train", "dev": "val", "test": "test_2016_flickr"}


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The captions of a split in one language."""
    return read_numbered(folder / f"{FILES[split]}.{tag}", tag, beside=folder / f"{FILES[split]}.en")


TASK = Task(
    name="multi30k",
    kind="translation",
    title="translation of image captions (Multi30k), any direction among 4 languages",
    read=read,
    languages=("cs", "de", "en", "fr"),
    metric="chrF",
    other_metrics=("BLEU", "TER"),
    folder="multi30k",
    sizes={"train": 29_000, "dev": 1014, "test": 1000},
    paper="Elliott et al. 2016, arXiv 1605.00459",
    licence="none stated for the texts",
)
