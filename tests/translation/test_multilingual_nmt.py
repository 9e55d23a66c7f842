"""The token reaches the right side, small directions are read more often, a toy language is learned, engines agree."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import toy_language
from safetensors.torch import load_file
from torch.nn import functional as F
from toy_language import SMALL, WORDS, method, sentences, toy_job, toy_task

from isogloss.errors import UserError
from isogloss.losses import IGNORED
from isogloss.records import Sentence
from isogloss.translation.engines import ctranslate2, hf
from isogloss.translation.multilingual_nmt import Settings, mixture, smoothed_cross_entropy, vocabulary_lines
from isogloss.translation.translator import Decoding

GREEDY = Decoding(beam=1)
TEXTS = [sentence.text for sentence in sentences("test", "en")]


def trained(folder, made, encoder="new", **train):
    """The folder of a run of the method, and what its training left."""
    job = toy_job(folder, encoder=encoder, settings=made.settings, **train)
    return folder, toy_language.trained(job, made)[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A translator of English and two other languages that has learned what it was shown."""
    made = method()
    folder, report = trained(
        tmp_path_factory.mktemp("run"), made, updates=350, tokens_per_batch=600, schedule="inverse_sqrt"
    )
    return folder, report, made


def test_a_toy_language_is_learned_in_every_direction_that_was_trained(run):
    folder, report, made = run
    assert report.curve[0][1] > 0.8 * math.log(60) and report.loss < 1.0
    translator = made.translator(folder)
    for source, target in (("en", "de"), ("de", "en"), ("en", "fr"), ("fr", "en")):
        texts, wanted = ([each.text for each in sentences("train", tag)] for tag in (source, target))
        found = translator.translate(texts, source, target, GREEDY)
        assert sum(f.text == w for f, w in zip(found, wanted, strict=True)) >= 45, (source, target)


def test_a_direction_that_was_never_trained_can_be_asked_for_and_an_unknown_language_cannot(run):
    folder, _, made = run
    translator = made.translator(folder)
    assert all(found.text for found in translator.translate(["eins zwei"], "de", "fr", GREEDY))
    with pytest.raises(UserError, match=r"has no Swahili \(sw\); of its 3 languages the nearest"):
        translator.check("de", "sw")


def test_ctranslate2_writes_greedily_what_transformers_writes_token_for_token(run, tmp_path):
    folder, _, made = run
    converted = ctranslate2.CTranslate2Translator(ctranslate2.convert(str(folder), tmp_path / "ct2", "float32"))
    ours = made.translator(folder)
    for target in ("de", "fr"):
        a, b = (engine.translate(TEXTS, "en", target, GREEDY) for engine in (ours, converted))
        assert [each.text for each in a] == [each.text for each in b] and all(each.text for each in a)
        assert [each.hypotheses[0].tokens for each in a] == [each.hypotheses[0].tokens for each in b]


