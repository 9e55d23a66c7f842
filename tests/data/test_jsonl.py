import json

import pytest

from isogloss.data.jsonl import parse_documents, parse_lines, parse_queries, read_jsonl
from isogloss.errors import UserError
from isogloss.records import Answer, Question, RankingPrediction, Sentence, Span, TaggedSentence, to_json


def parse(*lines, kind=None):
    return list(parse_lines([line if isinstance(line, str) else json.dumps(line) for line in lines], "in.jsonl", kind))


BASE = {"id": "1", "language": "deu_Latn"}


def test_a_line_becomes_the_record_its_fields_describe():
    assert parse(BASE | {"text": "a", "label": "x"}) == [Sentence(id="1", language="de", text="a", label="x")]
    (tagged,) = parse(BASE | {"words": ["a", "b"], "tags": ["O", "B-x"]})
    assert isinstance(tagged, TaggedSentence) and tagged.text == "a b"
    answers = [{"text": "b", "answer_start": 2}]
    (question,) = parse(BASE | {"question": "q", "context": "a b", "answers": answers})
    assert isinstance(question, Question) and question.answers == (Answer("b", 2),)


def test_the_kind_of_the_task_decides_about_bare_text():
    (record,) = parse(BASE | {"text": "Hallo Welt"}, kind="tagging")
    assert isinstance(record, TaggedSentence)
    assert record.words == ((0, 5), (6, 10)) and record.tags is None


@pytest.mark.parametrize("span", [{"start": 6, "end": 10, "label": "x"}, [6, 10, "x"]])
def test_spans_become_tags(span):
    (record,) = parse(BASE | {"text": "Hallo Welt", "spans": [span]})
    assert record.spans == [Span(6, 10, "x")]


def test_translations_may_be_one_or_many():
    english, french = {"language": "en", "text": "b"}, {"language": "fr", "text": "c"}
    (one, two, none) = parse(
        BASE | {"text": "a", "translation": english},
        BASE | {"text": "a", "translation": [english, french]},
        BASE | {"text": "a", "translation": None},
    )
    assert [len(record.translations) for record in (one, two, none)] == [1, 2, 0]
    assert one.translations[0] == Sentence(id="1", language="en", text="b")


def test_a_translation_of_words_may_be_text():
    (record,) = parse(BASE | {"words": ["a"], "tags": ["O"], "translation": {"language": "en", "text": "b c"}})
    assert record.translations[0].words == ((0, 1), (2, 3))


def test_blank_lines_are_passed_over_and_counted():
    with pytest.raises(UserError, match=r"in\.jsonl:3: not JSON"):
        parse("", " ", "{")


def test_a_line_nested_without_end_is_a_user_error():
    with pytest.raises(UserError, match="nested too deeply|not JSON"):
        parse("[" * 200_000)


