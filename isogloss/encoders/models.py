"""An encoder with a task head that reads one side or several.

The models are ordinary checkpoints: the encoder keeps the names and the configuration of its own architecture, so
`AutoModel.from_pretrained` reads it back, and tagging and question-answering heads have the names transformers gives
them. The heads are those of FILTER (arXiv 2009.05166, released code); every method uses them, so that methods differ
in nothing else.

Letters: B examples, S tokens of the first side, T tokens of a further side, H hidden size, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import load_torch_model, save_torch_model, snapshot_download
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from isogloss import losses
from isogloss.encoders import visibility
from isogloss.errors import UserError

Tensors = Tensor | Sequence[Tensor]


@dataclass
class SidesOutput(ModelOutput):
    """What a model returns: the logits of the first side and those of every side; 0 where nobody asked for them.

    logits: (B, C) of a classifier, (B, S, C) of a tagger, (B, S, 2) of a reader of answers (start, end).
    side_states: the encoder's last states (B, S, H) of every side, if everything was to be computed.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    side_logits: tuple[Tensor, ...] | None = None
    side_states: tuple[Tensor, ...] | None = None

    @property
    def start_logits(self) -> Tensor:
        """(B, S), question answering only."""
        return self._logits()[..., 0]

    @property
    def end_logits(self) -> Tensor:
        """(B, S), question answering only."""
        return self._logits()[..., 1]

    def _logits(self) -> Tensor:
        if self.logits is None:
            raise ValueError("this output carries no logits")
        return self.logits


class EncoderWithHead(nn.Module):
    """The part the three models share: an encoder, which layers are fused, loading and saving."""

    def __init__(self, encoder: PreTrainedModel, num_labels: int, fused_layers: Sequence[int] = ()):
        super().__init__()
        if getattr(encoder, "pooler", None) is not None:
            # it reads one token, is never used here, and would get no gradient
            encoder.pooler = None  # pyright: ignore[reportArgumentType]
        depth = encoder.config.num_hidden_layers
        if any(not 0 <= layer < depth for layer in fused_layers):
            raise UserError(f"fused layers {list(fused_layers)} lie outside this encoder's {depth} layers")
        self.prefix = encoder.base_model_prefix
        self.add_module(self.prefix, visibility.prepare(encoder))
        self.config: PreTrainedConfig = encoder.config
        self.config.num_labels = num_labels
        self.config.fused_layers = list(fused_layers)
        self.config.architectures = [type(self).__name__]
        self.build_head(encoder.config.hidden_size, num_labels, dropout_probability(encoder.config))

    @property
    def encoder(self) -> PreTrainedModel:
        """The encoder, an ordinary transformers model."""
        return self.get_submodule(self.prefix)  # pyright: ignore[reportReturnType]

    def build_head(self, hidden_size: int, num_labels: int, dropout: float) -> None:
        """Make the head's modules. They keep PyTorch's own initialisation, as in the released code."""
        raise NotImplementedError

    def reads(self, attention_mask: Tensor) -> Tensor:
        """Which tokens of a side the head reads, (B, S): all real ones, unless it says otherwise."""
        return attention_mask.bool()

    def score(self, states: Tensor) -> Tensor:
        """Logits (..., C) of states (..., H)."""
        raise NotImplementedError

    def arranged(self, logits: Tensor, attention_mask: Tensor) -> Tensor:
        """The logits of a side (B, S, C) in the shape that the losses take: as they are, unless the head differs."""
        return logits

    def hard_loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """Mean cross-entropy of one side in nats."""
        raise NotImplementedError

    def soft_loss(self, logits: Tensor, teacher: Tensor, attention_mask: Tensor, temperature: float) -> Tensor:
        """KL(teacher || student) of one side in nats, times the temperature squared."""
        raise NotImplementedError

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        translation_input_ids: Tensors | None = None,
        translation_attention_mask: Tensors | None = None,
        labels: Tensor | None = None,
        translation_labels: Tensors | None = None,
        asked: Tensor | None = None,
        translation_asked: Tensors | None = None,
        padded: bool = False,
    ) -> SidesOutput:
        """Logits of the first side, read together with its translations where layers are fused.

        input_ids, attention_mask: (B, S). translation_*: (B, T), or a list of such for several further sides.
        With `labels` the output carries the loss: the first side's cross-entropy plus that of every further side
        that has labels. asked, translation_asked: (B,), true where the logits of that side are asked for, as they are
        by default; the others are 0, and what only they need is not computed. `padded` computes everything, the
        states and logits of padding too.
        """
        ids = [input_ids, *_listed(translation_input_ids)]
        masks = [attention_mask, *_listed(translation_attention_mask)]
        masks += [None] * (len(ids) - len(masks))
        sides = [(x, torch.ones_like(x) if mask is None else mask) for x, mask in zip(ids, masks, strict=True)]
        if padded:
            states = visibility.encode(self.encoder, sides, self.config.fused_layers, padded=True)
            logits = tuple(map(self.score, states))
        else:
            wanted = [self.reads(mask) for _, mask in sides]
            for number, some in enumerate([asked, *_listed(translation_asked)]):
                wanted[number] = wanted[number] if some is None else wanted[number] & some[:, None]
            packed, rows = visibility.encode_packed(self.encoder, sides, self.config.fused_layers, wanted=wanted)
            states, logits = None, packed.padded(self.score(rows))
        logits = tuple(self.arranged(side, mask) for side, (_, mask) in zip(logits, sides, strict=True))
        loss = None
        if labels is not None:
            targets = [labels, *_listed(translation_labels)]
            loss = torch.stack(
                [self.hard_loss(x, y, mask) for x, y, (_, mask) in zip(logits, targets, sides, strict=False)]
            ).sum()
        return SidesOutput(loss=loss, logits=logits[0], side_logits=logits, side_states=states)

    @classmethod
    def from_encoder(cls, encoder: PreTrainedModel | str, *, num_labels: int = 2, **layers: Any) -> Self:
        """The model with a fresh head on an encoder, given as a model or a name."""
        if not isinstance(encoder, PreTrainedModel):
            from isogloss.encoders import load_encoder

            encoder = load_encoder(encoder)
        return cls(encoder, num_labels, **layers)

    @classmethod
    def from_pretrained(cls, name: str | Path) -> Self:
        """The model saved in a folder or on the Hub, in float32.

        Raises:
            UserError: the checkpoint lacks tensors of this model or has others; nothing is ever re-initialised.
        """
        folder = Path(name)
        if not folder.is_dir():
            folder = Path(snapshot_download(str(name), allow_patterns=["*.json", "*.safetensors"]))
        config = AutoConfig.from_pretrained(folder)
        encoder = AutoModel.from_config(config, dtype=torch.float32)
        model = cls(encoder, config.num_labels or 2, getattr(config, "fused_layers", ()))
        single = folder / "model.safetensors"  # named, as other safetensors files may lie beside it
        try:
            load_torch_model(model, single if single.is_file() else folder, strict=True, safe=True)
        except (RuntimeError, ValueError, OSError, SafetensorError) as error:
            problem = " ".join(str(error).split())
            raise UserError(f"{name} does not fit {cls.__name__}: {problem[:600]}") from None
        return model.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors (sharded when large) into the folder."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        save_torch_model(self, folder, safe_serialization=True)
        self.config.save_pretrained(folder)


