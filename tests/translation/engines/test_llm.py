import logging
import pickle

import pytest
from language_model import blocks, language_model  # noqa: F401 - a fixture
from sacrebleu.metrics.chrf import CHRF

from isogloss.errors import UserError
from isogloss.translation.adaptive_prompts import tell_once, with_context
from isogloss.translation.engines.llm import Settings, load
from isogloss.translation.translator import Decoding, load_translator

GREEDY = Decoding(beam=1)
KEY = "sk-isogloss-test-1234567890"


@pytest.fixture
def known(language_model):  # noqa: F811
    """The server with the few words that these tests need."""
    words = {"the": "das", "house": "haus", "old": "alt", "train": "zug", "nine": "neun", "today": "heute"}
    language_model.known = words
    tell_once.cache_clear()
    return language_model


def chrf(text, other):
    return CHRF().sentence_score(text, [other]).score


def engine(server, **settings):
    return load(server.spec, Settings(**settings))


def only(engine, text, decoding=GREEDY, source="en", target="de"):
    return engine.translate([text], source, target, decoding)[0]


@pytest.mark.parametrize("form", ["chat", "completion"])
def test_texts_come_back_translated_in_their_order_with_log_probabilities(known, form):
    made = engine(known, form=form).translate(["the house", "old train today", "nine"], "en", "de", GREEDY)
    assert [each.text for each in made] == ["das haus", "alt zug heute", "neun"]
    assert [(each.hypotheses[0].log_probability, each.hypotheses[0].tokens) for each in made] == [
        (-1.0, 2),
        (-1.5, 3),
        (-0.5, 1),
    ]


def test_the_command_lines_name_of_an_engine_finds_the_server(known):
    assert load_translator(f"llm:{known.spec}").translate(["the train"], "en", "de", Decoding())[0].text == "das zug"


def test_greedy_decoding_asks_for_temperature_zero_and_samples_for_seeds_of_their_own(known):
    only(engine(known), "the house")
    assert known.requests[-1]["temperature"] == 0
    made = only(engine(known), "the house", Decoding(samples=3, hypotheses=3, temperature=0.7, top_p=0.9, seed=5))
    assert sorted(each.text for each in made.hypotheses) == ["das haus 5", "das haus 6", "das haus 7"]
    assert {(body["temperature"], body["top_p"]) for body in known.requests[1:]} == {(0.7, 0.9)}


def test_samples_that_are_cut_off_are_left_out(known):
    known.faults["house"] = ["length"]
    made = only(engine(known), "the house", Decoding(samples=3, hypotheses=3))
    assert sorted(each.text for each in made.hypotheses) == ["das haus 2", "das haus 3"]


def test_minimum_bayes_risk_picks_the_sample_that_is_most_like_the_others(known):
    known.drawn = {1: "das haus", 2: "ein altes haus steht da", 3: "das alte haus", 4: "das alte haus da"}
    made = only(engine(known), "the old house", Decoding(samples=4))
    assert (
        [each.text for each in made.hypotheses]
        == ["das alte haus da"]
        == [max(known.drawn.values(), key=lambda text: sum(chrf(text, other) for other in known.drawn.values()))]
    )


def test_as_many_requests_run_at_once_as_the_settings_say(known):
    texts, known.delay = [f"the house {i}" for i in range(12)], 0.05
    assert [each.text for each in engine(known, concurrency=3).translate(texts, "en", "de", GREEDY)] == [
        f"das haus {i}" for i in range(12)
    ]
    assert 1 < known.most_busy <= 3


def test_an_empty_text_never_reaches_the_model(known):
    made = engine(known).translate(["", "  \n "], "en", "de", GREEDY)
    assert [each.failure for each in made] == ["the text is empty"] * 2 and not known.requests


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("length", "cut off at the output limit"),
        ("empty", "the answer is empty"),
        ("garbage", "the server sent something that is no answer"),
        ("nothing", "the server sent something that is no answer"),
        ("break", "the connection broke before the answer was there"),
        ("500", "the server answered 500, asked 2 times"),
        ("429", "the server answered 429, asked 2 times"),
    ],
)
def test_a_fault_fails_its_own_text_with_a_reason_and_no_other(known, fault, reason):
    known.faults["old"] = [fault] * 6
    made = engine(known, retries=1).translate(["the house", "old train", "nine"], "en", "de", GREEDY)
    assert [each.text for each in made] == ["das haus", None, "neun"]
    assert made[1].failure == reason


def test_a_server_that_hangs_fails_the_text_after_the_time_out(known):
    known.faults["old"] = ["hang"]
    made = engine(known, timeout=0.3, retries=0).translate(["the house", "old train"], "en", "de", GREEDY)
    assert made[0].text == "das haus" and made[1].failure == "no answer within 0.3 s, asked 1 times"


