"""Sentence vectors: the states of one layer of an encoder, pooled over a text's tokens, at length one.

Letters: B texts, L tokens, H hidden size.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from isogloss.encoders import load_encoder, load_tokenizer, max_tokens
from isogloss.errors import UserError

MAX_TOKENS = 512  # XTREME's limit, or the encoder's if that is lower
Encode = Callable[[Sequence[str]], np.ndarray]  # texts -> unit vectors (texts, H)
Batch = tuple[tuple[int, ...], ...]  # the tokens of each of its texts


def sentence_vectors(
    encoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    layer: int = -1,
    pooling: Literal["mean", "first"] = "mean",
    batch_size: int = 64,
    max_length: int = MAX_TOKENS,
    spread: Callable[[Sequence[Batch], Callable[[Batch], np.ndarray]], list[np.ndarray]] | None = None,
) -> np.ndarray:
    """Unit vectors of the texts in their order, (B, H) float32; read sorted by length, equal texts once.

    layer: as `layer_number` reads it. max_length: tokens of a text, special ones counted; the rest is cut. spread: who
    reads the batches, `processes.divided` if several processes have the same texts; this one alone by default.

    Raises:
        UserError: the encoder lacks the layer.
    """
    number, pool = layer_number(layer, encoder.config.num_hidden_layers), POOLINGS[pooling]
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return np.zeros((0, encoder.config.hidden_size), np.float32)
    limit = min(max_length, max_tokens(encoder.config))
    ids: list[list[int]] = tokenizer(distinct, truncation=True, max_length=limit)["input_ids"]
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))

    def vectors_of(batch: Batch) -> np.ndarray:
        given = [torch.tensor(row) for row in batch]
        inputs = pad_sequence(given, batch_first=True, padding_value=encoder.config.pad_token_id or 0)
        mask = pad_sequence([torch.ones_like(row) for row in given], batch_first=True)
        inputs, mask = inputs.to(encoder.device), mask.to(encoder.device)
        with torch.inference_mode():
            states = encoder(inputs, attention_mask=mask, output_hidden_states=True).hidden_states[number]
            return unit(pool(states.float(), mask)).cpu().numpy()

    batches = [tuple(tuple(ids[i]) for i in order[at : at + batch_size]) for at in range(0, len(order), batch_size)]
    vectors = spread(batches, vectors_of) if spread is not None else [vectors_of(batch) for batch in batches]
    found = dict(zip([distinct[i] for i in order], np.concatenate(vectors), strict=True))
    return np.stack([found[text] for text in texts])


def encode_with(name: str) -> Encode:
    """The function from texts to the mean vectors of an encoder's last layer: of `tiny`, a folder or a Hub name.

    Raises:
        UserError: there is no such encoder.
    """
    encoder, tokenizer = load_encoder(name), load_tokenizer(name)
    return lambda texts: sentence_vectors(encoder, tokenizer, texts)


def layer_number(layer: int, layers: int) -> int:
    """The layer counted from 0, the embeddings; a negative one is counted from the last.

    Raises:
        UserError: the encoder has fewer layers.
    """
    if not -layers <= layer <= layers:
        raise UserError(
            f"layer = {layer}, but the encoder has {layers} layers; choose 1 to {layers}, 0 (the embeddings), or "
            f"-1 to -{layers} counted from the last"
        )
    return layer if layer >= 0 else layers + 1 + layer


def mean_of_tokens(states: Tensor, mask: Tensor) -> Tensor:
    """The mean state of the real tokens, (B, L, H) and (B, L) -> (B, H)."""
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def first_token(states: Tensor, mask: Tensor) -> Tensor:
    """The state of the first token, `<s>` or `[CLS]`, (B, L, H) -> (B, H); padding is on the right."""
    return states[:, 0]


def similarity(first: Tensor, second: Tensor, kind: str) -> Tensor:
    """The cosines of vectors, (B, H) and (B, H) -> (B,); or their inner products, as attention scales them."""
    if kind == "cosine":
        return torch.cosine_similarity(first, second, dim=-1)
    return (first * second).sum(-1) / first.shape[-1] ** 0.5  # else a softmax of them begins saturated


def unit(vectors: Tensor) -> Tensor:
    """The vectors at length 1, (B, H)."""
    return torch.nn.functional.normalize(vectors, dim=-1)


POOLINGS = {"mean": mean_of_tokens, "first": first_token}
