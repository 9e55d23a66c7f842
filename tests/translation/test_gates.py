"""Every gate rejects what it is for and lets good translations pass; what it cannot judge it says."""

from dataclasses import replace
from functools import cache

import pytest

from isogloss.data.parallel_set import Row
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.records import Question, Sentence
from isogloss.tasks import load_task
from isogloss.translation import gates
from isogloss.translation.gate_checks import (
    Side,
    copy,
    empty,
    language,
    length,
    numbers,
    placeholders,
    repetition,
    script,
)
from isogloss.translation.gates import ALONE, LOWEST, SAME, judge, judged, parse_gates

ENGLISH = "The train to the old town leaves every morning at the same time."
GERMAN = "Der Zug in die Altstadt fährt jeden Morgen um die gleiche Zeit ab."


def row(text, translation, tag="de", **values):
    original = Sentence(id=values.pop("id", "1"), language="en", text=text, label=values.pop("label", "a"))
    made = None if translation is None else replace(original, language=tag, text=translation)
    return Row(original=original, language=tag, translation=made, **values)


BAD = [  # gate, source, translation, its language
    (empty, "Good morning", " . ", "de"),
    (copy, "We leave at nine today", "we  leave at nine today", "de"),
    (length, ENGLISH, "Zug", "de"),
    (length, ENGLISH, GERMAN * 4, "de"),
    (length, ENGLISH, "火车" * 40, "zh"),
    (length, ENGLISH * 3, "火车火车火车", "zh"),
    (repetition, ENGLISH, "Der Zug fährt ab. Der Zug fährt ab. Der Zug fährt ab.", "de"),
    (repetition, ENGLISH, "去老城的火车去老城的火车去老城的火车去老城的火车", "zh"),
    (script, ENGLISH, "Der Zug fährt jeden Morgen ab.", "ru"),
    (script, ENGLISH, "Поезд отходит каждое утро.", "de"),
    (script, ENGLISH, "Поезд отходит каждое утро.", "zh"),
    (script, ENGLISH, "電車は出ます", "ko"),
    (language, ENGLISH, ENGLISH, "de"),
    (language, ENGLISH, "Le train pour la vieille ville part chaque matin.", "de"),
    (numbers, "In 1998 it cost 250 pounds", "Im Jahr kostete es Pfund", "de"),
    (numbers, "In 1998", "1989", "de"),
    (placeholders, "See https://example.org/a?b=1.", "Siehe hier.", "de"),
    (placeholders, "Hello {name}, you have %d new messages", "Hallo {Name}, du hast %d Nachrichten", "de"),
    (placeholders, "Write to me@example.org", "Schreib mir", "de"),
    (placeholders, "a <b>bold</b> word", "ein fettes Wort", "de"),
]
GOOD = [
    (empty, "!!!", "!", "de"),
    (empty, "5", "5", "de"),
    (copy, "Berlin", "Berlin", "de"),
    (copy, "John F. Kennedy, 1963", "John F. Kennedy, 1963", "de"),
    (copy, ENGLISH, GERMAN, "de"),
    (length, ENGLISH, GERMAN, "de"),
    (length, ENGLISH, "去老城的火车每天早上同一时间出发。", "zh"),
    (length, "No", "Auf keinen Fall", "de"),
    (repetition, "no no no no no no", "nein nein nein nein nein nein", "de"),
    (repetition, "Hi", "Hallo", "de"),
    (script, "I like iPhone Pro", "iPhone Pro", "zh"),
    (script, ENGLISH, "МРТ — метод", "ru"),
    (script, "5:30!", "5:30!", "ru"),
    (script, ENGLISH, "東京タワー", "ja"),
    (language, ENGLISH, GERMAN, "de"),
    (language, ENGLISH, "去老城的火车每天早上在同一时间出发，从不晚点，也不早到。", "zh"),
    (numbers, "In 1,998 cases of 12", "In 1.998 Fällen von 12", "de"),
    (numbers, "2,243 points", "2 243 Punkte", "de"),
    (numbers, "It was 1998", "كان ١٩٩٨", "ar"),
    (numbers, "at 8:30 we are 2", "um 20:30 sind wir zwei", "de"),
    (placeholders, "See https://example.org.", "Siehe https://example.org!", "de"),
    (placeholders, "100% sure, 5 < 7 and 9 > 8", "100 % sicher", "de"),
]


