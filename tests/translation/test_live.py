"""Texts without a translation are translated before they are read; what cannot be translated is never silent."""

import json
from dataclasses import replace

import pytest
from helpers import assert_one_line
from translation.fake_engine import Fake

import isogloss
from isogloss import predict
from isogloss.errors import UserError
from isogloss.predict import predict_lines
from isogloss.records import Answer, Question, Sentence
from isogloss.translation import translator
from isogloss.translation.gates import parse_gates
from isogloss.translation.live import Live
from isogloss.translation.translator import Hypothesis, Translation

TEXTS = ("Das Tor war groß.", "Ein Arzt kam. Er blieb.", "Der Strand ist weit.")


def sentences(*texts, language="de"):
    return [Sentence(id=str(i), language=language, text=text, label="x") for i, text in enumerate(texts)]


def test_every_text_gets_its_translation_without_a_label():
    found = Live(Fake(), ["en"], {})(sentences(*TEXTS))  # no gates: its words are German
    assert [record.label for record in found] == ["x"] * 3
    sides = [record.translations for record in found]
    assert [side.text for (side,) in sides] == [
        "Das-en Tor-en war-en groß.-en",
        "Ein-en Arzt-en kam.-en Er-en blieb.-en",
        "Der-en Strand-en ist-en weit.-en",
    ]
    assert {(side.language, side.label) for (side,) in sides} == {("en", None)}
    assert [record.id for record in found] == ["0", "1", "2"]


def test_a_text_with_a_translation_and_one_in_the_language_itself_are_left_alone():
    engine = Fake()
    own = replace(sentences("a b")[0], translations=tuple(sentences("own", language="en")))
    english = sentences("a b", language="en")[0]
    assert Live(engine, ["en"])([own, english]) == [own, english]
    assert engine.calls == []


def test_a_run_with_pivots_gets_a_side_for_each():
    engine = Fake()
    found = Live(engine, ["en", "sw"])(sentences("a") + sentences("b", language="sw") + sentences("c", language="en"))
    assert [[side.language for side in record.translations] for record in found] == [["en", "sw"], ["en"], []]


def test_answers_are_not_shown_to_the_engine():
    engine = Fake()
    question = Question(id="1", language="de", question="Wo?", context="In Rom.", answers=(Answer("Rom", 3),))
    (found,) = Live(engine, ["en"])([question])
    assert sorted(text for call in engine.calls for text in call) == ["In Rom.", "Wo?"]
    assert found.translations[0].answers == () and found.answers == question.answers


def test_what_cannot_be_translated_is_read_alone_and_told(capsys):
    live = Live(Fake(failing="Arzt"), ["en"])
    found = live(sentences(*TEXTS))
    assert [len(record.translations) for record in found] == [1, 0, 1]
    live(sentences("noch ein Arzt"))
    live.tell()
    told = "2 of 4 texts were read without a translation into English (2: reached the output limit)\n"
    assert capsys.readouterr().err == told
    Live(Fake(), ["en"]).tell()
    assert capsys.readouterr().err == ""


class Careless(Fake):
    """An engine that says a text again, says nothing, or writes it in another script, as the text asks for."""

    def one(self, text, target):
        made = {"again": text, "nothing": "...", "greek": "Αυτό είναι κάτι εντελώς διαφορετικό."}
        found = next((answer for word, answer in made.items() if word in text), None)
        return super().one(text, target) if found is None else Translation((Hypothesis(found),))


CARELESS = ("Das ist gut.", "Das sagt er uns again.", "Das ist nothing.", "Das ist greek.", "Ja, greek.", "Ein Arzt.")


def test_translations_that_do_not_pass_the_gates_are_not_read_and_told_by_gate(capsys):
    live = Live(Careless(failing="Arzt"), ["en"])
    found = live(sentences(*CARELESS))
    assert [record.id for record in found] == [str(i) for i in range(6)]
    assert [len(record.translations) for record in found] == [1, 0, 0, 0, 0, 0]
    live.tell()
    told = capsys.readouterr().err
    assert told.startswith(
        "5 of 6 texts were read without a translation into English (2: rejected by the gate script; "
    )
    for why in ("1: rejected by the gate copy", "1: rejected by the gate empty", "1: reached the output limit"):
        assert why in told


def test_gates_can_be_chosen_and_switched_off():
    for gates, sides in ((parse_gates("none", alone=True), [1, 1, 1, 1, 1, 0]), ({"copy": 4.0}, [1, 0, 1, 1, 1, 0])):
        found = Live(Careless(failing="Arzt"), ["en"], gates)(sentences(*CARELESS))
        assert [len(record.translations) for record in found] == sides
    assert "score" not in parse_gates("all", alone=True) and "duplicate" not in parse_gates("all", alone=True)
    with pytest.raises(UserError, match="--gates: duplicate compares all translations with each other"):
        parse_gates("all,duplicate", alone=True)