def test_fields_of_the_users_own_are_left_alone():
    assert parse(BASE | {"text": "a", "source": "web"})


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ([1], "a JSON object was expected, not list"),
        ({"language": "de", "text": "a"}, "every line needs an id"),
        ({"id": True, "language": "de", "text": "a"}, "every line needs an id"),
        ({"id": "1", "text": "a"}, "no language"),
        ({"id": "1", "language": "germn", "text": "a"}, "in.jsonl:1: unknown language 'germn'"),
        (BASE, "no text, words or question"),
        (BASE | {"text": ""}, "text is empty"),
        (BASE | {"text": 3}, "text is int, not text"),
        (BASE | {"text": "a\ud800"}, "half a character"),
        (BASE | {"text": "a", "lable": "x"}, "unknown field 'lable'; did you mean label"),
        (BASE | {"text": "a", "label": 3}, "label is int"),
        (BASE | {"text": "a", "translation": "b"}, "translation must be an object"),
        (BASE | {"text": "a", "translation": {"language": "en"}}, r"\(translation\): text is missing"),
        (BASE | {"words": []}, "words holds nothing"),
        (BASE | {"words": ["a", " "]}, "an empty word"),
        (BASE | {"words": "a"}, "words must be a list, not str"),
        (BASE | {"words": ["a"], "tags": ["O", "O"]}, "1 words but 2 tags"),
        (BASE | {"words": ["a"], "text": "b"}, "in.jsonl:1: word 'a' does not follow"),
        (BASE | {"text": "ab", "spans": [[0, 1, "x"]]}, "in.jsonl:1: span .* cuts across a word"),
        (BASE | {"text": "ab", "spans": [[0, 9, "x"]]}, "outside its text"),
        (BASE | {"text": "ab", "spans": ["x"]}, "a span must be"),
        (BASE | {"question": "q", "context": " "}, "context is empty"),
        (BASE | {"question": "q", "context": "c", "answers": ["x"]}, "an answer must be"),
        (
            BASE | {"question": "q", "context": "c", "answers": [{"text": "x", "answer_start": 0}]},
            "in.jsonl:1: answer_start 0 .* not in the context",
        ),
    ],
)
def test_a_wrong_line_is_one_clear_message(line, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        parse(line)
    assert str(caught.value).startswith("in.jsonl:1") and "\n" not in str(caught.value)


def test_a_file_is_checked_language_by_language(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [{"id": "1", "language": tag, "text": "a"} for tag in ("de", "sw")]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert [record.language for record in read_jsonl(path)] == ["de", "sw"]
    path.write_text("\n".join(map(json.dumps, [*lines, lines[0]])))
    with pytest.raises(UserError, match=r"a\.jsonl \(de\): duplicate ids '1'"):
        read_jsonl(path)
    path.write_text("\n")
    with pytest.raises(UserError, match="no items"):
        read_jsonl(path)


RANKED = {
    "id": "1",
    "language": "de",
    "text": "Wo?",
    "documents": [{"id": "a", "language": "en", "text": "Here."}, {"id": "b", "language": "de", "text": "Da."}],
    "gains": {"a": 2},
    "translation": {"id": "1", "language": "en", "text": "Where?"},
}


def test_a_query_with_its_documents_comes_back_as_it_was():
    (query,) = parse_queries([json.dumps(RANKED)], "in.jsonl")
    assert query.gains == {"a": 2} and query.translations[0].documents is query.documents
    assert to_json(query) == RANKED
    ranking = RankingPrediction("1", "de", ("b", "a"), (0.5, 0.25))
    assert to_json(ranking)["documents"] == [{"id": "b", "score": 0.5}, {"id": "a", "score": 0.25}]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"documents": []}, "in.jsonl:1: no documents"),
        ({"documents": [RANKED["documents"][0]] * 2}, "two documents have the id 'a'"),
        ({"documents": [{"id": "a", "text": " "}]}, "in.jsonl:1, document 1: text is empty"),
        ({"documents": [{"text": "x"}]}, "document 1: every line needs an id"),
        ({"gains": {"c": 1}}, "in.jsonl:1: gains of the unknown documents 'c'"),
        ({"gains": {"a": 0.5}}, "gains must be an object of whole numbers"),
        ({"text": ""}, "in.jsonl:1: text is empty"),
        ({"document": []}, "unknown field 'document'; did you mean documents"),
    ],
)
def test_a_query_that_is_wrong_is_one_clear_message(change, complaint):
    with pytest.raises(UserError, match=complaint):
        list(parse_queries([json.dumps(RANKED | change)], "in.jsonl"))


def test_documents_are_lines_of_their_own():
    lines = [json.dumps(each) for each in RANKED["documents"]]
    assert [each.id for each in parse_documents(lines, "docs.jsonl")] == ["a", "b"]
    with pytest.raises(UserError, match="docs.jsonl:1: no language"):
        list(parse_documents(['{"id": 1, "text": "x"}'], "docs.jsonl"))
