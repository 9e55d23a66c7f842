import numpy as np
import torch

from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.translation.sentence_vectors import encoder_of


def test_a_vector_is_the_unit_mean_of_the_last_states_whatever_is_read_beside_it(encoder_folder, sentences):
    encode = encoder_of(str(encoder_folder))
    texts = [text for group in sentences.values() for text in group]
    vectors = encode(texts)
    encoder, tokenizer = load_encoder(encoder_folder).eval(), load_tokenizer(encoder_folder)
    for text, vector in zip(texts, vectors, strict=True):
        with torch.inference_mode():
            mean = encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(vector, (mean / mean.norm()).numpy(), atol=1e-5)
    assert encode([]).shape == (0, vectors.shape[1])