@pytest.mark.parametrize(
    ("family", "tag"),
    [("marian", "decoder"), ("marian", "both"), ("m2m100", "encoder"), ("m2m100", "both"), ("t5", "decoder")],
)
def test_every_shape_and_every_place_of_the_token_is_read_by_both_engines(tmp_path, family, tag):
    folder, _ = trained(tmp_path / "run", method(family=family, tag=tag), updates=8)
    ours = hf.load(str(folder))
    converted = ctranslate2.CTranslate2Translator(ctranslate2.convert(str(folder), tmp_path / "ct2", "float32"))
    pairs = list(zip(TEXTS, (each.text for each in sentences("test", "de")), strict=True))
    for a, b in zip(ours.score(pairs, "en", "de"), converted.score(pairs, "en", "de"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
    assert bool(ours.tagged.forced("de")) == (tag != "encoder")
    told = [ours.tagged.source_ids(["one"], "en", target)[0] for target in ("de", "fr")]
    assert (told[0] != told[1]) == (tag != "decoder")


def test_the_loss_is_that_of_the_engine_for_the_same_pair(run):
    """What is trained is what is searched for: no token is shifted, no padding is counted."""
    folder, _, _ = run
    made = method(label_smoothing=0.0)
    job = toy_job(folder, encoder=str(folder), settings=made.settings)
    example = next(each for each in made.examples(job) if each.key == "en-de/7")
    alone, longer = (
        made.loss(made.build(job).eval(), made.collate(job)(examples)).item()
        for examples in ([example], [example, next(e for e in made.examples(job) if len(e) < len(example))])
    )
    text, translation = (sentences("train", tag)[7].text for tag in ("en", "de"))
    (expected,) = hf.load(str(folder)).score([(text, translation)], "en", "de")
    assert alone == pytest.approx(-sum(expected) / len(expected), rel=1e-4)
    assert longer != alone


def test_a_batch_says_what_is_padding_and_asks_nothing_for_it_nor_for_the_language(tmp_path):
    made = method(tag="both")
    job = toy_job(tmp_path)
    examples = made.examples(job)
    batch = made.collate(job)([min(examples, key=len), max(examples, key=len)])
    tagged = made.prepared(job).tagged
    for side, mask in (("source", "attention_mask"), ("target", "decoder_attention_mask")):
        lengths = [len(getattr(each, side)) for each in (min(examples, key=len), max(examples, key=len))]
        assert batch[mask].sum(-1).tolist() == lengths and batch[mask].shape[1] == max(lengths)
    languages = {token.id for token in tagged.tokens.values()}
    assert batch["labels"][:, 0].tolist() == [IGNORED, IGNORED]
    assert {*batch["input_ids"][:, 0].tolist(), *batch["decoder_input_ids"][:, 1].tolist()} <= languages
    asked = batch["labels"] != IGNORED
    assert asked.sum() == batch["decoder_attention_mask"].sum() - 2
    assert torch.equal(batch["labels"][:, :-1][asked[:, :-1]], batch["decoder_input_ids"][:, 1:][asked[:, :-1]])


def test_smoothing_is_the_librarys_and_leaves_out_what_is_never_said():
    logits, labels = torch.randn(5, 9), torch.tensor([0, 3, 8, 1, 1])
    expected = F.cross_entropy(logits, labels, label_smoothing=0.2)
    torch.testing.assert_close(smoothed_cross_entropy(logits, labels, 0.2), expected)
    silent = torch.cat([logits, torch.full((5, 1), -1e4)], 1)
    torch.testing.assert_close(smoothed_cross_entropy(silent, labels, 0.2, [9]), expected)


@pytest.mark.parametrize(("temperature", "reads"), [(1, [100, 10, 1]), (2, [100, 32, 10]), (math.inf, [100, 100, 100])])
def test_directions_are_read_in_proportion_to_the_root_of_their_sizes(temperature, reads):
    drawn = mixture([100, 10, 1], temperature, seed=1)
    assert [len(each) for each in drawn] == reads
    for each, size in zip(drawn, [100, 10, 1], strict=True):
        times = np.bincount(each, minlength=size)
        assert times.max() - times.min() <= 1


def test_the_vocabulary_is_learned_from_all_languages_at_the_same_temperature(tmp_path):
    pairs = method().prepared(toy_job(tmp_path)).pairs
    found = vocabulary_lines(pairs, math.inf, 30, seed=1)
    counts = {tag: sum(line.split()[0] in WORDS[tag] for line in found) for tag in WORDS}
    assert len(found) == 30 and min(counts.values()) >= 10


def test_marians_padding_stays_zero_and_training_continues_from_a_run_with_another_direction(run, tmp_path):
    folder, _, _ = run
    table = load_file(folder / "model.safetensors")["model.shared.weight"]
    pad = json.loads((folder / "config.json").read_text())["pad_token_id"]
    assert pad == len(table) - 1 and not table[pad].any() and table[:pad].any(-1).all()
    later, report = trained(
        tmp_path / "later", method(directions=("de-fr",), label_smoothing=0.0), encoder=str(folder), updates=60
    )
    assert report.curve[-1][1] < 0.5 * report.curve[0][1]
    texts, wanted = ([each.text for each in sentences("train", tag)] for tag in ("de", "fr"))
    before, after = (hf.load(str(each)).translate(texts, "de", "fr", GREEDY) for each in (folder, later))
    right = [sum(f.text == w for f, w in zip(found, wanted, strict=True)) for found in (before, after)]
    assert right[1] >= 45 > right[0]
    assert json.loads((later / "tokenizer.json").read_text()) == json.loads((folder / "tokenizer.json").read_text())


def test_a_language_that_the_pretrained_translator_has_no_token_for_is_told(run, tmp_path):
    made = method(directions=("en-sw",))
    words = WORDS | {"sw": ["moja", "mbili", "tatu", "nne", "tano", "sita", "saba"]}
    task = toy_task(
        lambda _, split, tag: [Sentence(id="1", language=tag, text=" ".join(words[tag]))], languages=("en", "sw")
    )
    job = toy_job(tmp_path, task, encoder=str(run[0]), languages=("en", "sw"))
    with pytest.raises(UserError, match=r"has no Swahili \(sw\); of its 3 languages"):
        made.examples(job)


def test_one_to_many_knows_no_token_of_its_source(tmp_path):
    made = method(directions=("en-de", "en-fr"))
    tagged = made.prepared(toy_job(tmp_path)).tagged
    assert sorted(tagged.tokens) == ["de", "fr"]
    assert {str(direction) for direction in made.prepared(toy_job(tmp_path)).pairs} == {"en-de", "en-fr"}


def test_pairs_longer_than_the_limit_are_left_out_and_counted(tmp_path, capsys):
    rows = {tag: sentences("train", tag) for tag in ("en", "de")}
    rows["de"][3] = replace(rows["de"][3], text=" ".join(WORDS["de"] * 9))
    task = toy_task(lambda _, split, tag: rows[tag], languages=("de", "en"))
    found = method(longest=20).examples(toy_job(tmp_path, task, languages=("de", "en")))
    assert len(found) == 98 and max(len(each.source) for each in found) <= 20
    assert "toy: 98 pairs to train on; left out: 2 with a side of more than 20 tokens" in capsys.readouterr().err
    with pytest.raises(UserError, match="every pair has a side of more than 2 tokens; set longest higher"):
        method(longest=2).examples(toy_job(tmp_path))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tag": "encodr"}, "tag = 'encodr'; did you mean encoder"),
        ({"family": "bart"}, "family = 'bart'"),
        ({"temperature": 0.0}, "temperature = 0.0"),
        ({"label_smoothing": 1.0}, "label_smoothing = 1.0"),
        ({"heads": 5}, "hidden = 32 cannot be divided by heads = 5"),
        ({"directions": ("en-xx",)}, "no direction 'en-xx'; write SOURCE-TARGET with two of en, de, fr"),
        ({"vocabulary": 5}, "a vocabulary of 5 pieces cannot be made of these texts"),
    ],
)
def test_settings_that_describe_no_translator_are_told(tmp_path, wrong, message):
    with pytest.raises(UserError, match=message):
        method(**wrong).examples(toy_job(tmp_path))


def test_the_default_settings_are_right():
    assert Settings().tag == "encoder" and set(SMALL) <= set(Settings.__dataclass_fields__)
