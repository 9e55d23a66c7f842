"""The embedded sample: parallel sentences and passages about travel and daily services, written for this project.

One JSON line per item and language, made by `sample/generate.py`. Two layers: requests with an intent and slots, and
passages with a question and its answer.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from isogloss.data.formats import find, open_text
from isogloss.errors import UserError
from isogloss.records import Answer, Question, Sentence, Span, TaggedSentence, tagged_sentence

FILE = "sample.jsonl"
LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "id", "ja", "ru", "sw", "tr", "zh")
INTENTS = (
    "book_train",
    "book_hotel",
    "book_table",
    "change_booking",
    "cancel_booking",
    "ask_price",
    "complain_bill",
    "ask_timetable",
    "report_problem",
    "lost_item",
    "ask_directions",
    "ask_documents",
    "ask_baggage",
    "book_guide",
)
SLOTS = (
    "city",
    "country",
    "language",
    "date",
    "weekday",
    "time",
    "duration",
    "distance",
    "price",
    "percent",
    "weight",
    "people",
    "number",
)
Line = Mapping[str, Any]


@cache
def _lines(path: Path) -> Mapping[tuple[str, str, str], list[Line]]:
    """The lines by layer ("intent" or "question"), split and language."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    with open_text(path) as text:
        for line in text:
            item = json.loads(line)
            layer = "question" if "question" in item else "intent"
            groups.setdefault((layer, item["split"], item["language"]), []).append(item)
    return groups


def _items(folder: Path, layer: str, split: str, language: str) -> Sequence[Line]:
    path = find(folder / FILE)
    lines = _lines(path).get((layer, split, language))
    if not lines:
        raise UserError(f"{path}: no {layer} items of split {split!r} in {language!r}")
    return lines


def read_intents(folder: Path, split: str, language: str) -> list[Sentence]:
    """The requests of a split in one language, labelled with their intents."""
    return [
        Sentence(id=item["id"], language=language, text=item["text"], label=item["intent"])
        for item in _items(folder, "intent", split, language)
    ]


def read_slots(folder: Path, split: str, language: str) -> list[TaggedSentence]:
    """The requests of a split in one language, tagged with their slots."""
    return [
        tagged_sentence(item["id"], language, item["text"], [Span(*span) for span in item["spans"]])
        for item in _items(folder, "intent", split, language)
    ]


def read_questions(folder: Path, split: str, language: str) -> list[Question]:
    """The questions of a split in one language, each with its passage and its one answer."""
    return [
        Question(
            id=item["id"],
            language=language,
            question=item["question"],
            context=item["context"],
            answers=(Answer(item["answer"]["text"], item["answer"]["start"]),),
        )
        for item in _items(folder, "question", split, language)
    ]
