"""A trained GNMT as a translator: its folder, its scores, its weights in 8 bits, and what it says of damage."""

import json
import random
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy

from isogloss.errors import UserError
from isogloss.translation._gnmt_network import LSTMTranslator, Shape
from isogloss.translation._gnmt_translator import LSTMEngine, read_network, words_of, write_folder
from isogloss.translation._vocabulary import build_tokenizer
from isogloss.translation.language_tagging import TaggedTokenizer
from isogloss.translation.translator import Decoding, load_translator

GREEDY = Decoding(beam=1)
UPDATES = 220


def some_words(dice):
    return " ".join(dice.choice("abcdefghij") for _ in range(dice.randint(3, 6)))


TEXTS = sorted({some_words(random.Random(number)) for number in range(60)})
SAID = [text[::-1] for text in TEXTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A translator into German, which is English read backwards; it has learned that from pairs drawn at random."""
    pieces = [(f"▁{letter}", -1.0) for letter in "abcdefghij"]
    tagged = TaggedTokenizer(build_tokenizer(pieces, [">>de<<"], "marian", longest=16), 14, "toy")
    words, dice = words_of(tagged), random.Random(0)
    torch.manual_seed(1)
    shape = Shape(pieces=14, hidden=32, layers=2, query="current", residual=True, bound=1.0)
    network = LSTMTranslator(shape, first_bound=8.0, annealing=UPDATES).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-2, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda n: min(1, (n + 1) / 20) * (1 - n / UPDATES))
    for _ in range(UPDATES):
        texts = [some_words(dice) for _ in range(40)]
        sources, mask = words.padded(tagged.source_ids(texts, "en", "de"), torch.device("cpu"))
        rows = tagged.target_ids([text[::-1] for text in texts])
        targets, real = words.padded(rows, torch.device("cpu"))
        before, _ = words.padded([[words.start, *row[:-1]] for row in rows], torch.device("cpu"))
        loss = cross_entropy(network.logits(network(sources, mask, before)[real]), targets[real])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
    place = tmp_path_factory.mktemp("gnmt") / "run"
    write_folder(network, tagged.tokenizer, place)
    return place


@pytest.fixture(scope="module")
def engine(folder):
    return LSTMEngine(folder)


def texts_of(translations):
    return [translation.text for translation in translations]


def test_it_has_learned_to_read_backwards(engine):
    found = texts_of(engine.translate(TEXTS, "en", "de", GREEDY))
    assert sum(a == b for a, b in zip(found, SAID, strict=True)) >= 0.95 * len(TEXTS)


def test_the_score_of_a_pair_is_what_the_search_said(engine):
    for decoding in (GREEDY, Decoding(beam=4, hypotheses=3)):
        found = engine.translate(TEXTS[:20], "en", "de", decoding)
        for text, translation in zip(TEXTS, found, strict=False):
            for hypothesis in translation.hypotheses:
                score = engine.score([(text, hypothesis.text)], "en", "de")[0]
                assert len(score) == hypothesis.tokens
                assert sum(score) == pytest.approx(hypothesis.log_probability, abs=1e-4)
    together = engine.score(list(zip(TEXTS, SAID, strict=True)), "en", "de")
    for text, said, score in zip(TEXTS[:5], SAID, together, strict=False):
        assert score == pytest.approx(engine.score([(text, said)], "en", "de")[0], abs=1e-5)


def test_attention_of_a_translation_is_of_the_words_and_no_other_token(engine):
    for text, found in zip(TEXTS, engine.translate(TEXTS, "en", "de", Decoding(coverage=0.2)), strict=True):
        best = found.hypotheses[0]
        assert len(best.attention) == len(text.split())
        assert 0 < sum(best.attention) <= best.tokens + 1e-4


def test_weights_of_8_bits_are_the_papers_rows(folder, engine):
    lowered = LSTMEngine(folder, "int8").network
    for exact, found in (
        (engine.network.softmax, lowered.softmax),
        (engine.network.decoder[0].inputs, lowered.decoder[0].inputs),
        (engine.network.directions[1].states, lowered.directions[1].states),
    ):
        scale = exact.weight.abs().amax(1, keepdim=True)  # s_i
        assert found.weight().dtype == torch.qint8
        assert torch.equal(found.weight().int_repr(), (exact.weight / scale * 127).round().to(torch.int8))
    assert lowered.attention.query.weight.dtype == torch.float32


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_less_precision_translates_nearly_alike(folder, engine, precision):
    lower = LSTMEngine(folder, precision)
    for decoding in (GREEDY, Decoding(beam=4)):
        exact, found = (texts_of(each.translate(TEXTS, "en", "de", decoding)) for each in (engine, lower))
        assert sum(a == b for a, b in zip(exact, found, strict=True)) >= 0.95 * len(TEXTS)
    pairs = list(zip(TEXTS, SAID, strict=True))
    exact, found = (torch.tensor([sum(s) for s in each.score(pairs, "en", "de")]) for each in (engine, lower))
    assert 0 < (exact - found).abs().mean() < 0.1
    assert lower.fingerprint != engine.fingerprint


def test_what_it_cannot_translate_is_a_failure_with_its_reason(engine):
    found = engine.translate(["", "a b c", " ".join("abcdefgh" * 3), "a >>de<< b"], "en", "de", GREEDY)
    assert [bool(each.failure) for each in found] == [True, False, True, True]
    assert "empty" in found[0].failure and "reads 16" in found[2].failure
    for wrong, said in (({"samples": 4}, "draws no samples"), ({"beam": 2, "hypotheses": 3}, "3 hypotheses")):
        with pytest.raises(UserError, match=said):
            engine.translate(["a b"], "en", "de", Decoding(**wrong))
    with pytest.raises(UserError, match="has no French"):
        engine.check("en", "fr")


def test_a_damaged_folder_is_told_in_one_line(folder, tmp_path):
    def said(read, place):
        with pytest.raises(UserError) as error:
            read(place)
        assert "\n" not in str(error.value)
        return str(error.value)

    def broken(change):
        copy = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(folder, copy)
        change(copy)
        return said(LSTMEngine, copy)

    def config(copy, **changes):
        path = copy / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def without_a_tensor(copy):
        weights = load_file(copy / "model.safetensors")
        del weights["softmax.bias"]
        save_file(weights, copy / "model.safetensors")

    assert "model.safetensors" in broken(lambda copy: (copy / "model.safetensors").unlink())
    assert "header" in broken(lambda copy: (copy / "model.safetensors").write_bytes(b"\1" * 20)).lower()
    assert "softmax.bias" in broken(without_a_tensor)
    assert "no GNMT" in broken(lambda copy: config(copy, architecture="marian"))
    assert "hidden" in broken(lambda copy: config(copy, hidden="wide"))
    assert "size mismatch" in broken(lambda copy: config(copy, hidden=24))
    assert "cannot be read" in broken(lambda copy: (copy / "config.json").write_text("{"))
    assert "tokenizer" in broken(lambda copy: (copy / "tokenizer.json").unlink())
    assert "config.json" in said(read_network, tmp_path / "nowhere")
    assert "cannot be read" in said(load_translator, f"hf:{folder}")
