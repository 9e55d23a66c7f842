"""Records from files of every form and from tasks; what is wrong is told before anything is translated."""

import gzip
import json

import pytest

from isogloss.errors import UserError
from isogloss.records import Sentence, TaggedSentence
from isogloss.translation.inputs import records_of, records_of_file, records_of_task

SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "A lives in Rome.",
                    "qas": [{"id": "1", "question": "Where?", "answers": [{"text": "Rome", "answer_start": 11}]}],
                }
            ]
        }
    ]
}
LINE = {"id": "1", "language": "en", "text": "Hello.", "label": "a"}
FILES = {
    "squad.json": (json.dumps(SQUAD), "question_answering"),
    "notes.jsonl": (json.dumps(LINE), "classification"),
    "rows.tsv": ("label\ttext\tmore\na\tHello.\tx\nb\tBye.\ty\n", "classification"),
    "words.conll": ("wake\tO\nme\tO\n\n", "tagging"),
    "words.conllu": ("# sent_id = 1\n# text = wake\n1\twake\t_\tVERB" + "\t_" * 6 + "\n\n", "tagging"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read_by_its_name_as_often_as_it_is_asked_for(tmp_path, name, packed):
    text, kind = FILES[name]
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = records_of_file(path, "en")
    assert (found.kind, found.languages) == (kind, ("en",))
    assert list(found.rows()) == list(found.rows()) and len(list(found.rows())) == found.total > 0


def test_a_table_has_what_its_header_names(tmp_path):
    (tmp_path / "rows.tsv").write_text("text\tlabel\tlanguage\tid\tof\nHallo.\ta\tdeu_Latn\tx\t1\nJa.\t\tde\ty\t2\n")
    assert list(records_of_file(tmp_path / "rows.tsv", None).rows()) == [
        Sentence(id="x", language="de", text="Hallo.", label="a"),
        Sentence(id="y", language="de", text="Ja."),
    ]


@pytest.mark.parametrize(
    "name, text, source, complaint",
    [
        ("a.jsonl", "", None, "no items; the file is empty"),
        ("a.jsonl", f"{json.dumps(LINE)}\n{json.dumps(LINE)}\n", None, "duplicate ids '1'"),
        (
            "a.jsonl",
            json.dumps(LINE | {"id": 2}) + '\n{"id": 3, "language": "xx-no", "text": "A"}\n',
            None,
            "a.jsonl:2",
        ),
        ("a.jsonl", json.dumps(LINE) + '\n{"id": 3, "language": "en", "words": ["A"]}\n', None, "files of their own"),
        ("a.jsonl", json.dumps(LINE), "sw", "has records in en, not in sw as --from says"),
        ("a.jsonl", json.dumps(LINE | {"text": " "}), None, "text is empty"),
        ("a.json", json.dumps(SQUAD), None, "does not say what language it is in; give it with --from"),
        ("a.tsv", "label\nb\n", "en", "a.tsv:2: text is missing"),
        ("a.tsv", "text\nHello.\n", None, "a.tsv:2"),
        ("a.csv", "text\nHello.\n", "en", "the name does not say what is in it"),
        ("missing.jsonl", None, "en", "no such file"),
    ],
)
def test_a_file_that_is_wrong_is_named_in_one_line(tmp_path, name, text, source, complaint):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=complaint):
        records_of_file(tmp_path / name, source)


def test_a_task_gives_the_split_of_its_training_language(data):
    found = records_of_task("sib200", data, "train", None)
    assert (found.kind, found.languages, found.total) == ("classification", ("en",), 12)
    assert {record.language for record in records_of_task("sib200", data, "test", "de").rows()} == {"de"}
    assert isinstance(next(iter(records_of_task("xsid_slots", data, "train", None).rows())), TaggedSentence)
    with pytest.raises(UserError, match="there is nothing to translate"):
        records_of_task("tatoeba", data, "test", None)


def test_records_in_memory_are_checked():
    record = Sentence(id="1", language="en", text="A.")
    assert records_of([record, Sentence(id="1", language="de", text="B.")]).languages == ("en", "de")
    for records, complaint in (
        ([], "no items"),
        ([record, record], "duplicate ids"),
        ([Sentence(id="1", language="en", text=" ")], "empty text"),
    ):
        with pytest.raises(UserError, match=complaint):
            records_of(records)
