"""NC: the category of a news article, by its title and its text."""

from functools import partial

from isogloss.data.layouts import read_layout
from isogloss.tasks import Task
from isogloss.tasks._hub import xglue
from isogloss.tasks._xglue import layouts

LANGUAGES = ("de", "en", "es", "fr", "ru")
LABELS = (
    "foodanddrink",
    "sports",
    "travel",
    "finance",
    "lifestyle",
    "news",
    "entertainment",
    "health",
    "video",
    "autos",
)
LAYOUTS = layouts("nc", columns=3)
TASK = Task(
    name="nc",
    kind="classification",
    title="category of a news article (XGLUE NC), 5 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    hub=xglue("nc", LANGUAGES, ("news_title", "news_body", "news_category"), {name: name for name in LABELS}),
    languages=LANGUAGES,
    train_languages=("en",),
    parallel=(),
    labels=LABELS,
    metric="accuracy",
    folder="xglue",
    paper="Liang et al. 2020, XGLUE, arXiv 2004.01401",
    licence="XGLUE's own terms, research only",
)
