"""An encoder-decoder that begins with what a pretrained encoder knows, in the shape of BART.

Rothe, Narayan, Severyn 2020, "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks", arXiv 1907.12461. The
encoder is the pretrained one, as many of its lowest layers as are asked for. The decoder's layers begin as its lowest
ones too, their look at the source as the highest of them: where translations have like vectors, a word finds its
translation before anything is learned. Vocabulary and language tokens are the translator's own. The vector of a piece
is that of the same piece, or the mean of those into which the encoder's tokenizer cuts it.

BERT, RoBERTa and XLM-R have BART's layers under other names; encoders that compute something else are refused.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from isogloss.encoders.visibility import first_position
from isogloss.errors import UserError

if TYPE_CHECKING:
    from isogloss.translation.multilingual_nmt import Settings

SHAPED_ALIKE = ("bert", "roberta", "xlm-roberta")
POSITIONS = 256  # tokens that it can read and write at most
RESERVED = 2  # rows of BART's table of positions that no token has
PARTS = {  # of a layer, in BART and in the encoders
    "self_attn.q_proj": "attention.self.query",
    "self_attn.k_proj": "attention.self.key",
    "self_attn.v_proj": "attention.self.value",
    "self_attn.out_proj": "attention.output.dense",
    "self_attn_layer_norm": "attention.output.LayerNorm",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
    "final_layer_norm": "output.LayerNorm",
}


def warm_network(
    encoder: PreTrainedModel, own: PreTrainedTokenizerBase, tokenizer: PreTrainedTokenizerBase, s: "Settings", seed: int
) -> PreTrainedModel:
    """A network that reads as the encoder does and has its decoder still to learn; `own` is the encoder's tokenizer.

    Layers, feed-forward size of the decoder and dropout are the settings'; the rest is the encoder's.

    Raises:
        UserError: the encoder has another shape, or fewer layers.
    """
    config: Any = encoder.config
    if config.model_type not in SHAPED_ALIKE or getattr(config, "position_embedding_type", "absolute") != "absolute":
        raise UserError(
            f"a translator cannot begin with a {config.model_type} encoder; take one of the shape of BERT, RoBERTa or "
            "XLM-R, or leave --encoder out for a fresh network"
        )
    if s.encoder_layers > config.num_hidden_layers:
        raise UserError(
            f"encoder_layers = {s.encoder_layers}, but the encoder has {config.num_hidden_layers}; set fewer"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made: Any = BartForConditionalGeneration(_config(config, tokenizer, s))
    with torch.no_grad():
        _copy(encoder, made, s)
        theirs: Any = encoder.get_input_embeddings().weight
        for piece, rows in _rows(own, tokenizer):
            made.get_input_embeddings().weight[piece] = theirs[rows].mean(0)
    special = {name: getattr(made.config, name) for name in ("pad_token_id", "eos_token_id", "decoder_start_token_id")}
    made.generation_config = GenerationConfig(**special, num_beams=4, max_length=made.config.max_position_embeddings)
    return made


def _config(encoder: Any, tokenizer: PreTrainedTokenizerBase, s: "Settings") -> BartConfig:
    special: dict[str, Any] = {
        name: getattr(tokenizer, name) for name in ("bos_token_id", "pad_token_id", "eos_token_id")
    }
    special["decoder_start_token_id"] = tokenizer.eos_token_id
    of_ctranslate2: dict[str, Any] = {"normalize_before": False}  # which asks for it
    return BartConfig(
        vocab_size=len(tokenizer),
        d_model=encoder.hidden_size,
        encoder_layers=s.encoder_layers,
        decoder_layers=s.decoder_layers,
        encoder_attention_heads=encoder.num_attention_heads,
        decoder_attention_heads=encoder.num_attention_heads,
        encoder_ffn_dim=encoder.intermediate_size,
        decoder_ffn_dim=s.feed_forward,
        activation_function=encoder.hidden_act,
        dropout=s.dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        init_std=encoder.initializer_range,
        max_position_embeddings=min(POSITIONS, encoder.max_position_embeddings - RESERVED),
        scale_embedding=False,
        forced_eos_token_id=None,
        **special,
        **of_ctranslate2,
    )


def _copy(encoder: PreTrainedModel, made: Any, s: "Settings") -> None:
    """Positions, layer norms and layers of the encoder into both halves of the network."""
    source: Any = encoder
    embeddings, layers, first = source.embeddings, source.encoder.layer, first_position(encoder)
    types = embeddings.token_type_embeddings.weight[0] if hasattr(embeddings, "token_type_embeddings") else 0
    for half in (made.model.encoder, made.model.decoder):
        table = half.embed_positions.weight
        table[RESERVED:] = embeddings.position_embeddings.weight[first:][: len(table) - RESERVED] + types
        half.layernorm_embedding.load_state_dict(embeddings.LayerNorm.state_dict())
        for number, layer in enumerate(half.layers):
            _copy_layer(layers[min(number, len(layers) - 1)], layer)
    top = layers[s.encoder_layers - 1].attention
    for layer in made.model.decoder.layers:
        for ours, theirs in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value")):
            getattr(layer.encoder_attn, ours).load_state_dict(getattr(top.self, theirs).state_dict())
        layer.encoder_attn.out_proj.load_state_dict(top.output.dense.state_dict())


def _copy_layer(source: nn.Module, layer: nn.Module) -> None:
    """The parts of a layer that have the same size."""
    for ours, theirs in PARTS.items():
        part, other = layer.get_submodule(ours), source.get_submodule(theirs)
        if all(a.shape == b.shape for a, b in zip(part.parameters(), other.parameters(), strict=True)):
            part.load_state_dict(other.state_dict())


def _rows(own: PreTrainedTokenizerBase, tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[int, list[int]]]:
    """Every piece of the translator that the encoder has a vector for, and the encoder's pieces that it consists of."""
    cut: Any = own
    known, unknown = cut.get_vocab(), cut.unk_token_id
    first = cut("")["input_ids"][0]  # what stands before a text, as a language does here
    special = tokenizer.added_tokens_decoder  # pyright: ignore[reportAttributeAccessIssue]
    for piece, number in tokenizer.get_vocab().items():
        if number in special:
            rows = [known.get(piece, first)]
        elif (same := known.get(piece, known.get(piece.lower()))) is not None:
            rows = [same]
        else:
            rows = cut(piece.replace("▁", " ").strip(), add_special_tokens=False)["input_ids"]
        if rows and unknown not in rows:
            yield number, rows
