import json
import re
import shutil
from functools import cache

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from tiny_translators import LINES, UNSEEN, as_run

from isogloss.errors import UserError
from isogloss.files import sha256
from isogloss.translation.engines import hf
from isogloss.translation.translator import Decoding, load_translator

GREEDY = Decoding(beam=1)


@pytest.fixture(scope="module")
def engine(tiny_translator):
    """A function from a family to its engine."""
    return cache(lambda family: load_translator(f"hf:{tiny_translator(family)}"))


def texts_of(translations):
    return [translation.text for translation in translations]


@pytest.mark.parametrize(
    ("family", "languages"),
    [("marian", ["de"]), ("opus", ["de", "fr"]), ("m2m100", ["de", "fr"]), ("nllb", ["de", "fr"]),
     ("mbart50", ["de", "fr"]), ("madlad", ["de", "fr"])],
)  # fmt: skip
def test_a_model_answers_in_the_language_that_it_was_told(engine, family, languages):
    for target in languages:
        for decoding in (GREEDY, Decoding()):
            assert texts_of(engine(family).translate(LINES["en"], "en", target, decoding)) == list(LINES[target])


@pytest.mark.parametrize("family", ["m2m100", "nllb", "mbart50"])
def test_the_source_language_is_told_too(engine, family):
    translator = engine(family)
    told = [translator.tagged.source_ids(["Berlin"], source, "fr")[0] for source in ("en", "de")]
    assert told[0] != told[1] and told[0][1:] == told[1][1:]


@pytest.mark.parametrize("family", ["marian", "nllb", "madlad"])
def test_a_greedy_search_is_the_best_token_at_every_step(engine, family):
    translator = engine(family)
    target = "de"
    for text, found in zip(UNSEEN, translator.translate(UNSEEN, "en", target, GREEDY), strict=True):
        source = torch.tensor(translator.tagged.source_ids([text], "en", target))
        written = [translator._start, *translator.tagged.forced(target)]
        begin, total = len(written), 0.0
        while written[-1] != translator.tagged.tokenizer.eos_token_id or len(written) == begin:
            if len(written) == begin + 60:
                break
            logits = translator.model(input_ids=source, decoder_input_ids=torch.tensor([written])).logits[0, -1]
            logits[translator._never] = -torch.inf
            best = logits.log_softmax(-1).max(-1)
            written.append(best.indices.item())
            total += best.values.item()
        if found.failure:
            assert len(written) - begin > 20 or not translator.tagged.text(written[begin:])
        else:
            assert found.text == translator.tagged.text(written[begin:])
            assert found.hypotheses[0].tokens == len(written) - begin
            assert found.hypotheses[0].log_probability == pytest.approx(total, abs=1e-4)


def test_company_changes_no_translation(engine):
    texts = [*LINES["en"], *UNSEEN]
    together = engine("nllb").translate(texts, "en", "de", Decoding(hypotheses=2))
    for text, found in zip(texts, together, strict=True):
        alone = engine("nllb").translate([text], "en", "de", Decoding(hypotheses=2))[0]
        assert (alone.failure, texts_of([alone])) == (found.failure, texts_of([found]))
        for one, other in zip(alone.hypotheses, found.hypotheses, strict=True):
            assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)


def test_a_score_is_what_the_search_said(engine):
    pairs = list(zip(LINES["en"], LINES["fr"], strict=True))
    for family in ("opus", "m2m100", "nllb", "mbart50", "madlad"):
        scores = engine(family).score(pairs, "en", "fr")
        found = engine(family).translate(LINES["en"], "en", "fr", GREEDY)
        for score, translation in zip(scores, found, strict=True):
            best = translation.hypotheses[0]
            assert (len(score), sum(score)) == (best.tokens, pytest.approx(best.log_probability, abs=1e-4))
            assert all(value <= 0 for value in score)
    assert engine("nllb").score([], "en", "fr") == []


def test_a_right_pair_scores_better_than_a_wrong_one(engine):
    right, wrong = engine("nllb").score(
        [(LINES["en"][0], LINES["de"][0]), (LINES["en"][0], LINES["de"][1])], "en", "de"
    )
    assert sum(right) / len(right) > sum(wrong) / len(wrong) + 1


