"""The embedded sample's intents: what does a traveller want?"""

from isogloss.data.sample import INTENTS, LANGUAGES, read_intents
from isogloss.tasks import Task

TASK = Task(
    name="sample_intent",
    kind="classification",
    title="embedded sample: intent of a traveller's request, 12 languages",
    read=read_intents,
    languages=LANGUAGES,
    labels=INTENTS,
    metric="accuracy",
    other_metrics=("macro_F1",),
    sizes={"train": 1500, "dev": 300, "test": 500},
    paper="original to isogloss",
    licence="Apache-2.0",
)
