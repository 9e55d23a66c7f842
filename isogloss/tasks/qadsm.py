"""QADSM: does an advertisement, its title and its description, fit a query?"""

from functools import partial

from isogloss.data.layouts import read_layout
from isogloss.tasks import Task
from isogloss.tasks._hub import xglue
from isogloss.tasks._xglue import layouts

LANGUAGES = ("de", "en", "fr")
COLUMNS = ("query", "ad_title", "ad_description", "relevance_label")
LAYOUTS = layouts("qadsm", columns=4)
TASK = Task(
    name="qadsm",
    kind="classification",
    title="does an advertisement fit a query (XGLUE QADSM), 3 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    hub=xglue("qadsm", LANGUAGES, COLUMNS, {"Bad": "Bad", "Good": "Good"}),
    languages=LANGUAGES,
    train_languages=("en",),
    parallel=(),
    labels=("Bad", "Good"),
    metric="accuracy",
    other_metrics=("ROC_AUC", "ROC_AUC_labels"),
    folder="xglue",
    paper="Liang et al. 2020, XGLUE, arXiv 2004.01401",
    licence="XGLUE's own terms, research only",
)