def test_a_text_whose_translation_is_rejected_is_predicted_as_if_alone(trained, monkeypatch, tmp_path, command):
    monkeypatch.setattr(translator, "load_translator", lambda spec: Careless())
    path = tmp_path / "lines.jsonl"
    rows = [{"id": f"x{i}", "language": "de", "text": text} for i, text in enumerate(CARELESS[:4])]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run = trained("classification", "filter")
    words = ["predict", run, "--input", path, "--translator", "fake"]
    judged, unjudged, alone = (command(*given) for given in (words, [*words, "--gates", "none"], words[:-2]))
    assert (judged.code, unjudged.code, alone.code) == (0, 0, 0)
    judged_rows, unjudged_rows, alone_rows = (
        [json.loads(line) for line in outcome.out.splitlines()] for outcome in (judged, unjudged, alone)
    )
    for found in (judged_rows, unjudged_rows, alone_rows):
        assert [row["id"] for row in found] == ["x0", "x1", "x2", "x3"]
    for number in (1, 2, 3):
        assert judged_rows[number]["probabilities"] == pytest.approx(alone_rows[number]["probabilities"], abs=1e-5)
    for number in (2, 3):  # a text beside itself is read as if alone
        assert unjudged_rows[number]["probabilities"] != pytest.approx(alone_rows[number]["probabilities"], abs=1e-6)
    assert judged_rows[0]["probabilities"] == pytest.approx(unjudged_rows[0]["probabilities"], abs=1e-5)
    assert "3 of 4 texts were read without a translation" in judged.err and unjudged.err == ""


def test_gates_without_an_engine_and_gates_that_compare_are_mistakes(trained, lines, command):
    run = trained("classification", "filter")
    outcome = command("predict", run, "--input", lines, "--gates", "copy")
    assert_one_line(outcome, "--gates judges the translations of --translator ENGINE")
    outcome = command("predict", run, "--input", lines, "--translator", "memory:x", "--gates", "score")
    assert_one_line(outcome, "--gates: score compares all translations with each other")


def test_a_direction_that_the_engine_has_not_is_a_mistake():
    with pytest.raises(UserError, match="fake does not translate ar"):
        Live(Fake(), ["en"])(sentences("x", language="ar"))


@pytest.fixture
def engine(monkeypatch):
    """An engine that the command line finds under the name fake."""
    made = Fake(failing="Arzt")
    monkeypatch.setattr(translator, "load_translator", lambda spec: made)
    return made


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "lines.jsonl"
    rows = [{"id": str(i), "language": "de", "text": text} for i, text in enumerate(TEXTS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_predictions_are_those_of_texts_that_come_with_these_translations(
    trained, engine, lines, tmp_path, monkeypatch
):
    run = trained("classification", "filter")
    monkeypatch.setattr(predict, "BLOCK", 2)
    predict_lines(run, lines, tmp_path / "live.jsonl", translator="fake")
    predictor = isogloss.load(run)
    records = Live(engine, ["en"])(sentences(*TEXTS))
    expected = predictor.predict(records)
    assert [len(record.translations) for record in records] == [1, 0, 1]
    found = [json.loads(line) for line in (tmp_path / "live.jsonl").read_text().splitlines()]
    for line, prediction in zip(found, expected, strict=True):
        assert line["id"] == prediction.id
        assert line["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-5)
    alone = predictor.predict(sentences(*TEXTS))
    assert found[0]["probabilities"] != pytest.approx(alone[0].probabilities, abs=1e-5)
    assert found[1]["probabilities"] == pytest.approx(alone[1].probabilities, abs=1e-5)


def test_python_takes_an_engine_too(trained, engine, capsys):
    predictor = isogloss.load(trained("classification", "filter"))
    found = predictor.predict(sentences(*TEXTS), translator=engine)
    assert found == predictor.predict(sentences(*TEXTS), translator="fake")
    assert found[0] == predictor.predict(Live(engine, ["en"])(sentences(TEXTS[0])))[0]
    assert "1 of 3 texts were read without" in capsys.readouterr().err


def test_the_command_tells_an_unknown_engine_in_one_line(trained, lines, command):
    run = trained("classification", "filter")
    outcome = command("predict", run, "--input", lines, "--translator", "nonesuch:x")
    assert_one_line(outcome, "no translation engine 'nonesuch'")


def test_an_engine_that_breaks_down_leaves_no_half_file(trained, engine, lines, tmp_path, monkeypatch):
    def refused(*_):
        raise UserError("http://localhost:1 cannot be reached")

    monkeypatch.setattr(Fake, "translate", refused)
    with pytest.raises(UserError, match="cannot be reached"):
        predict_lines(trained("classification", "filter"), lines, tmp_path / "out.jsonl", translator="fake")
    assert [path.name for path in tmp_path.iterdir()] == ["lines.jsonl"]


def test_the_command_translates_with_an_engine_of_the_package(trained, lines, tmp_path, command):
    memory = tmp_path / "memory.tsv"
    memory.write_text(f"de\ten\n{TEXTS[0]}\tThe goal was big.\n{TEXTS[2]}\tThe beach is far.\n", encoding="utf-8")
    outcome = command(
        "predict", trained("classification", "filter"), "--input", lines, "--translator", f"memory:{memory}"
    )
    assert outcome.code == 0
    assert outcome.err == "1 of 3 texts were read without a translation into English (1: not in the memory)\n"
    assert [json.loads(line)["id"] for line in outcome.out.splitlines()] == ["0", "1", "2"]
