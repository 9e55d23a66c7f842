"""Encoder-decoders of transformers that have learned nothing yet, in the shape of a family, from a few numbers."""

from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    GenerationConfig,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
)

if TYPE_CHECKING:
    from isogloss.translation.multilingual_nmt import Settings

POSITIONS = 512  # tokens that a fresh network can read and write; short of them it is trained on
SILENT = -1e4  # logit of Marian's padding: its probability is 0, and so is its gradient


def fresh_network(tokenizer: PreTrainedTokenizerBase, s: "Settings") -> PreTrainedModel:
    """A network of `s.family` with random weights; the seed is the caller's."""
    special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    special["decoder_start_token_id"] = tokenizer.eos_token_id if s.family == "m2m100" else tokenizer.pad_token_id
    made = FAMILIES[s.family](len(tokenizer), special, s)
    # transformers would have a model that can be told to generate say so in both configurations
    made.generation_config = GenerationConfig(**special, num_beams=4, max_length=POSITIONS)
    if s.family == "marian":
        made.generation_config.bad_words_ids = [[special["pad_token_id"]]]
    return made


def _bart_like(s: "Settings") -> dict[str, Any]:
    return {
        "d_model": s.hidden,
        "encoder_layers": s.encoder_layers,
        "decoder_layers": s.decoder_layers,
        "encoder_attention_heads": s.heads,
        "decoder_attention_heads": s.heads,
        "encoder_ffn_dim": s.feed_forward,
        "decoder_ffn_dim": s.feed_forward,
        "dropout": s.dropout,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "encoder_layerdrop": 0.0,
        "decoder_layerdrop": 0.0,
        "scale_embedding": True,
        "max_position_embeddings": POSITIONS,
        "init_std": s.hidden**-0.5,  # with the usual 0.02 so narrow a network does not look at the source for long
    }


def _marian(rows: int, special: dict[str, Any], s: "Settings") -> PreTrainedModel:
    """Its padding is zeros and is never said, as in the published models: CTranslate2 starts from zeros."""
    config = MarianConfig(
        **_bart_like(s), **special, vocab_size=rows, forced_eos_token_id=None, activation_function="swish"
    )
    network = MarianMTModel(config)
    pad = special["pad_token_id"]
    table: Any = network.get_input_embeddings().weight
    with torch.no_grad():
        table[pad] = 0
        network.final_logits_bias[0, pad] = SILENT
    return network


def _m2m100(rows: int, special: dict[str, Any], s: "Settings") -> PreTrainedModel:
    return M2M100ForConditionalGeneration(M2M100Config(**_bart_like(s), **special, bos_token_id=0, vocab_size=rows))


def _t5(rows: int, special: dict[str, Any], s: "Settings") -> PreTrainedModel:
    untied: dict[str, Any] = {"tie_word_embeddings": False}
    config = T5Config(
        vocab_size=rows,
        d_model=s.hidden,
        d_kv=s.hidden // s.heads,
        d_ff=s.feed_forward,
        num_layers=s.encoder_layers,
        num_decoder_layers=s.decoder_layers,
        num_heads=s.heads,
        dropout_rate=s.dropout,
        feed_forward_proj="gated-gelu",
        **special,
        **untied,
    )
    return T5ForConditionalGeneration(config)


FAMILIES = {"marian": _marian, "m2m100": _m2m100, "t5": _t5}