@pytest.mark.parametrize("fault", ["500", "429"])
def test_a_fault_that_passes_costs_further_attempts_only(known, fault):
    known.faults["old"] = [fault, fault]
    assert only(engine(known, retries=2), "old train").text == "alt zug"
    assert len(known.asked_about("old")) == 3


@pytest.mark.parametrize("variable", ["ISOGLOSS_API_KEY", "OPENAI_API_KEY"])
def test_the_key_of_the_environment_is_used_and_is_in_nothing_that_is_kept(known, monkeypatch, variable):
    known.key = KEY
    monkeypatch.setenv(variable, KEY)
    made = engine(known)
    assert only(made, "the house").text == "das haus"
    assert KEY not in f"{made} {made.fingerprint} {made.provenance} {pickle.dumps(made)}"


def test_a_wrong_key_is_one_line_that_does_not_show_it(known, monkeypatch, caplog, capsys):
    known.key = "another"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with caplog.at_level(logging.DEBUG), pytest.raises(UserError) as error:
        engine(known)
    told = str(error.value)
    assert "refuses the key (401)" in told and known.url in told and "OPENAI_API_KEY" in told and "\n" not in told
    assert error.value.__suppress_context__  # the library's own message has the key in it
    assert KEY not in told + caplog.text + "".join(capsys.readouterr())


def test_a_key_that_is_refused_in_the_middle_stops_the_job(known):
    made = engine(known)
    known.key = "another"
    with pytest.raises(UserError, match="it wants one"):
        made.translate(["the house", "nine"], "en", "de", GREEDY)


def test_an_unreachable_server_is_one_line_with_its_url(known):
    with pytest.raises(UserError, match=r"http://127.0.0.1:9/v1 cannot be reached; start the server"):
        load_translator("llm:stand-in@http://127.0.0.1:9/v1")
    made = engine(known, retries=0)
    known.shutdown()
    known.server_close()
    with pytest.raises(UserError, match="cannot be reached"):
        only(made, "the house")


def test_a_model_that_the_server_lacks_is_named_with_the_nearest(known):
    with pytest.raises(UserError, match=r"no model 'standin'; did you mean stand-in\?"):
        load_translator(f"llm:standin@{known.url}")


def test_a_server_that_lists_no_models_is_taken_at_its_word(known):
    known.lists_models = False
    made = engine(known)
    assert made.context_tokens == 8192 and only(made, "the house").text == "das haus"


@pytest.mark.parametrize("spec", ["model", "model@localhost:8000", "http://localhost/v1", "m@http://host/v1?key=1"])
def test_a_name_of_another_form_is_told_how_it_is_written(spec):
    with pytest.raises(UserError, match="is not llm:MODEL@URL"):
        load_translator(f"llm:{spec}")


def test_a_key_within_the_url_is_refused_without_showing_it():
    with pytest.raises(UserError) as error:
        load_translator("llm:m@https://user:geheim@host/v1")
    assert "geheim" not in str(error.value)


def test_a_server_without_probabilities_is_asked_again_without(known):
    known.tells_probabilities = False
    made = only(engine(known), "the house")
    assert made.text == "das haus" and ["logprobs" in body for body in known.requests] == [True, False]


def test_an_answer_in_the_texts_own_language_is_asked_for_again_with_fewer_examples(known, tmp_path):
    known.faults["arrived"] = ["source", "source"]
    known.answers["arrived"] = "Der Zug aus Hamburg ist gestern sehr spät angekommen."
    memory = tmp_path / "tm.tsv"
    memory.write_text("the house\tdas haus\nthe train\tder zug\nold\talt\nnew\tneu\n", encoding="utf-8")
    made = with_context(engine(known), memory=memory, shots=4)
    text = "The train from Hamburg arrived very late yesterday evening."
    assert only(made, text).text == known.answers["arrived"]
    assert [len(body["messages"]) for body in known.requests] == [2 * 4 + 1, 2 * 2 + 1, 1]
    half = [blocks(known.requests[1])[:-1], blocks(known.requests[0])[2:-1]]
    assert half[0] == half[1]  # the more similar one
    known.faults["arrived"] = ["source"] * 3
    assert only(made, text).failure == "the answer is in en, not de"


def test_a_prompt_that_the_server_finds_too_long_is_sent_with_fewer_examples(known, tmp_path):
    memory = tmp_path / "tm.tsv"
    memory.write_text("the house\tdas haus\nthe train\tder zug\n", encoding="utf-8")
    known.faults["nine"] = ["context", "context"]
    assert only(with_context(engine(known), memory=memory, shots=2), "nine today").text == "neun heute"
    assert [len(blocks(body)) - 1 for body in known.requests] == [2, 1, 0]


