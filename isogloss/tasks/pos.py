"""POS: universal parts of speech in treebanks of UD 2.5, as XGLUE has them.

XGLUE's paper reports accuracy. Its script prints the precision of chunks that seqeval makes of the tags, in a version
that is not told: both readings are given beside. The Hub lacks Portuguese.
"""

from functools import partial

from isogloss.data.layouts import read_layout
from isogloss.data.tagged_text import read_spaced, sentences_of_rows
from isogloss.tasks import Task, ud_pud
from isogloss.tasks._hub import xglue
from isogloss.tasks._xglue import in_archive, named_layouts

LAYOUTS = named_layouts(in_archive("POS"), read_spaced)
# fmt: off
LANGUAGES = (
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "it",
    "nl", "pl", "pt", "ru", "th", "tr", "ur", "vi", "zh",
)
# fmt: on
ON_HUB = xglue(
    "pos",
    [tag for tag in LANGUAGES if tag != "pt"],
    ("words", "pos"),
    {name: name for name in ud_pud.TASK.labels},  # in the same order
    sentences_of_rows,
)
TASK = Task(
    name="pos",
    kind="tagging",
    title="parts of speech (XGLUE POS: UD 2.5), 18 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    hub=ON_HUB,
    languages=LANGUAGES,
    train_languages=("en",),
    parallel=(),
    labels=ud_pud.TASK.labels,
    metric="token_accuracy",
    other_metrics=("upos_precision", "upos_precision_2020"),
    folder="xglue",
    paper="Nivre et al. 2018, Universal Dependencies 2.2 and later; XGLUE, arXiv 2004.01401",
    licence="by treebank",
)
