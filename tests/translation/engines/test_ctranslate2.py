import json
import math
import re
import shutil
from dataclasses import replace
from functools import cache

import ctranslate2 as library
import pytest
from helpers import assert_one_line
from tiny_translators import LINES, UNSEEN

from isogloss.errors import UserError
from isogloss.translation.engines import ctranslate2
from isogloss.translation.translator import Decoding, load_translator

GREEDY = Decoding(beam=1)
TARGETS = {"marian": "de", "opus": "fr", "m2m100": "fr", "nllb": "fr", "mbart50": "fr", "madlad": "fr"}
every_family = pytest.mark.parametrize("family", TARGETS)
TEXTS = [*LINES["en"], *UNSEEN, "", "Berlin " * 100]


@pytest.fixture(scope="module")
def engines(tiny_translator, converted):
    """A function from a family to its two engines: transformers and CTranslate2."""

    @cache
    def both(family):
        return load_translator(f"hf:{tiny_translator(family)}"), load_translator(f"ctranslate2:{converted(family)}")

    return both


@every_family
def test_a_greedy_search_agrees_token_for_token_and_in_its_scores(engines, family):
    ours, theirs = (engine.translate(TEXTS, "en", TARGETS[family], GREEDY) for engine in engines(family))
    assert [t.failure for t in ours] == [t.failure for t in theirs]
    assert [t.text for t in ours[: len(LINES["en"])]] == list(LINES[TARGETS[family]])
    for one, other in zip(ours, theirs, strict=True):
        for mine, its in zip(one.hypotheses, other.hypotheses, strict=True):
            assert (mine.text, mine.tokens) == (its.text, its.tokens)
            assert mine.log_probability == pytest.approx(its.log_probability, rel=1e-4, abs=1e-3)


@every_family
def test_the_tokens_that_both_read_and_write_are_the_same(engines, family):
    mine, its = (engine.tagged for engine in engines(family))
    target = TARGETS[family]
    assert mine.source_ids(LINES["en"], "en", target) == its.source_ids(LINES["en"], "en", target)
    assert mine.forced(target) == its.forced(target) and mine.tokens == its.tokens
    assert engines(family)[0].capabilities == replace(
        engines(family)[1].capabilities, max_source_tokens=engines(family)[0].capabilities.max_source_tokens
    )


@every_family
def test_pairs_are_scored_alike_token_for_token(engines, family):
    pairs = [*zip(LINES["en"], LINES[TARGETS[family]], strict=True), (LINES["en"][0], LINES[TARGETS[family]][1])]
    ours, theirs = (engine.score(pairs, "en", TARGETS[family]) for engine in engines(family))
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize("family", ["marian", "m2m100", "nllb", "madlad"])
@pytest.mark.parametrize("rule", [{"length": "none"}, {}, {"length": "gnmt", "alpha": 0.6, "coverage": 0.2}])
def test_the_best_of_a_beam_is_the_same_where_a_model_knows_its_answer(engines, family, rule):
    decoding = Decoding(beam=4, hypotheses=3, **rule)
    ours, theirs = (engine.translate(LINES["en"], "en", TARGETS[family], decoding) for engine in engines(family))
    for wanted, one, other in zip(LINES[TARGETS[family]], ours, theirs, strict=True):
        mine, its = one.hypotheses[0], other.hypotheses[0]
        assert mine.text == its.text == wanted
        assert mine.log_probability == pytest.approx(its.log_probability, rel=1e-4, abs=1e-3)
        if decoding.coverage:
            assert mine.attention == pytest.approx(its.attention, abs=1e-3)


@pytest.mark.parametrize("family", ["marian", "m2m100"])
def test_a_beam_tells_the_models_own_log_probability_whatever_the_rule(engines, family):
    engine = engines(family)[1]
    target = TARGETS[family]
    for decoding in (Decoding(hypotheses=4), Decoding(hypotheses=4, length="gnmt", alpha=0.6)):
        for text, found in zip(LINES["en"], engine.translate(LINES["en"], "en", target, decoding), strict=True):
            best = found.hypotheses[0]
            assert sum(engine.score([(text, best.text)], "en", target)[0]) == pytest.approx(
                best.log_probability, abs=1e-3
            )


