"""QAM: does a passage answer a question?"""

from functools import partial

from isogloss.data.layouts import read_layout
from isogloss.tasks import Task
from isogloss.tasks._hub import xglue
from isogloss.tasks._xglue import layouts

LANGUAGES = ("de", "en", "fr")
LAYOUTS = layouts("qam", columns=3)
TASK = Task(
    name="qam",
    kind="classification",
    title="does a passage answer a question (XGLUE QAM), 3 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    hub=xglue("qam", LANGUAGES, ("question", "answer", "label"), {"False": "0", "True": "1"}),
    languages=LANGUAGES,
    train_languages=("en",),
    parallel=(),
    labels=("0", "1"),
    metric="accuracy",
    other_metrics=("average_precision", "average_precision_labels"),
    folder="xglue",
    paper="Liang et al. 2020, XGLUE, arXiv 2004.01401",
    licence="XGLUE's own terms, research only",
)
