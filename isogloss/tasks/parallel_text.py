"""Parallel text with English, from all sources at once: training material for encoders and translators."""

from pathlib import Path

from isogloss.data.parallel_text import LANGUAGES, read_parallel
from isogloss.errors import UserError
from isogloss.records import Bitext
from isogloss.tasks import Task


def read(folder: Path, split: str, tag: str) -> list[Bitext]:
    """All pairs of the language with English; `folder` holds the folders of the sources."""
    if split != "train":
        raise UserError(f"task parallel_text has no split {split!r}; it is training material only")
    return read_parallel(folder, [tag])


TASK = Task(
    name="parallel_text",
    kind="bitext",
    title=f"sentence pairs with English from ten sources, {len(LANGUAGES)} languages",
    read=read,
    languages=LANGUAGES,
    dev_split=None,
    metric="none",
    folder=".",
    paper="see the sources' own",
    licence="CC BY-SA 4.0 and others, by source",
)
