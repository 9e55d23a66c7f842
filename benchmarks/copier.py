"""A translator of Marian's shape and size that says what it reads: made in a second, and its outputs can be checked.

Random weights never end a sentence, and trained ones would have to be fetched. Here the last layer of the decoder looks
at the source token of its own place and says it again, the end included; the other layers add next to nothing, but cost
what they always cost. Every word of the language is one token.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import MarianMTModel

HIDDEN, LAYERS, HEADS = 512, 6, 8
FREQUENCIES = 32  # of the positions; each head sees their sines and cosines, and finds the same place by them
TOKENS = slice(HIDDEN // 4, 240)  # frequencies so low that a text hardly sees them change: tokens live there
STILL = slice(240, HIDDEN // 2)  # and these not at all: their sines are 0, but for the mean that a layer takes off
SHARPNESS = 40.0  # of the attention to the same place
LOUDNESS = 12.0  # of the token that is read, beside the one that was said before
WHISPER = 1e-3  # size of the weights that are to have no effect
# mean and deviation of the logarithm of the tokens of English texts: sentences of SIB-200, premises and hypotheses of
# XNLI, as the tokenizer of the embedded encoder counts them
LENGTHS = ((3.5, 0.34), (3.3, 0.53), (2.6, 0.37))
SHORTEST, LONGEST = 2, 120  # tokens
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


def words(count: int) -> list[str]:
    """So many different words."""
    base = len(SYLLABLES)
    return [SYLLABLES[i // base**2 % base] + SYLLABLES[i // base % base] + SYLLABLES[i % base] for i in range(count)]


def texts(count: int, vocabulary: int, seed: int = 1) -> Iterator[str]:
    """Sentences of random words whose lengths are those of three kinds of texts in turn, 26 words on average."""
    random = np.random.default_rng(seed)
    known = words(vocabulary)
    for number in range(count):
        length = int(np.clip(random.lognormal(*LENGTHS[number % len(LENGTHS)]), SHORTEST, LONGEST))
        yield " ".join(known[i] for i in random.integers(0, vocabulary, length))


def write_copier(folder: Path, vocabulary: int = 32_000, layers: int = LAYERS) -> Path:
    """The folder, with weights, configuration and tokenizer as transformers reads them."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir(parents=True)
    pieces = ["</s>", "<unk>", *(f"▁{word}" for word in words(vocabulary)), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}), encoding="utf-8")
    spelling = _sentencepiece(vocabulary)
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(spelling)
    source, target, vocab = (str(folder / name) for name in ("source.spm", "target.spm", "vocab.json"))
    tokenizer = MarianTokenizer(source, target, vocab, source_lang="en", target_lang="de")
    tokenizer.save_pretrained(folder)
    pad = len(pieces) - 1
    config = MarianConfig(
        vocab_size=len(pieces),
        d_model=HIDDEN,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=4 * HIDDEN,
        decoder_ffn_dim=4 * HIDDEN,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=None,
    )
    model = MarianMTModel(config)
    teach_copying(model)
    model.save_pretrained(folder)
    return folder


def teach_copying(model: "MarianMTModel") -> None:
    """Give the model the weights that say again what it reads."""
    import torch

    generator = torch.Generator().manual_seed(1)
    weights = model.state_dict()
    for name, weight in weights.items():
        if "layers." in name and weight.ndim == 2:
            weight.copy_(torch.randn(weight.shape, generator=generator) * WHISPER)
    # sines are in the first half of the dimensions, cosines in the second, where low frequencies are always 1
    half = HIDDEN // 2
    frequency = torch.arange(half)
    low = torch.cat([frequency[TOKENS], half + frequency[TOKENS]])
    place = torch.cat([frequency[:FREQUENCIES], half + frequency[:FREQUENCIES]])
    embedding = weights["model.shared.weight"]
    tokens = torch.randn(embedding.shape[0], len(low), generator=generator)
    tokens[:, len(low) // 2 :] -= tokens[:, len(low) // 2 :].mean(1, keepdim=True)  # nothing of what is always 1
    tokens[-1] = 0  # padding, which begins every translation
    embedding.zero_()
    embedding[:, low] = tokens / HIDDEN**0.5
    last = f"model.decoder.layers.{model.config.decoder_layers - 1}.encoder_attn"
    query, key, value, output = (weights[f"{last}.{name}_proj.weight"].zero_() for name in ("q", "k", "v", "out"))
    for weight in (query, key):
        for head in range(HEADS):
            rows = head * len(place) + torch.arange(len(place))
            weight[rows, STILL] = -(SHARPNESS**0.5) / len(frequency[STILL])
            weight[rows, place] = SHARPNESS**0.5
    value[torch.arange(len(low)), low] = 1.0
    output[low, torch.arange(len(low))] = LOUDNESS


def _sentencepiece(vocabulary: int) -> bytes:
    """A sentencepiece model to which every word is one piece."""
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(words(vocabulary)),
        model_writer=model,
        model_type="word",
        vocab_size=vocabulary + 3,  # <unk>, <s> and </s>
        normalization_rule_name="identity",
        minloglevel=2,
    )
    return model.getvalue()
