import numpy as np
import pytest
import torch

from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.encoders.sentence_vectors import (
    encode_with,
    first_token,
    layer_number,
    mean_of_tokens,
    sentence_vectors,
)
from isogloss.errors import UserError

TEXTS = [
    "The train to Berlin leaves at nine.",
    "Berlin?",
    "Was kostet ein Zimmer für zwei?",
    "两个人住一间房多少钱？",
    "Meine Tasche ist weg, helfen Sie.",
]


@pytest.fixture(scope="module")
def encoder(encoder_folder):
    return load_encoder(encoder_folder)


@pytest.fixture(scope="module")
def reads(encoder_folder):
    return load_tokenizer(encoder_folder)


@pytest.mark.parametrize("architecture", ["xlm-roberta", "bert", "modernbert"])
@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_order_batch_size_and_padding_change_no_vector(encoder_folders, architecture, pooling):
    encoder, tokenizer = (load(encoder_folders[architecture]) for load in (load_encoder, load_tokenizer))
    alone = sentence_vectors(encoder, tokenizer, TEXTS, pooling=pooling, batch_size=1)
    together = sentence_vectors(encoder, tokenizer, TEXTS, pooling=pooling)
    turned = sentence_vectors(encoder, tokenizer, [*TEXTS[::-1], TEXTS[0]], pooling=pooling)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(turned[:-1][::-1], alone, atol=1e-5)
    np.testing.assert_array_equal(turned[-1], turned[-2])
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, rtol=1e-5)


def test_vectors_are_the_pooled_states_of_the_layer(encoder, reads):
    for layer in range(encoder.config.num_hidden_layers + 1):
        for text in TEXTS:
            batch = reads([text], return_tensors="pt")
            with torch.inference_mode():
                states = encoder(batch["input_ids"], output_hidden_states=True).hidden_states[layer][0].numpy()
            for pooling, wanted in (("mean", states.mean(0)), ("first", states[0])):
                (vector,) = sentence_vectors(encoder, reads, [text], layer=layer, pooling=pooling)
                np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_the_first_state_of_the_embeddings_is_the_same_for_every_text(encoder, reads):
    vectors = sentence_vectors(encoder, reads, TEXTS, layer=0, pooling="first")
    np.testing.assert_allclose(vectors, np.broadcast_to(vectors[0], vectors.shape), atol=1e-6)


def test_padding_is_not_pooled():
    states = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [99.0, 99.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert mean_of_tokens(states, mask).tolist() == [[2.0, 3.0]]
    assert first_token(states, mask).tolist() == [[1.0, 2.0]]


def test_layers_are_counted_from_the_embeddings_or_from_the_last():
    assert [layer_number(layer, 4) for layer in (0, 1, 4, -1, -2, -4)] == [0, 1, 4, 4, 3, 1]
    for layer in (5, -5):
        with pytest.raises(UserError, match=f"layer = {layer}, but the encoder has 4 layers; choose 1 to 4, 0"):
            layer_number(layer, 4)


def test_a_long_text_is_cut_at_the_encoders_limit(encoder, reads):
    long = " ".join(["train"] * 500)
    vectors = sentence_vectors(encoder, reads, [long, f"{long} Berlin"])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_an_encoder_by_its_name_gives_the_mean_of_its_last_states(encoder_folder, encoder, reads):
    encode = encode_with(str(encoder_folder))
    for text, vector in zip(TEXTS, encode(TEXTS), strict=True):
        with torch.inference_mode():
            mean = encoder(**reads(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(vector, (mean / mean.norm()).numpy(), atol=1e-5)
    assert encode([]).shape == (0, encoder.config.hidden_size)


def test_who_reads_the_batches_is_up_to_the_caller(encoder, reads):
    seen = []

    def spread(batches, do):
        seen.extend(batches)
        return [do(batch) for batch in batches]

    vectors = sentence_vectors(encoder, reads, TEXTS, batch_size=2, spread=spread)
    np.testing.assert_allclose(vectors, sentence_vectors(encoder, reads, TEXTS), atol=1e-5)
    assert [len(batch) for batch in seen] == [2, 2, 1] and isinstance(hash(tuple(seen)), int)
