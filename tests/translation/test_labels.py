"""What is translated of a record, and the row that is made of it: labels come across or the row says why not."""

import pytest
from translation.fake_engine import Fake

from isogloss.data.task_data import read_split
from isogloss.records import Answer, Question, Sentence, Span, tagged_sentence
from isogloss.tasks import load_task
from isogloss.translation.labels import Part, parts, rebuild
from isogloss.translation.live import translated
from isogloss.translation.translator import Decoding, Hypothesis, Translation

CONTEXT = "He lives in Berlin today. Berlin is big."
QUESTION = Question(
    id="1",
    language="en",
    question="Where?",
    context=CONTEXT,
    answers=(Answer("Berlin", 12), Answer("Berlin today", 12), Answer("Berlin", 26)),
)


def made(*texts, tokens=4):
    return [
        Translation((Hypothesis(text, -2.0, tokens),)) if text is not None else Translation(failure="cut off")
        for text in texts
    ]


def test_a_class_goes_with_both_texts():
    record = Sentence(id="1", language="en", text="a", text_pair="b", label="same", group="g")
    assert parts(record) == [Part("a"), Part("b")]
    row = rebuild(record, made("x", "y"), "de")
    assert row.reason is None and row.score == pytest.approx(-0.5)
    assert row.translation == Sentence(id="1", language="de", text="x", text_pair="y", label="same", group="g")
    assert row.original == record


def test_words_are_found_in_the_translation_and_have_no_tags():
    record = tagged_sentence("1", "en", "to New York now", [Span(3, 11, "city")])
    assert parts(record) == [Part("to New York now", ((3, 11),))]
    row = rebuild(record, made("现在去纽约"), "zh")
    assert (row.translation.words, row.translation.tags) == (((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)), None)


def test_a_question_is_translated_with_its_first_answer_marked_and_each_answer_once_alone():
    found = parts(QUESTION)
    assert [part.text for part in found] == [
        "Where?",
        "He lives in [Berlin] today. Berlin is big.",
        "Berlin",
        "Berlin today",
    ]
    assert found[1].protected == ((12, 20),)


def test_each_answer_has_its_offsets_and_says_how_it_was_found():
    texts = made("Wo?", "Er wohnt heute in [Berlin]. Berlin ist groß.", "Berlin.", "Berlin heute.")
    row = rebuild(QUESTION, texts, "de")
    assert row.reason is None
    assert row.translation.context == "Er wohnt heute in Berlin. Berlin ist groß."
    assert [(answer.text, answer.start) for answer in row.translation.answers] == [("Berlin", 18), ("Berlin", 26)]
    assert row.status == ("marked", "exact")  # the one that is not there is left out


@pytest.mark.parametrize(
    ("context", "alone", "found", "how"),
    [
        ("In {Berlin} wohnt er.", "Berlin", None, None),  # other brackets are no markers of ours
        ("Er wohnt heute in 【Berlin. Groß ist es.", "Berlin", "Berlin", "exact"),
        ("Er wohnt in Berlins Mitte.", "Berlin.", "Berlins", "fuzzy"),
    ],
)
def test_where_markers_are_lost_the_answer_alone_is_looked_for(context, alone, found, how):
    row = rebuild(QUESTION, made("Wo?", context, alone, None), "de")
    if found is None:
        assert "{" in row.translation.context
    else:
        answer = row.translation.answers[0]
        assert (answer.text, row.status[0]) == (found, how)
        assert row.translation.context[answer.start :].startswith(found)
        assert not set("[]【】") & set(row.translation.context)


def test_a_lost_answer_rejects_the_row_but_keeps_the_text():
    row = rebuild(QUESTION, made("Wo?", "Er wohnt dort.", "Berlin.", "Berlin heute"), "de")
    assert row.reason == "answer_lost"
    assert row.detail == "'Berlin' (alone 'Berlin') is not in the translation"
    assert row.translation.context == "Er wohnt dort." and row.translation.answers == ()


def test_a_failed_text_rejects_the_row_and_a_failed_answer_alone_does_not():
    row = rebuild(QUESTION, made("Wo?", None, "Berlin", "x"), "de")
    assert (row.reason, row.detail, row.translation) == ("engine", "cut off", None)
    row = rebuild(QUESTION, made("Wo?", "In [Berlin] heute", None, None), "de")
    assert (row.reason, row.status) == (None, ("marked",))


def test_half_a_character_is_no_translation():
    row = rebuild(Sentence(id="1", language="en", text="a"), made("x\ud83d"), "de")
    assert (row.reason, row.detail) == ("engine", "half a character (a lone surrogate)")


def test_a_question_without_an_answer_stays_without():
    empty = Question(id="1", language="en", question="q", context="c", answers=(Answer("", 0),))
    assert parts(empty) == [Part("q"), Part("c")]
    row = rebuild(empty, made("Q", "C"), "de")
    assert (row.reason, row.translation.answers, row.status) == (None, (Answer("", 0),), ("empty",))
    bare = Question(id="1", language="en", question="q", context="c")
    assert rebuild(bare, made("Q", "[C]"), "de").translation.context == "[C]"


def test_the_score_is_that_of_the_texts_per_token_and_needs_all_of_them():
    texts = [Translation((Hypothesis("x", -3.0, 2),)), Translation((Hypothesis("y", -1.0, 6),)), *made("z", "z")]
    assert rebuild(QUESTION, texts, "de").score == pytest.approx(-0.5)
    texts[1] = Translation((Hypothesis("y [z]"),))
    assert rebuild(QUESTION, texts, "de").score is None
    assert rebuild(Sentence(id="1", language="en", text="1"), made("1", tokens=0), "de").score is None


def test_every_answer_of_the_sample_is_found_again_in_its_own_text():
    records = read_split(load_task("sample_answers"), None, "train", ["en", "ar", "ja", "hi"])
    for record in (record for group in records.values() for record in group[:100]):
        row = rebuild(record, made(*[part.text for part in parts(record)]), "de")
        assert row.reason is None and row.status == ("marked",)
        assert row.translation.answers == tuple(record.answers) and row.translation.context == record.context


def test_a_span_that_the_splitter_would_cut_goes_to_the_engine_whole():
    context = "He joined the army. It was old. Then he left. He wrote."
    start = context.index("army")
    answer = Answer("army. It was old. Then", start)
    question = Question(id="1", language="en", question="What?", context=context, answers=(answer,))
    tagged = tagged_sentence("2", "en", "See J. R. Smith. Go on.", [Span(4, 15, "person")])
    engine = Fake()
    asked, named = translated([question, tagged], engine, "de", Decoding())
    texts = [text for call in engine.calls for text in call]
    assert "He joined the [army. It was old. Then] he left." in texts and "He wrote." in texts
    assert any("J. R. Smith" in text for text in texts)
    (found,) = asked.translation.answers
    assert asked.status == ("marked",) and found.text == "army.-de It-de was-de old.-de Then"
    assert asked.translation.context[found.start :].startswith(found.text)
    assert named.translation.text.endswith("Go-de on.-de")


def test_marks_of_direction_and_control_characters_around_an_answer_do_no_harm():
    context = "He said \u200fשלום\u200f and\x07 left.\u2028It was late."
    question = Question(
        id="1", language="en", question="What?", context=context, answers=(Answer("שלום", context.index("ש")),)
    )
    (row,) = translated([question], Fake(), "de", Decoding())
    assert row.reason is None and "שלום" in row.translation.answers[0].text
    answer = row.translation.answers[0]
    assert row.translation.context[answer.start : answer.start + len(answer.text)] == answer.text
    assert "\u2028" in row.translation.context and "\x07" in row.translation.context
