import bz2
import json

import pytest

from isogloss.data import sample
from isogloss.errors import UserError
from isogloss.records import Answer, Span
from isogloss.tasks import load_task

LINES = [
    {
        "id": "book_train-03-0007",
        "language": "de",
        "split": "train",
        "pattern": "book_train-03",
        "intent": "book_train",
        "text": "Nach Rom am 5. Mai, bitte.",
        "spans": [[5, 8, "city"], [12, 18, "date"]],
    },
    {
        "id": "qa-hotel-03-0002",
        "language": "de",
        "split": "dev",
        "pattern": "qa-hotel-03",
        "context": "Frühstück gibt es ab 7:00 Uhr.",
        "question": "Ab wann gibt es Frühstück?",
        "answer": {"text": "7:00", "start": 21},
    },
]


@pytest.fixture
def folder(tmp_path):
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES)
    (tmp_path / "sample.jsonl.bz2").write_bytes(bz2.compress(text.encode()))
    return tmp_path


def test_an_item_is_read_at_three_levels(folder):
    (intent,) = sample.read_intents(folder, "train", "de")
    assert (intent.id, intent.label, intent.language) == ("book_train-03-0007", "book_train", "de")
    (slots,) = sample.read_slots(folder, "train", "de")
    assert slots.spans == [Span(5, 8, "city"), Span(12, 18, "date")]
    (question,) = sample.read_questions(folder, "dev", "de")
    assert question.answers == (Answer("7:00", 21),)
    assert question.context.startswith("7:00", 21)


def test_a_split_that_is_not_there_is_a_user_error(folder):
    with pytest.raises(UserError, match="no question items of split 'train' in 'de'"):
        sample.read_questions(folder, "train", "de")


EMBEDDED = load_task("sample_intent").root(None)


@pytest.mark.parametrize("language", sample.LANGUAGES)
def test_the_embedded_labels_are_those_declared(language):
    intents, slots = set(), set()
    for split in ("train", "dev", "test"):
        intents |= {record.label for record in sample.read_intents(EMBEDDED, split, language)}
        slots |= {span.label for record in sample.read_slots(EMBEDDED, split, language) for span in record.spans}
    assert intents == set(sample.INTENTS)
    assert slots == set(sample.SLOTS)


@pytest.mark.parametrize("read", [sample.read_intents, sample.read_slots, sample.read_questions])
def test_the_embedded_items_are_the_same_in_every_language(read):
    for split in ("train", "dev", "test"):
        ids = {tuple(record.id for record in read(EMBEDDED, split, language)) for language in sample.LANGUAGES}
        assert len(ids) == 1