@pytest.mark.parametrize(("gate", "source", "translation", "tag"), BAD)
def test_a_gate_rejects_what_it_is_for(gate, source, translation, tag):
    assert gate(Side("en", source), Side(tag, translation), ALONE[gate.__name__])


@pytest.mark.parametrize(("gate", "source", "translation", "tag"), GOOD)
def test_a_gate_lets_a_good_translation_pass(gate, source, translation, tag):
    assert gate(Side("en", source), Side(tag, translation), ALONE[gate.__name__]) == ""


@pytest.mark.parametrize(
    ("gate", "translation", "tag"),
    [(language, "Hallo", "de"), (language, GERMAN, "tpi"), (language, GERMAN, "luo"), (script, "ᠮᠣᠩ", "mn-Mong")],
)
def test_a_gate_says_what_it_cannot_judge(gate, translation, tag):
    assert gate(Side("en", ENGLISH), Side(tag, translation), 0.5) is None


def test_human_translations_pass():
    found = read_split(load_task("sample_intent"), None, "test", ["de", "ar", "hi", "ja", "ru", "sw", "zh"], items=25)
    gates = parse_gates("all")
    for tag, records in found.items():
        rows = [Row(original=record.translations[0], language=tag, translation=record) for record in records]
        rejected = [(each.reason, each.detail) for row in rows if (each := judge(row, gates)).reason]
        assert rejected == []


def test_the_first_gate_that_fails_is_the_reason_and_those_that_cannot_judge_are_flagged():
    gates = parse_gates("all")
    bad = judge(row(ENGLISH, ENGLISH), gates)
    assert (bad.reason, bad.detail) == ("copy", "the source again, 13 words")
    short = judge(row("Good morning", "Guten Morgen"), gates)
    assert (short.reason, short.flags) == (None, ("language",))


def test_of_two_texts_the_bad_one_is_named():
    original = Question(id="1", language="en", question="Where is it?", context=ENGLISH)
    made = replace(original, language="de", question="Wo ist es?")
    found = judge(Row(original=original, language="de", translation=made), parse_gates("copy"))
    assert (found.reason, found.detail) == ("copy", "context: the source again, 13 words")


def test_a_rejected_row_keeps_its_reason():
    lost = row(ENGLISH, ENGLISH, reason="answer_lost", detail="x")
    assert judge(lost, parse_gates("all")) == lost
    failed = row(ENGLISH, None, reason="engine", detail="cut off")
    assert list(judged(lambda: [failed], parse_gates("all"))) == [failed]


@pytest.mark.parametrize(
    ("text", "gates"),
    [
        ("none", {}),
        ("all", ALONE | SAME | {"score": 0.05}),
        ("length=4, copy", {"copy": 4.0, "length": 4.0}),
        ("all,round_trip=0.1,length=3", ALONE | SAME | {"length": 3.0, "score": 0.05, "round_trip": 0.1}),
        ("", {}),
    ],
)
def test_gates_are_named_with_their_thresholds(text, gates):
    assert parse_gates(text) == gates
    assert list(parse_gates(text)) == [name for name in ALONE | SAME | LOWEST if name in gates]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lenght", "no gate 'lenght'; did you mean length"),
        ("score=5%", "score=5%: the threshold is a number between 0 and 1"),
        ("script=2", "between 0 and 1"),
        ("length=0.5", "a number of 1 or more"),
        ("copy=-1", "of 0 or more"),
        ("copy=nan", "of 0 or more"),
        ("copy=", "of 0 or more"),
    ],
)
def test_a_wrong_gate_is_one_line(text, complaint):
    with pytest.raises(UserError, match=complaint):
        parse_gates(text)


def scored(count=40):
    for i in range(count):
        yield row(f"number {i}", f"{i}", id=str(i), score=-float(i))
        yield row(f"number {i}", f"{i}", "sw", id=str(i), score=-100.0 - i)
    yield row("no score", "x", id="none")
    yield row("lost", "x", id="lost", reason="answer_lost", score=-1000.0)


