"""QAM: does a passage answer a question?"""

from functools import partial

from isogloss.data.layouts import read_layout
from isogloss.tasks import Task
from isogloss.tasks._xglue import layouts

LAYOUTS = layouts("qam", columns=3)
TASK = Task(
    name="qam",
    kind="classification",
    title="does a passage answer a question (XGLUE QAM), 3 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    languages=("de", "en", "fr"),
    train_languages=("en",),
    parallel=(),
    labels=("0", "1"),
    metric="accuracy",
    other_metrics=("average_precision", "average_precision_labels"),
    folder="xglue",
    paper="Liang et al. 2020, XGLUE, arXiv 2004.01401",
    licence="XGLUE's own terms, research only",
)
