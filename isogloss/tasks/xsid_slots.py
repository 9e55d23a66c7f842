"""xSID slots: the arguments of what a user asks of a voice assistant."""

from pathlib import Path

from isogloss.records import TaggedSentence
from isogloss.tasks import Task, _xsid, bio_tags

SLOTS = """
    alarm/alarm_modifier album artist best_rating condition_description condition_temperature cuisine datetime
    entity_name facility genre location movie_name movie_type music_item negation object_location_type object_name
    object_part_of_series_type object_select object_type party_size_description party_size_number playlist rating_unit
    rating_value recurring_datetime reference reference-part reminder/reminder_modifier reminder/todo restaurant_name
    restaurant_type served_dish service sort track weather/attribute weather/temperatureUnit
"""  # reference-part marks a possessive ending in Arabic and Turkish and never occurs in training


def read(folder: Path, split: str, tag: str) -> list[TaggedSentence]:
    """The utterances of a split in one language with their slots."""
    return [
        TaggedSentence(id=each.id, language=tag, text=each.text, words=each.words, tags=each.tags)
        for each in _xsid.read_utterances(folder, split, tag)
    ]


TASK = Task(
    name="xsid_slots",
    kind="tagging",
    title="slots of an utterance (xSID 0.7), 14 languages and dialects",
    read=read,
    languages=_xsid.LANGUAGES,
    train_languages=("en", "da"),
    labels=bio_tags(SLOTS.split()),
    metric="span_F1",
    other_metrics=("span_F1_lenient",),
    folder="xsid",
    sizes=_xsid.SIZES,
    paper=_xsid.PAPER,
    licence=_xsid.LICENCE,
)
