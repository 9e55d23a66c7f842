"""The embedded sample's slots: cities, dates, prices ... in a traveller's request."""

from isogloss.data.sample import LANGUAGES, SLOTS, read_slots
from isogloss.tasks import Task, bio_tags

TASK = Task(
    name="sample_slots",
    kind="tagging",
    title="embedded sample: slots of a traveller's request, 12 languages",
    read=read_slots,
    languages=LANGUAGES,
    labels=bio_tags(SLOTS),
    metric="span_F1",
    other_metrics=("span_F1_lenient",),
    sizes={"train": 1500, "dev": 300, "test": 500},
    paper="original to isogloss",
    licence="Apache-2.0",
)
