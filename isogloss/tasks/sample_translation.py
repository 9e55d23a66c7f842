"""The embedded sample as a translation test: a traveller's requests, any direction among its languages."""

from dataclasses import replace
from pathlib import Path

from isogloss.data.sample import LANGUAGES, read_intents
from isogloss.records import Sentence
from isogloss.tasks import Task


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The requests of a split in one language; the same id is the same request."""
    return [replace(request, label=None) for request in read_intents(folder, split, tag)]


TASK = Task(
    name="sample_translation",
    kind="translation",
    title=f"embedded sample: translation of a traveller's request, any direction among {len(LANGUAGES)} languages",
    read=read,
    languages=LANGUAGES,
    metric="chrF",
    other_metrics=("BLEU", "TER"),
    sizes={"train": 1500, "dev": 300, "test": 500},
    paper="original to isogloss",
    licence="Apache-2.0",
)
