"""PAN-X: names of persons, organisations and places in Wikipedia; silver labels, trained on English."""

from dataclasses import replace
from functools import partial

from isogloss.data.layouts import read_layout
from isogloss.data.tagged_text import sentences_of_rows
from isogloss.tasks import Task, bio_tags
from isogloss.tasks._hub import xtreme
from isogloss.tasks._xtreme_tagging import LAYOUTS, read_machine

# fmt: off
LANGUAGES = (
    "ar", "he", "vi", "id", "jv", "ms", "tl", "eu", "ml", "ta", "te", "af", "nl", "en",
    "de", "el", "bn", "hi", "mr", "ur", "fa", "fr", "it", "pt", "es", "bg", "ru", "ja",
    "ka", "ko", "th", "sw", "yo", "my", "zh", "kk", "tr", "et", "fi", "hu",
)
# fmt: on
TESTED = xtreme(
    files={"dev": "PAN-X.{language}/validation-*.parquet", "test": "PAN-X.{language}/test-*.parquet"},
    languages={tag: tag for tag in LANGUAGES},
    columns=("tokens", "ner_tags"),
    labels={name: name for name in ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")},
    read=sentences_of_rows,
)
TRAINED = replace(TESTED, files={"train": "PAN-X.{language}/train-*.parquet"}, languages={"en": "en"})

TASK = Task(
    name="panx",
    kind="tagging",
    title="names of persons, organisations and places (PAN-X), 40 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    hub=(TRAINED, TESTED),
    read_machine=read_machine,
    languages=LANGUAGES,
    parallel=("train",),
    labelled_translations=False,
    labels=bio_tags(("LOC", "ORG", "PER")),
    metric="span_F1",
    other_metrics=("span_F1_lenient",),
    folder="panx",
    paper="Pan et al. 2017, aclanthology.org/P17-1178; split by Rahimi et al. 2019, arXiv 1902.00193",
    licence="none stated",
)
