"""xSID intents: what does the user want of a voice assistant?"""

from pathlib import Path

from isogloss.records import Sentence
from isogloss.tasks import Task, _xsid


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The utterances of a split in one language with their intents."""
    return [
        Sentence(id=each.id, language=tag, text=each.text, label=each.intent)
        for each in _xsid.read_utterances(folder, split, tag)
    ]


TASK = Task(
    name="xsid_intent",
    kind="classification",
    title="intent of an utterance (xSID 0.7), 14 languages and dialects",
    read=read,
    languages=_xsid.LANGUAGES,
    train_languages=("en", "da"),
    labels=(
        "AddToPlaylist",
        "BookRestaurant",
        "GetWeather",
        "PlayMusic",
        "RateBook",
        "SearchCreativeWork",
        "SearchScreeningEvent",
        "alarm/cancel_alarm",
        "alarm/modify_alarm",
        "alarm/set_alarm",
        "alarm/show_alarms",
        "alarm/snooze_alarm",
        "alarm/time_left_on_alarm",
        "reminder/cancel_reminder",
        "reminder/set_reminder",
        "reminder/show_reminders",
        "weather/checkSunrise",
        "weather/checkSunset",
        "weather/find",
    ),
    metric="accuracy",
    other_metrics=("macro_F1",),
    folder="xsid",
    sizes=_xsid.SIZES,
    paper=_xsid.PAPER,
    licence=_xsid.LICENCE,
)
