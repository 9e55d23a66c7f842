"""A translator that begins with an encoder reads as it does, knows its pieces, learns, and is read by both engines."""

import numpy as np
import pytest
import torch
import toy_language
from conftest import LAYERS, random_encoder
from toy_language import method, sentences, toy_job

from isogloss.errors import UserError
from isogloss.translation._vocabulary import build_tokenizer
from isogloss.translation._warm_network import warm_network
from isogloss.translation.engines import ctranslate2, hf
from isogloss.translation.multilingual_nmt import Settings
from isogloss.translation.translator import Decoding

GREEDY = Decoding(beam=1)
LANGUAGES = [">>de>>", ">>en>>"]


def same_pieces(tokenizer):
    """A translator's tokenizer that cuts texts as the given one does."""
    pieces = [piece for piece in tokenizer.get_vocab() if piece not in tokenizer.all_special_tokens]
    return build_tokenizer([(piece, -8.0) for piece in pieces], LANGUAGES, "bart", 64)


@pytest.mark.parametrize("architecture", ["xlm-roberta", "bert"])
@pytest.mark.parametrize("layers", [1, LAYERS])
def test_the_network_reads_as_the_encoders_lowest_layers_do(architecture, layers, tokenizer):
    encoder, own = random_encoder(architecture, len(tokenizer)), same_pieces(tokenizer)
    network = warm_network(encoder, tokenizer, own, Settings(encoder_layers=layers), seed=1).eval()
    pieces = ["<s>", "▁", "e", "a", "</s>"]
    ids, ours = (torch.tensor([each.convert_tokens_to_ids(pieces)]) for each in (tokenizer, own))
    with torch.no_grad():
        wanted = encoder(input_ids=ids, output_hidden_states=True).hidden_states[layers]
        found = network.get_encoder()(input_ids=ours).last_hidden_state
    torch.testing.assert_close(found, wanted, atol=2e-3, rtol=2e-3)  # BART's layer norms add a larger epsilon


def test_a_piece_has_the_vector_of_the_same_piece_or_the_mean_of_those_it_consists_of(tokenizer):
    encoder = random_encoder("xlm-roberta", len(tokenizer))
    pieces = [("▁", -3.0), ("e", -3.0), ("E", -3.0), ("▁eaae", -3.0), ("☃☃", -3.0)]
    own = build_tokenizer(pieces, LANGUAGES, "bart", 64)
    network = warm_network(encoder, tokenizer, own, Settings(encoder_layers=2), seed=1)
    theirs, ours = encoder.get_input_embeddings().weight, network.get_input_embeddings().weight

    def vector(piece):
        return ours[own.convert_tokens_to_ids(piece)]

    torch.testing.assert_close(vector("e"), theirs[tokenizer.convert_tokens_to_ids("e")])
    cut = tokenizer("eaae", add_special_tokens=False)["input_ids"]
    torch.testing.assert_close(vector("▁eaae"), theirs[cut].mean(0))
    torch.testing.assert_close(vector(">>de>>"), theirs[tokenizer.bos_token_id])
    assert not any(torch.allclose(vector("☃☃"), row) for row in theirs)  # unknown to the encoder: drawn
    assert network.get_output_embeddings().weight is ours
    again = warm_network(encoder, tokenizer, own, Settings(encoder_layers=2), seed=1)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_it_learns_a_toy_language_and_both_engines_read_it(tmp_path, encoder_folder):
    made = method(tag="both", feed_forward=32, encoder_layers=2)
    job = toy_job(
        tmp_path / "run", encoder=str(encoder_folder), settings=made.settings, updates=150, tokens_per_batch=600,
        learning_rate=3e-3,
    )  # fmt: skip
    network, report = toy_language.trained(job, made)
    assert network.config.model_type == "bart" and network.config.encoder_layers == 2
    assert report.loss < 0.5 * report.curve[0][1]
    ours = hf.load(str(job.folder))
    converted = ctranslate2.CTranslate2Translator(ctranslate2.convert(str(job.folder), tmp_path / "ct2", "float32"))
    pairs = list(zip(*([each.text for each in sentences("test", tag)] for tag in ("en", "de")), strict=True))
    for a, b in zip(ours.score(pairs, "en", "de"), converted.score(pairs, "en", "de"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
    texts = [text for text, _ in pairs]
    written = [[each.text for each in engine.translate(texts, "en", "de", GREEDY)] for engine in (ours, converted)]
    assert written[0] == written[1]


def test_an_encoder_of_another_shape_or_with_fewer_layers_is_told(tokenizer):
    own = same_pieces(tokenizer)
    with pytest.raises(UserError, match="cannot begin with a modernbert encoder; take one of the shape of BERT"):
        warm_network(random_encoder("modernbert", len(tokenizer)), tokenizer, own, Settings(), seed=1)
    with pytest.raises(UserError, match=f"encoder_layers = 9, but the encoder has {LAYERS}; set fewer"):
        warm_network(random_encoder("bert", len(tokenizer)), tokenizer, own, Settings(encoder_layers=9), seed=1)