def test_the_search_goes_on_until_nothing_better_grows(engines):
    # with the library's own patience it stops at hypotheses that end early, and finds worse ones for most of these
    ours, theirs = (engine.translate(UNSEEN, "en", "fr", Decoding()) for engine in engines("opus"))
    for one, other in zip(ours, theirs, strict=True):
        assert one.text == other.text
        assert one.hypotheses[0].log_probability == pytest.approx(other.hypotheses[0].log_probability, abs=1e-3)


def test_samples_depend_on_the_seed_and_the_text_and_nothing_else(engines):
    engine = engines("marian")[1]
    decoding = Decoding(samples=4, hypotheses=4, temperature=1.5, seed=7)
    together = engine.translate(LINES["en"], "en", "de", decoding)
    alone = [engine.translate([text], "en", "de", decoding)[0] for text in reversed(LINES["en"])]
    assert [t.hypotheses for t in together] == [t.hypotheses for t in reversed(alone)]
    assert len({h.text for t in together for h in t.hypotheses}) > 3
    other = engine.translate(LINES["en"], "en", "de", replace(decoding, seed=8))
    assert [t.hypotheses for t in other] != [t.hypotheses for t in together]
    for translation in together:
        assert all(math.isfinite(h.log_probability) for h in translation.hypotheses)


def test_minimum_bayes_risk_finds_the_sentence_among_its_samples(engines):
    found = engines("marian")[1].translate(LINES["en"], "en", "de", Decoding(samples=8))
    assert [t.text for t in found] == list(LINES["de"])
    best = found[0].hypotheses[0]
    score = engines("marian")[1].score([(LINES["en"][0], best.text)], "en", "de")[0]
    assert best.log_probability == pytest.approx(sum(score), abs=1e-4)  # the model's, not the tempered one


@pytest.mark.parametrize("decoding", [GREEDY, Decoding(beam=3, hypotheses=3)])
def test_texts_are_translated_the_same_alone_and_in_batches(engines, decoding, monkeypatch):
    engine = engines("marian")[1]
    texts = [*LINES["en"], " ".join(LINES["en"])]
    together = engine.translate(texts, "en", "de", decoding)
    monkeypatch.setattr(ctranslate2, "CORE_TOKENS", 1)  # shorter than any text
    monkeypatch.setattr(ctranslate2, "CORE_TOKENS_OF_A_BEAM", 1)
    alone = engine.translate(texts, "en", "de", decoding)
    assert [[h.text for h in t.hypotheses] for t in alone] == [[h.text for h in t.hypotheses] for t in together]
    assert all(t.hypotheses for t in together[:-1])


def test_neither_silent_limit_of_the_library_is_left(engines, tiny_translator, tmp_path):
    folder = ctranslate2.convert(str(tiny_translator("madlad")), tmp_path / "model", "float32")
    settings = json.loads((folder / "tokenizer" / "config.json").read_text())
    (folder / "tokenizer" / "config.json").write_text(json.dumps(settings | {"n_positions": 4000}))
    engine = ctranslate2.load(str(folder))
    sources = []
    engine._model = type(
        "Spy", (), {"translate_batch": lambda _, source, *rest, **options: sources.append((source, options)) or []}
    )()
    with pytest.raises(ValueError, match="shorter"):
        engine.translate(["train " * 700], "en", "de", GREEDY)
    (source,), options = sources[0]
    assert len(source) > 1100 and options["max_input_length"] == 0 and options["max_decoding_length"] > 2000


def test_int8_is_close_and_smaller(tiny_translator, converted, tmp_path):
    folder = ctranslate2.convert(str(tiny_translator("nllb")), tmp_path / "int8")
    assert (folder / "model.bin").stat().st_size < 0.6 * (converted("nllb") / "model.bin").stat().st_size
    engine = load_translator(f"ctranslate2:{folder}")
    assert [t.text for t in engine.translate(LINES["en"], "en", "fr", Decoding())] == list(LINES["fr"])
    known = engine.provenance
    assert known["quantization"] == "int8" and known["original"]["model"] == str(tiny_translator("nllb"))
    assert engine.fingerprint != load_translator(f"ctranslate2:{converted('nllb')}").fingerprint
    assert re.fullmatch("ctranslate2:[0-9a-f]{64}", engine.fingerprint)


