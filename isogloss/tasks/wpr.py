"""WPR: how relevant is a web page, its title and its snippet, to a query? The pages of a query are ranked."""

from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from isogloss.data.layouts import read_layout
from isogloss.records import Sentence
from isogloss.tasks import Task
from isogloss.tasks._xglue import layouts

LAYOUTS = layouts("wpr", columns=4)


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The pages of a split in one language; rows of the same query that follow one another are a group."""
    runs = groupby(read_layout(LAYOUTS, folder, split, tag), key=attrgetter("text"))
    return [replace(page, group=str(number)) for number, (_, run) in enumerate(runs, 1) for page in run]


TASK = Task(
    name="wpr",
    kind="classification",
    title="how relevant is a web page to a query (XGLUE WPR), 7 languages",
    read=read,
    layouts=LAYOUTS,
    languages=("de", "en", "es", "fr", "it", "pt", "zh"),
    train_languages=("en",),
    parallel=(),
    labels=("0", "1", "2", "3", "4"),  # bad, fair, good, excellent, perfect
    metric="nDCG",
    other_metrics=("nDCG_expected", "accuracy"),
    folder="xglue",
    paper="Liang et al. 2020, XGLUE, arXiv 2004.01401",
    licence="XGLUE's own terms, research only",
)
