"""Sentence vectors for a translation memory: the mean of an encoder's last states, at length one."""

from collections.abc import Sequence

import numpy as np

from isogloss.translation.translation_memory import Encode

BATCH = 64  # texts read at a time
MAX_TOKENS = 256  # of a text; what follows moves its mean no more


def encoder_of(name: str) -> Encode:
    """The function from texts to unit vectors (texts, H) float32 of an encoder: `tiny`, a folder or a Hub name.

    Raises:
        UserError: there is no such encoder.
    """
    import torch

    from isogloss.encoders import load_encoder, load_tokenizer, max_tokens

    encoder, tokenizer = load_encoder(name).eval(), load_tokenizer(name)
    limit = min(MAX_TOKENS, max_tokens(encoder.config))

    def encode(texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = np.zeros((len(texts), encoder.config.hidden_size), np.float32)
        for begin in range(0, len(order), BATCH):
            places = order[begin : begin + BATCH]
            batch = tokenizer(
                [texts[i] for i in places], padding=True, truncation=True, max_length=limit, return_tensors="pt"
            )
            with torch.inference_mode():
                states = encoder(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            mask = batch["attention_mask"][..., None]
            means = (states * mask).sum(1) / mask.sum(1)
            vectors[places] = torch.nn.functional.normalize(means, dim=-1).numpy()
        return vectors

    return encode