def test_a_model_is_converted_and_used_from_the_command_line(tiny_translator, command, tmp_path):
    folder, lines = tmp_path / "int8", tmp_path / "lines.txt"
    made = command("export", tiny_translator("nllb"), "--to", "ctranslate2", "--output", folder)
    assert (made.code, made.out.strip()) == (0, str(folder)), made.err
    lines.write_text("".join(f"{line}\n" for line in LINES["en"]), encoding="utf-8")
    words = ["translate", lines, "--from", "en", "--to", "fr", "--engine", f"ctranslate2:{folder}"]
    assert command(*words).out.splitlines() == list(LINES["fr"])
    assert_one_line(command("export", tiny_translator("nllb"), "--output", folder), "is not an empty folder")
    assert_one_line(
        command("export", tiny_translator("nllb"), "--to", "onnx", "--output", tmp_path / "x"),
        "--to onnx: models are converted for ctranslate2 and for hf",
    )


def test_a_tokenizer_may_lie_beside_the_model(converted, tmp_path):
    folder = shutil.copytree(converted("nllb"), tmp_path / "model")
    for path in (folder / "tokenizer").iterdir():
        if path.name != "config.json":  # of which CTranslate2 has its own
            path.rename(folder / path.name)
    shutil.rmtree(folder / "tokenizer")
    found = ctranslate2.load(str(folder)).translate([LINES["en"][1]], "en", "de", GREEDY)
    assert found[0].text == LINES["de"][1]


def test_a_conversion_that_changes_the_model_is_not_written(tiny_translator, tmp_path, monkeypatch):
    class Wrong(library.converters.TransformersConverter):
        pass

    # without what transformers 5 no longer writes down, T5's outputs are scaled down to nearly nothing
    monkeypatch.setattr(ctranslate2, "_converter", lambda original: Wrong(str(original.name)))
    with pytest.raises(UserError, match="converted it scores a text .* nats per token otherwise"):
        ctranslate2.convert(str(tiny_translator("madlad")), tmp_path / "model", "float32")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("quantization", "complaint"),
    [("int9", "no quantization 'int9'; did you mean"), ("int8", "is there and is not an empty folder")],
)
def test_what_cannot_be_converted_is_named(tiny_translator, tmp_path, quantization, complaint):
    (tmp_path / "own").write_text("mine")
    with pytest.raises(UserError, match=complaint):
        ctranslate2.convert(str(tiny_translator("nllb")), tmp_path, quantization)
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def other_vocabulary(folder):
    path = folder / "shared_vocabulary.json"
    words = json.loads(path.read_text())
    words[9], words[10] = words[10], words[9]
    path.write_text(json.dumps(words))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "model.bin").unlink(), "no model.bin; `isogloss export` converts one, hf: reads it"),
        (lambda folder: shutil.rmtree(folder / "tokenizer"), "no tokenizer in it; copy the tokenizer files"),
        (lambda folder: (folder / "tokenizer" / "config.json").unlink(), "its tokenizer cannot be read"),
        (lambda folder: (folder / "tokenizer" / "tokenizer.json").write_text("{"), "its tokenizer cannot be read"),
        (lambda folder: (folder / "shared_vocabulary.json").unlink(), "no vocabulary beside model.bin"),
        (lambda folder: (folder / "model.bin").write_bytes(b"x" * 40), "cannot be read"),
        (other_vocabulary, "token 9 is .* do not belong together"),
    ],
)
def test_a_folder_that_is_no_converted_model_is_one_clear_line(converted, tmp_path, damage, complaint):
    folder = shutil.copytree(converted("nllb"), tmp_path / "model")
    damage(folder)
    with pytest.raises(UserError, match=complaint) as error:
        load_translator(f"ctranslate2:{folder}")
    assert "\n" not in str(error.value)


def test_a_hugging_face_folder_is_told_from_a_converted_one(tiny_translator, converted, tmp_path):
    with pytest.raises(UserError, match="holds a Hugging Face model; `isogloss export` converts one"):
        load_translator(f"ctranslate2:{tiny_translator('nllb')}")
    with pytest.raises(UserError, match="no such folder"):
        load_translator(f"ctranslate2:{tmp_path / 'nowhere'}")
    with pytest.raises(UserError, match="write ctranslate2:"):
        load_translator(f"hf:{converted('nllb')}")


def test_a_direction_that_is_not_there_is_an_error(engines):
    with pytest.raises(UserError, match="has no Swiss German"):
        engines("nllb")[1].translate(["x"], "en", "gsw", GREEDY)
    with pytest.raises(UserError, match="from en to de, not from de to en"):
        engines("marian")[1].check("de", "en")