def test_the_lowest_scores_of_each_language_are_rejected():
    found = list(judged(scored, {"score": 0.1}))
    for tag in ("de", "sw"):
        rejected = [each.original.id for each in found if each.language == tag and each.reason == "score"]
        assert rejected == ["36", "37", "38", "39"]
    assert found[-2].flags == ("score",) and found[-2].reason is None
    assert found[-1].reason == "answer_lost"
    assert all(each.reason != "score" for each in judged(lambda: scored(10), {"score": 0.05}))


def test_rows_that_other_gates_reject_do_not_shift_the_limit():
    def rows():
        yield from scored(20)
        yield from (row("a b c d e", "a b c d e", id=f"copy {i}", score=-1e6) for i in range(100))

    found = list(judged(rows, {"copy": 4, "score": 0.1}))
    assert [each.original.id for each in found if each.reason == "score" and each.language == "de"] == ["18", "19"]


def test_a_translator_that_always_says_the_same_is_found_out():
    def rows():
        yield from (row(f"text {i}", "Ein Mann sitzt.", id=f"same {i}", score=-0.1) for i in range(4))
        yield from (row(f"text {i}", "Mtu ameketi.", "sw", id=f"few {i}", score=-0.1) for i in range(3))
        yield from (row("a text", "Ein Text.", id=f"twin {i}", score=-0.1) for i in range(9))  # one source, many times

    found = list(judged(rows, {"duplicate": 3.0}))
    assert [each.reason for each in found] == ["duplicate"] * 4 + [None] * 12
    assert found[0].detail == "4 different texts have this translation"
    assert [each.reason for each in judged(rows, {"duplicate": 2.0})] == ["duplicate"] * 7 + [None] * 9
    assert {each.reason for each in judged(rows, {"duplicate": 4.0, "score": 0.0})} == {None}


def test_one_half_of_a_pair_may_be_the_same_in_many_rows_where_its_source_is():
    def rows(premise):
        for i in range(8):
            original = Sentence(id=str(i), language="en", text=premise(i), text_pair=f"part {i}", label="a")
            made = replace(original, language="de", text="Ein Satz.", text_pair=f"Teil {i}")
            yield Row(original=original, language="de", translation=made)

    assert {each.reason for each in judged(lambda: rows(lambda i: "A sentence."), {"duplicate": 3.0})} == {None}
    assert {each.reason for each in judged(lambda: rows(str), {"duplicate": 3.0})} == {"duplicate"}


def test_the_round_trip_rejects_what_does_not_come_back():
    sources = [f"We saw {name} in the old town" for name in ("Ann", "Bob", "Cid", "Dan")]
    rows = [row(text, f"gesehen {i}", id=str(i)) for i, text in enumerate(sources)]
    asked = []

    def back(records, tag):
        asked.append((tag, [(record.text, record.label) for record in records]))
        texts = {"0": sources[0], "1": "something else at all", "2": sources[2]}
        return [replace(r, language=tag, text=texts[r.id]) if r.id in texts else None for r in records]

    found = list(judged(lambda: rows, {"round_trip": 0.4}, back=back))
    assert [each.reason for each in found] == [None, "round_trip", None, None]
    assert found[3].flags == ("round_trip",)  # what cannot be translated back cannot be judged
    assert asked == [("en", [(f"gesehen {i}", None) for i in range(4)])]


def test_a_gate_that_lacks_what_it_needs_is_told():
    for name in ("round_trip", "quality"):
        with pytest.raises(UserError, match=f"gate {name} needs --"):
            list(judged(lambda: [row("a", "b")], {name: 0.5}))


def test_where_no_language_can_be_identified_all_gates_are_those_but_language(monkeypatch, capsys):
    monkeypatch.setattr(gates, "find_spec", lambda name: None)
    monkeypatch.setattr(gates, "_identifies", cache(gates._identifies.__wrapped__))
    assert set(parse_gates("all", alone=True)) == set(ALONE) - {"language"}
    assert set(parse_gates("all,quality")) == {*ALONE, *SAME, "score", "quality"} - {"language"}
    assert "language" in parse_gates("language=0.5")  # who names it is told when it judges
    (told,) = capsys.readouterr().err.splitlines()
    assert told == "gate language is left out, it needs py3langid: pip install 'isogloss[translate]'"