def test_a_refusal_is_told_without_the_key_that_it_quotes(known, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_API_KEY", KEY)
    known.faults["house"] = ["refuse"]
    failure = only(engine(known), "the house").failure
    assert failure.startswith("the server refused: ") and "Bearer ***" in failure and KEY not in failure


def test_what_a_model_adds_is_taken_off_and_then_no_probability_is_told(known):
    known.answers["house"] = "<think>Hm. A house.</think>\nGerman: Das Haus.\nEnglish: The car."
    made = only(engine(known), "The house.").hypotheses[0]
    assert made.text == "Das Haus." and made.log_probability is None


def test_line_breaks_of_a_text_come_back_as_they_were(known):
    text = "the house\r\nold train\n\nnine"
    assert only(engine(known), text).text == "das haus\r\nalt zug\n\nneun"
    known.answers["today"] = "heute neun"
    assert only(engine(known), "today\nnine").failure == "the answer has other line breaks than the text's 1"


def test_examples_that_do_not_fit_are_dropped_whole_and_a_text_that_does_not_fits_is_a_failure(known, tmp_path, capsys):
    memory = tmp_path / "tm.tsv"
    memory.write_text("".join(f"the old house {i}\tdas alte haus {i}\n" for i in range(30)), encoding="utf-8")
    made = with_context(engine(known, context_tokens=300), memory=memory, shots=20)
    assert only(made, "the house 7").text == "das haus 7"
    shown = len(known.requests[-1]["messages"]) // 2
    assert 0 < shown < 20 and "tokens hold no more" in capsys.readouterr().err
    long = only(made, "the house " * 100)
    assert long.failure == "too long for the model, which reads 300 tokens" and len(known.requests) == 1


def test_the_output_limit_grows_with_the_text_whatever_its_script(known):
    for text in ("the house", "家" * 40):
        only(engine(known), text)
    assert [body["max_tokens"] for body in known.requests] == [2 * 9 + 20, 2 * 120 + 20]


def test_a_text_that_is_no_unicode_fails_alone(known):
    made = engine(known).translate(["the \ud800", "the house"], "en", "de", GREEDY)
    assert made[0].failure == "the text or the answer is not valid Unicode" and made[1].text == "das haus"


def test_the_fingerprint_is_that_of_the_model_and_its_prompt_not_of_the_url(known, tmp_path):
    plain, again = engine(known), engine(known, concurrency=1, timeout=3)
    assert plain.fingerprint == again.fingerprint and known.url not in plain.fingerprint
    assert engine(known, form="completion").fingerprint != plain.fingerprint
    known.model |= {"root": "other-weights"}
    assert engine(known).fingerprint != plain.fingerprint


def test_what_the_engine_cannot_do_is_said(known):
    made = engine(known)
    assert made.capabilities.sampling and not made.capabilities.scores and not made.capabilities.n_best
    with pytest.raises(UserError, match="gives one hypothesis, 4 are asked for"):
        only(made, "the house", Decoding(hypotheses=4))
    with pytest.raises(UserError, match="no probabilities of given texts"):
        made.score([("a", "b")], "en", "de")
    with pytest.raises(UserError, match="unknown language 'xxy'"):
        made.check("en", "xxy")


def test_an_engine_that_is_sent_to_another_process_answers_there(known):
    assert only(pickle.loads(pickle.dumps(engine(known))), "the house").text == "das haus"


def test_the_command_line_tells_how_many_required_terms_the_translations_have(known, command, tmp_path):
    terms = tmp_path / "terms.tsv"
    terms.write_text("en\tde\nhouse\tgebäude\nfever\tfieber\n", encoding="utf-8")
    lines = tmp_path / "in.txt"
    lines.write_text("the house\nnine\n", encoding="utf-8")
    words = ["translate", lines, "--from", "en", "--to", "de", "--engine", f"llm:{known.spec}", "--terms", terms]
    made = command(*words)
    assert (made.code, made.out) == (0, "das gebäude\nneun\n"), made.err
    assert "de: terms: 1 required, 100.0 % kept as given, 100.0 % with inflected forms" in made.err
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "1", "language": "en", "text": "the house", "label": "x"}\n', encoding="utf-8")
    words = ["translate", rows, "--to", "de", "--engine", f"llm:{known.spec}", "--terms", terms, "--gates", "none"]
    assert "de: terms: 1 required, 100.0 % kept as given" in command(*words).err