class EncoderForSequenceClassification(EncoderWithHead):
    """Classes from the first real token of a side: dropout, linear, ReLU, dropout, linear."""

    def build_head(self, hidden_size: int, num_labels: int, dropout: float) -> None:
        self.output = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(hidden_size, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, num_labels),
        )

    def reads(self, attention_mask: Tensor) -> Tensor:
        real = attention_mask.bool()
        return real & (real.cumsum(1) == 1)  # not always the first column: padding may lie on the left

    def score(self, states: Tensor) -> Tensor:
        return self.output(states)

    def arranged(self, logits: Tensor, attention_mask: Tensor) -> Tensor:
        first = attention_mask.long().argmax(1)
        return logits[torch.arange(len(logits), device=logits.device), first]  # (B, S, C) -> (B, C)

    def hard_loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        return losses.cross_entropy(logits, labels)

    def soft_loss(self, logits: Tensor, teacher: Tensor, attention_mask: Tensor, temperature: float) -> Tensor:
        return losses.kl_divergence(logits, teacher, temperature)


class EncoderForTokenClassification(EncoderWithHead):
    """A tag for every token of a side."""

    def build_head(self, hidden_size: int, num_labels: int, dropout: float) -> None:
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden_size, num_labels)

    def score(self, states: Tensor) -> Tensor:
        return self.classifier(self.dropout(states))

    def hard_loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        return losses.cross_entropy(logits, labels)

    def soft_loss(self, logits: Tensor, teacher: Tensor, attention_mask: Tensor, temperature: float) -> Tensor:
        return losses.kl_divergence(logits, teacher, temperature, attention_mask)


class EncoderForQuestionAnswering(EncoderWithHead):
    """A start and an end score for every token of a side. No dropout in this head."""

    def build_head(self, hidden_size: int, num_labels: int, dropout: float) -> None:
        if num_labels != 2:
            raise UserError(f"a question-answering head has 2 outputs (start, end), not {num_labels}")
        self.qa_outputs = nn.Linear(hidden_size, 2)

    def score(self, states: Tensor) -> Tensor:
        return self.qa_outputs(states)

    def hard_loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        return losses.span_cross_entropy(logits, labels, attention_mask)

    def soft_loss(self, logits: Tensor, teacher: Tensor, attention_mask: Tensor, temperature: float) -> Tensor:
        return losses.span_kl_divergence(logits, teacher, temperature, attention_mask)


def dropout_probability(config: PreTrainedConfig) -> float:
    """The dropout of the heads: one of their own where the encoder names it, else that of its hidden states."""
    for name in ("classifier_dropout", "hidden_dropout_prob", "mlp_dropout"):
        value = getattr(config, name, None)
        if value is not None:
            return float(value)
    return 0.1


def _listed(value: Tensors | None) -> list[Tensor]:
    if value is None:
        return []
    return [value] if isinstance(value, Tensor) else list(value)
