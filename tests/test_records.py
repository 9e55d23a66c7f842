import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.data.jsonl import parse_record
from isogloss.errors import UserError
from isogloss.records import (
    Answer,
    AnswerPrediction,
    LabelPrediction,
    Question,
    Sentence,
    Span,
    TaggedSentence,
    TagsPrediction,
    by_language,
    iterate_sides,
    join_words,
    spans_to_tags,
    split_words,
    tagged_sentence,
    tags_to_spans,
    to_json,
)


def words_of(text):
    return [text[start:end] for start, end in split_words(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Der Zug, um 9:30!", ["Der", "Zug", ",", "um", "9", ":", "30", "!"]),
        ("हिन्दी में है।", ["हिन्दी", "में", "है", "।"]),
        ("我要去北京。", list("我要去北京。")),
        ("東京タワー A1", ["東", "京", "タ", "ワ", "ー", "A1"]),
        ("كتاب، نعم", ["كتاب", "،", "نعم"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("\u200fabc\u200f d", ["abc\u200f", "d"]),
        ("cafe\u0301s", ["cafe\u0301s"]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_words_are_found_in_every_script(text, words):
    assert words_of(text) == words


@given(st.text())
def test_words_are_ordered_disjoint_and_lose_nothing_visible(text):
    words = split_words(text)
    ends = [0, *(end for _, end in words)]
    assert all(before <= start < end for before, (start, end) in zip(ends, words, strict=False))
    covered = {i for start, end in words for i in range(start, end)}
    lost = [c for i, c in enumerate(text) if i not in covered]
    assert all(c.isspace() or unicodedata.category(c) == "Cf" for c in lost)


@given(st.lists(st.sampled_from(["Haus", "我", "x", ","]), max_size=6), st.sampled_from(["de", "zh", "th", "zh-Hant"]))
def test_joined_words_lie_where_their_offsets_say(words, language):
    text, offsets = join_words(words, language)
    assert [text[start:end] for start, end in offsets] == words


def test_chinese_is_joined_without_spaces():
    assert join_words(["我", "去"], "zh-Hant")[0] == "我去"
    assert join_words(["ich", "gehe"], "de")[0] == "ich gehe"


def test_spans_and_tags_are_two_views_of_one_thing():
    text = "fly from New York to Berlin"
    spans = [Span(9, 17, "city"), Span(21, 27, "city")]
    record = tagged_sentence("1", "en", text, spans)
    assert record.tags == ("O", "O", "B-city", "I-city", "O", "B-city")
    assert record.spans == spans


def test_neighbouring_spans_of_one_label_stay_apart():
    words = ((0, 1), (2, 3))
    spans = [Span(0, 1, "x"), Span(2, 3, "x")]
    assert tags_to_spans(words, spans_to_tags("1", words, spans, 3)) == spans


def test_a_stray_inside_tag_opens_a_span():
    words = ((0, 1), (2, 3), (4, 5))
    assert tags_to_spans(words, ("I-a", "I-b", "I-b")) == [Span(0, 1, "a"), Span(2, 5, "b")]
    assert tags_to_spans(words, ("B-a", "O", "I-a")) == [Span(0, 1, "a"), Span(4, 5, "a")]


def test_pos_tags_are_no_spans():
    assert tags_to_spans(((0, 1), (2, 3)), ("NOUN", "VERB")) == []


@pytest.mark.parametrize(
    ("spans", "complaint"),
    [
        ([Span(0, 99, "x")], "outside its text of 11 characters"),
        ([Span(3, 3, "x")], "outside"),
        ([Span(-1, 3, "x")], "outside"),
        ([Span(0, 2, "x")], "cuts across a word"),
        ([Span(2, 5, "x")], "cuts across a word"),
        ([Span(5, 6, "x")], "cuts across a word"),
        ([Span(0, 5, "x"), Span(0, 11, "y")], "overlaps"),
    ],
)
def test_a_span_that_does_not_fit_is_a_user_error(spans, complaint):
    with pytest.raises(UserError, match=complaint):
        tagged_sentence("7", "en", "hello world", spans)


def test_records_are_grouped_by_language_in_order():
    records = [Sentence(id=str(i), language=tag, text="x") for i, tag in enumerate(["de", "sw", "de"])]
    assert {tag: [record.id for record in group] for tag, group in by_language(records).items()} == {
        "de": ["0", "2"],
        "sw": ["1"],
    }


SIDE = Sentence(id="1", language="en", text="a", text_pair="b", label="yes")
RECORDS = [
    SIDE,
    Sentence(id="1", language="sw", text="a b", translations=(SIDE, Sentence(id="1", language="fr", text="c"))),
    TaggedSentence(
        id="1",
        language="zh",
        text="我去 Rom",
        words=((0, 1), (1, 2), (3, 6)),
        tags=("O", "O", "B-city"),
        translations=(TaggedSentence(id="1", language="en", text="I go", words=((0, 1), (2, 4))),),
    ),
    Question(
        id="1",
        language="th",
        question="q",
        context="a b",
        answers=(Answer("b", 2),),
        translations=(Question(id="1", language="en", question="q", context="c"),),
    ),
]


@pytest.mark.parametrize("record", RECORDS)
def test_json_lines_bring_every_record_back(record):
    assert parse_record(to_json(record), "here:1") == record


def test_sides_begin_with_the_record():
    assert [side.language for side in iterate_sides(RECORDS[1])] == ["sw", "en", "fr"]


def test_predictions_become_json():
    assert to_json(LabelPrediction("1", "de", "x", {"x": 1.0})) == {
        "id": "1",
        "language": "de",
        "label": "x",
        "probabilities": {"x": 1.0},
    }
    tags = to_json(TagsPrediction("1", "de", ((0, 2),), ("B-x",)))
    assert (tags["tags"], tags["spans"]) == (["B-x"], [{"start": 0, "end": 2, "label": "x"}])
    assert to_json(AnswerPrediction("1", "de", "a", 3, 0.5))["answer"] == {"text": "a", "answer_start": 3}