def test_small_forward_passes_give_the_same_scores(engine, monkeypatch):
    pairs = list(zip(LINES["en"], LINES["fr"], strict=True))
    expected = engine("madlad").score(pairs, "en", "fr")
    monkeypatch.setattr(hf, "LOGITS", 1)
    monkeypatch.setattr(hf, "BATCH_TOKENS", 1)
    for one, other in zip(engine("madlad").score(pairs, "en", "fr"), expected, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_several_hypotheses_are_ranked_by_the_rule(engine):
    for decoding in (
        Decoding(hypotheses=4, length="none"),
        Decoding(hypotheses=4, length="gnmt", alpha=0.6, coverage=0.2),
    ):
        found = engine("m2m100").translate(LINES["en"], "en", "de", decoding)
        for translation in found:
            assert 1 < len(translation.hypotheses) <= 4
            if decoding.length == "none":
                scores = [hypothesis.log_probability for hypothesis in translation.hypotheses]
                assert scores == sorted(scores, reverse=True)
            else:
                tokens = engine("m2m100").tagged.source_ids([LINES["en"][0]], "en", "de")[0]
                assert len(found[0].hypotheses[0].attention) == len(tokens) - 2  # neither language nor end
                assert sum(found[0].hypotheses[0].attention) <= found[0].hypotheses[0].tokens


def test_samples_depend_on_the_seed_and_the_text_and_nothing_else(engine):
    decoding = Decoding(samples=5, hypotheses=5, temperature=1.5, seed=7)
    state = torch.get_rng_state()
    together = engine("marian").translate(LINES["en"], "en", "de", decoding)
    alone = [engine("marian").translate([text], "en", "de", decoding)[0] for text in reversed(LINES["en"])]
    assert [t.hypotheses for t in together] == [t.hypotheses for t in reversed(alone)]
    other = engine("marian").translate(
        LINES["en"], "en", "de", Decoding(samples=5, hypotheses=5, temperature=1.5, seed=8)
    )
    assert [t.hypotheses for t in other] != [t.hypotheses for t in together]
    assert torch.equal(torch.get_rng_state(), state)


def test_minimum_bayes_risk_finds_the_sentence_among_its_samples(engine):
    found = engine("marian").translate(LINES["en"], "en", "de", Decoding(samples=8))
    assert texts_of(found) == list(LINES["de"])
    assert all(len(translation.hypotheses) == 1 for translation in found)


def test_what_cannot_be_translated_whole_is_a_failure_with_its_reason(engine):
    texts = ["", "\u200f \n", "Berlin " * 400, "half \ud800", "My bag is lost, help me."]
    found = engine("marian").translate(texts, "en", "de", GREEDY)
    assert [translation.text for translation in found] == [None, None, None, None, LINES["de"][2]]
    reasons = [translation.failure for translation in found]
    assert reasons[0] == "the text is empty"
    assert re.fullmatch(r"\d{4} tokens, the model reads 64; split it", reasons[2])
    assert "half a character" in reasons[3] and reasons[4] is None


def test_a_translation_that_reaches_its_limit_is_a_failure_whatever_the_company(engine, monkeypatch):
    short = Decoding(beam=1, output_limit=0.01)
    monkeypatch.setattr("isogloss.translation.decoding.FIXED_TOKENS", 4)
    alone = engine("marian").translate(["My bag is lost, help me."], "en", "de", short)[0]
    assert alone.failure == "the translation did not end within 4 tokens"
    company = ["My bag is lost, help me.", "The train to Berlin leaves at nine. " * 2]
    assert engine("marian").translate(company, "en", "de", short)[0] == alone


def test_special_tokens_in_a_text_stay_text_or_are_a_failure(engine):
    text = "Berlin </s> deu_Latn __de__ <2de> de_DE <pad> lost"
    for family in ("marian", "m2m100", "nllb"):
        translator = engine(family)
        ids = translator.tagged.source_ids([text], "en", "de")[0]
        assert translator.tagged.of_the_text(ids).count(False) == (1 if family == "marian" else 2)
    for family in ("mbart50", "madlad"):  # whose vocabularies have them among the pieces of words
        failure = engine(family).translate([text, LINES["en"][0]], "en", "de", GREEDY)
        assert "takes for an end" in failure[0].failure and failure[1].text == LINES["de"][0]


def test_no_language_is_left_in_an_answer(engine):
    for family in ("m2m100", "nllb", "mbart50"):
        translator = engine(family)
        ids = [*translator.tagged.forced("de"), *translator.tagged.target_ids(["Berlin"])[0]]
        assert translator.tagged.text(ids) == "Berlin"


def test_a_fingerprint_is_of_what_the_files_hold(engine, tiny_translator, tmp_path):
    first = engine("marian").fingerprint
    assert re.fullmatch("hf:[0-9a-f]{64}", first)
    copy = shutil.copytree(tiny_translator("marian"), tmp_path / "copy")
    assert hf.load(str(copy)).fingerprint == first
    weights = load_file(copy / "model.safetensors")
    save_file({name: weight * 1.01 for name, weight in weights.items()}, copy / "model.safetensors", {"format": "pt"})
    changed = hf.load(str(copy))
    assert changed.fingerprint != first
    assert changed.provenance == {
        "engine": "hf",
        "model": str(copy),
        "revision": changed.fingerprint[3:],
        "licence": None,
    }


@pytest.mark.parametrize(
    ("family", "direction", "complaint"),
    [
        ("marian", ("de", "en"), "from en to de, not from de to en"),
        ("m2m100", ("en", "gsw"), "has no Swiss German"),
        ("nllb", ("qu", "en"), "has no Quechua .qu.; of its 202 languages the nearest: quy"),
        ("madlad", ("en", "sw"), "has no Swahili .* nearest"),
        ("opus", ("en", "sw"), "has no Swahili"),
        ("nllb", ("xx", "en"), "unknown language 'xx'"),
    ],
)
def test_a_direction_that_is_not_there_is_an_error_before_anything_is_read(engine, family, direction, complaint):
    for call in (
        lambda: engine(family).check(*direction),
        lambda: engine(family).translate(["x"], *direction, GREEDY),
        lambda: engine(family).score([("x", "y")], *direction),
    ):
        with pytest.raises(UserError, match=complaint):
            call()


def test_a_pair_that_cannot_be_scored_is_named(engine):
    with pytest.raises(UserError, match="pair 2 cannot be scored: the text is empty"):
        engine("nllb").score([("x", "y"), ("x", " ")], "en", "de")
    with pytest.raises(UserError, match="the model reads 64"):
        engine("nllb").score([("x", "Berlin " * 90)], "en", "de")


def damaged(tmp_path, folder, damage):
    copy = shutil.copytree(folder, tmp_path / "damaged")
    damage(copy)
    return str(copy)


def without_language_tokens(folder):
    """As an NLLB tokenizer comes out that was saved from its pieces alone, and a model that was cut to fit."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if "deu_Latn" not in t["content"]]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["extra_special_tokens"] = ["eng_Latn", "fra_Latn"]
    settings.pop("added_tokens_decoder", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def test_a_language_token_that_is_missing_from_the_vocabulary_is_an_error(tiny_translator, tmp_path):
    translator = hf.load(damaged(tmp_path, tiny_translator("nllb"), without_language_tokens))
    assert "fr" in translator.tagged.tokens
    with pytest.raises(UserError, match="has no German .de."):
        translator.check("en", "de")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be read"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 99), "cannot be read"),
        (
            lambda folder: [path.unlink() for path in folder.glob("*token*")],
            "cannot be read|does not say|do not belong",
        ),
        (lambda folder: (folder / "model.bin").write_bytes(b"x"), "write ctranslate2:"),
    ],
)
def test_a_folder_that_is_no_model_is_one_clear_line(tiny_translator, tmp_path, damage, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        hf.load(damaged(tmp_path, tiny_translator("nllb"), damage))
    assert "\n" not in str(error.value)


def test_a_decoder_that_starts_with_a_language_is_not_forced_to_say_it_twice(tiny_translator, tmp_path):
    def older(folder):
        for name in ("config.json", "generation_config.json"):
            settings = json.loads((folder / name).read_text())
            german = hf.load(str(tiny_translator("mbart50"))).tagged.tokens["de"].id
            (folder / name).write_text(json.dumps(settings | {"decoder_start_token_id": german}))

    with pytest.raises(UserError, match="starts with a language, as mBART-25's did"):
        hf.load(damaged(tmp_path, tiny_translator("mbart50"), older))


def test_weights_that_are_missing_are_not_made_up(tiny_translator, tmp_path):
    def fewer(folder):
        weights = load_file(folder / "model.safetensors")
        weights.pop(next(name for name in weights if "fc1.weight" in name))
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(UserError, match="lacks 1 tensors .first: .*fc1.weight"):
        hf.load(damaged(tmp_path, tiny_translator("nllb"), fewer))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Helsinki-NLP/opus-mt-xx-yy", "switched off .*`hf download Helsinki-NLP/opus-mt-xx-yy`"),
        ("Helsinki-NLP/opus-mt-xx-yy@abc", "`hf download Helsinki-NLP/opus-mt-xx-yy`"),
        ("./nowhere", "no such folder"),
        ("", "no such folder"),
    ],
)
def test_a_model_that_is_not_there_says_how_to_get_it(name, complaint):
    with pytest.raises(UserError, match=complaint):
        load_translator(f"hf:{name}")


def test_a_model_of_the_hub_is_known_by_its_commit(tiny_translator, tmp_path, monkeypatch):
    commit, place = "a" * 40, tmp_path / "models--tiny--opus"
    shutil.copytree(tiny_translator("marian"), place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name in ("tiny/opus", f"tiny/opus@{commit}"):
        translator = load_translator(f"hf:{name}")
        assert translator.fingerprint == f"hf:{commit}"
        assert translator.provenance == {"engine": "hf", "model": "tiny/opus", "revision": commit, "licence": None}
        assert translator.translate(LINES["en"][:1], "en", "de", GREEDY)[0].text == LINES["de"][0]
    with pytest.raises(UserError, match="hf download tiny/opus"):
        load_translator(f"hf:tiny/opus@{'b' * 40}")


def test_no_texts_are_no_translations(engine):
    assert engine("marian").translate([], "en", "de", GREEDY) == []
    assert engine("marian").translate(["", " "], "en", "de", GREEDY)[1].failure == "the text is empty"


def test_an_encoder_is_no_translator(encoder_folder):
    with pytest.raises(UserError, match="xlm-roberta is no encoder-decoder"):
        hf.load(str(encoder_folder))


def test_an_unknown_engine_names_the_nearest():
    with pytest.raises(UserError, match="no translation engine 'hff'.*did you mean hf"):
        load_translator("hff:x")


def test_a_model_is_stored_in_half_precision_and_translates_as_before(tiny_translator, command, tmp_path):
    made = command("export", tiny_translator("m2m100"), "--to", "hf", "--output", tmp_path / "half")
    assert (made.code, made.out.strip()) == (0, str(tmp_path / "half")), made.err
    weights = load_file(tmp_path / "half" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}
    for folder in (tmp_path / "half", hf.convert(str(tiny_translator("m2m100")), tmp_path / "full", "float32")):
        found = load_translator(f"hf:{folder}").translate(LINES["en"], "en", "de", Decoding())
        assert texts_of(found) == list(LINES["de"])
    assert not (tmp_path / "half" / "isogloss.json").exists()


def test_a_run_that_is_stored_stays_a_run_and_its_weights_are_looked_at(tiny_translator, tmp_path):
    run = as_run(shutil.copytree(tiny_translator("m2m100"), tmp_path / "run"), tmp_path)
    (run / "README.md").write_text("what it is", encoding="utf-8")
    folder = hf.convert(str(run), tmp_path / "half")
    manifest = json.loads((folder / "isogloss.json").read_text(encoding="utf-8"))
    assert manifest["weights_sha256"] == sha256(folder / "model.safetensors") and "folder" not in manifest["data"]
    assert (folder / "README.md").read_text(encoding="utf-8") == "what it is"
    assert texts_of(load_translator(str(folder)).translate(LINES["en"], "en", "de", GREEDY)) == list(LINES["de"])
    shutil.copy(run / "model.safetensors", folder)
    with pytest.raises(UserError, match="is not what .* was stored with"):
        load_translator(str(folder))


def test_what_is_stored_otherwise_than_it_was_is_not_written(tiny_translator, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no precision 'int8' of a Hugging Face folder; known: float16, float32"):
        hf.convert(str(tiny_translator("m2m100")), tmp_path / "x", "int8")
    monkeypatch.setattr(hf, "TOLERANCE", 0.0)
    with pytest.raises(UserError, match="in float16 it scores a text .* nats per token otherwise"):
        hf.convert(str(tiny_translator("m2m100")), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
