"""NTREX: English news with professional translations, any direction among its languages.

The sentences have no split of their own. Here lines 1 to 1,497 are for training (`isogloss.data.parallel_text` reads
the same) and the last 500 are the test; one document lies on both sides of that border.
"""

from pathlib import Path

from isogloss.data.directions import read_numbered
from isogloss.data.parallel_text import NTREX, NTREX_LINES
from isogloss.languages import language
from isogloss.records import Sentence
from isogloss.tasks import Task

SOURCE = "newstest2019-src.eng.txt"
FILES = {language(name).tag: f"newstest2019-ref.{name}.txt" for name in NTREX.split()} | {"en": SOURCE}


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The sentences of a split in one language; ids are line numbers, from 1."""
    sentences = read_numbered(folder / FILES[tag], tag, beside=folder / SOURCE)
    return [each for each in sentences if (int(each.id) <= NTREX_LINES) == (split == "train")]


TASK = Task(
    name="ntrex",
    kind="translation",
    title=f"translation of news (NTREX-128), any direction among {len(FILES)} languages",
    read=read,
    languages=tuple(sorted(FILES)),
    metric="chrF",
    other_metrics=("BLEU", "TER"),
    dev_split=None,
    folder="ntrex",
    sizes={"train": 1497, "test": 500},
    paper="Federmann et al. 2022, NTREX-128",
    licence="CC BY-SA 4.0",
)
