"""WPR: how relevant is a web page, its title and its snippet, to a query? The pages of a query are ranked."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from isogloss.data.hub import Row
from isogloss.data.layouts import read_layout
from isogloss.data.text_pairs import pairs_of_rows
from isogloss.records import Sentence
from isogloss.tasks import Task
from isogloss.tasks._hub import xglue
from isogloss.tasks._xglue import layouts

LAYOUTS = layouts("wpr", columns=4)


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The pages of a split in one language, in groups."""
    return grouped(read_layout(LAYOUTS, folder, split, tag))


def read_rows(rows: Iterable[Row], tag: str) -> list[Sentence]:
    """The pages of the Hub's rows, in groups."""
    return grouped(pairs_of_rows(rows, tag))


def grouped(pages: Iterable[Sentence]) -> list[Sentence]:
    """The pages; those of the same query that follow one another are a group."""
    runs = groupby(pages, key=attrgetter("text"))
    return [replace(page, group=str(number)) for number, (_, run) in enumerate(runs, 1) for page in run]


LANGUAGES = ("de", "en", "es", "fr", "it", "pt", "zh")
RATINGS = {"Bad": "0", "Fair": "1", "Good": "2", "Excellent": "3", "Perfect": "4"}
COLUMNS = ("query", "web_page_title", "web_page_snippet", "relavance_label")  # spelled so
TASK = Task(
    name="wpr",
    kind="classification",
    title="how relevant is a web page to a query (XGLUE WPR), 7 languages",
    read=read,
    layouts=LAYOUTS,
    hub=xglue("wpr", LANGUAGES, COLUMNS, RATINGS, read_rows),
    languages=LANGUAGES,
    train_languages=("en",),
    parallel=(),
    labels=tuple(RATINGS.values()),
    metric="nDCG",
    other_metrics=("nDCG_expected", "accuracy"),
    folder="xglue",
    paper="Liang et al. 2020, XGLUE, arXiv 2004.01401",
    licence="XGLUE's own terms, research only",
)
