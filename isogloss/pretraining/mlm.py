"""Cross-lingual Language Model Pretraining.

Conneau and Lample, 2019, arXiv 1901.07291. Masked language modelling (MLM) hides tokens of a text and asks the encoder
for them; translation language modelling (TLM) lays a text and its translation side by side, so that a hidden word can
be read off the other language. No labels, and for MLM no translations either.

Letters: B rows of a batch, L row length, H hidden size, V pieces, M hidden tokens.

Where we differ, and why:
- Positions restart on the translation as in the paper, but there are no language embeddings: XLM-R dropped them, and
  every encoder of transformers can be trained then.
- A text is read alone or beside its translation in a given share of its reads, instead of whole epochs of either.
- The head (dense, GELU, norm, the word table again) is new and is not kept; only the encoder is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerBase

from isogloss.encoders import encoder_path, max_tokens
from isogloss.encoders.masked_tokens import TokenGuess, mask_tokens
from isogloss.errors import UserError
from isogloss.losses import IGNORED
from isogloss.pretraining._batches import schedule
from isogloss.pretraining._encoder_folder import save_encoder
from isogloss.pretraining._texts import gather

if TYPE_CHECKING:
    from isogloss.runs import Job


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of masked language modelling."""

    masked: float = 0.15  # share of the tokens that are to be guessed
    replaced: float = 0.8  # share of those that are shown as <mask>
    random: float = 0.1  # share of those that are shown as another piece; the rest is shown as it is
    translation: float = 0.5  # share of a text's reads that lay its English beside it (TLM)
    max_tokens: int = 96  # of a side, special ones counted; the rest is cut off
    texts_per_batch: int = 64  # rows, of one side or two
    tokens_per_batch: int = 4096  # at most, padding counted
    first_languages: tuple[str, ...] = ("en",)  # groups of languages of `passes`; all others are the third
    second_languages: tuple[str, ...] = ()
    passes: dict[str, tuple[float, float, float]] = field(default_factory=dict)  # reads per pass: source -> by group


@dataclass(frozen=True, slots=True)
class Row:
    """A text, or a text and its translation, as token ids with special ones; and how often to read it per pass."""

    sides: tuple[tuple[int, ...], ...]
    passes: float

    def __len__(self) -> int:
        return sum(map(len, self.sides))


@dataclass(frozen=True, slots=True)
class Batch:
    """The number of an update and the rows it reads; the number decides what is masked."""

    number: int
    rows: tuple[Row, ...]


class MaskedLanguageModel(nn.Module):
    """An encoder and the head that guesses pieces."""

    def __init__(self, encoder: PreTrainedModel):
        super().__init__()
        self.encoder = encoder
        self.guess = TokenGuess(encoder.config.hidden_size, encoder.config.vocab_size)

    def forward(self, states: Tensor) -> Tensor:
        """Logits (M, V) of tokens from their last states (M, H)."""
        return self.guess(states, self.encoder.get_input_embeddings().weight)


def lay_out(rows: Sequence[Row], *, pad_id: int, first_position: int) -> tuple[Tensor, Tensor]:
    """Token ids and positions (B, L) of rows of one or two sides; positions restart on every side."""
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), pad_id)
    positions = torch.full((len(rows), length), first_position)
    for i, row in enumerate(rows):
        flat = [token for side in row.sides for token in side]
        ids[i, : len(flat)] = torch.tensor(flat)
        places = [first_position + place for side in row.sides for place in range(len(side))]
        positions[i, : len(flat)] = torch.tensor(places)
    return ids, positions


def text_rows(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[str, str, float]], *, length: int, translation: float
) -> list[Row]:
    """Rows of (text, English, passes): each text alone, its English alone, and both together.

    The English of a pair is read as often as the text. Text that is its own translation is read alone only.
    """
    texts = tokenizer([text for text, _, _ in pairs], truncation=True, max_length=length)["input_ids"]
    english = tokenizer([other for _, other, _ in pairs], truncation=True, max_length=length)["input_ids"]
    rows = []
    for (text, other, passes), a, b in zip(pairs, texts, english, strict=True):
        if text == other:
            rows.append(Row((tuple(a),), passes))
            continue
        rows += [Row((tuple(side),), passes * (1 - translation)) for side in (a, b)]
        rows.append(Row((tuple(a), tuple(b)), passes * translation))
    return [row for row in rows if row.passes > 0]


@dataclass
class Method:
    """Masked and translation language modelling of the encoder a recipe names."""

    settings: Settings

    def examples(self, job: "Job") -> list[Batch]:
        """Whole batches, one per update."""
        if job.recipe.train.batch_size != 1 or job.recipe.train.tokens_per_batch:
            raise UserError(
                "mlm makes its own batches; set batch_size = 1 in [train] (a batch per update), and no "
                "tokens_per_batch there"
            )
        s = self.settings
        texts = gather(job, s.passes, (s.first_languages, s.second_languages))
        pairs = [(text.text, text.english, text.passes) for text in texts]
        rows = text_rows(job.tokenizer, pairs, length=s.max_tokens, translation=s.translation)
        batches = schedule(
            np.array([row.passes for row in rows]),
            np.array([len(row) for row in rows]),
            job.recipe.train.updates,
            texts=s.texts_per_batch,
            tokens=s.tokens_per_batch,
            seed=job.recipe.seed,
        )
        return [Batch(number, tuple(rows[i] for i in batch)) for number, batch in enumerate(batches)]

    def build(self, job: "Job") -> MaskedLanguageModel:
        """The encoder under a new head."""
        encoder = job.load_encoder()
        if job.tokenizer.mask_token_id is None:
            raise UserError(f"encoder {job.recipe.encoder}: its tokenizer has no mask token, so nothing can be masked")
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # would get no gradient  # pyright: ignore[reportArgumentType]
        limit = max_tokens(encoder.config)
        if self.settings.max_tokens > limit:
            raise UserError(f"max_tokens {self.settings.max_tokens} is more than the encoder reads ({limit}); lower it")
        return MaskedLanguageModel(encoder)

    def collate(self, job: "Job") -> Callable[[Sequence[Batch]], dict[str, Any]]:
        """The function that lays a batch out and masks it; the same batch is always masked the same way."""
        tokenizer, settings, seed = job.tokenizer, self.settings, job.recipe.seed
        first = first_position(AutoConfig.from_pretrained(encoder_path(job.recipe.encoder)))
        pad_id, mask_id = _id(tokenizer, "pad_token"), _id(tokenizer, "mask_token")
        special = torch.tensor([i for i in tokenizer.all_special_ids if i != tokenizer.unk_token_id])

        def collate(batches: Sequence[Batch]) -> dict[str, Any]:
            rows = [row for batch in batches for row in batch.rows]
            ids, positions = lay_out(rows, pad_id=pad_id, first_position=first)
            shown, labels = mask_tokens(
                ids,
                torch.isin(ids, special),
                masked=settings.masked,
                replaced=settings.replaced,
                random=settings.random,
                mask_id=mask_id,
                pieces=len(tokenizer),
                generator=torch.Generator().manual_seed(seed * 1_000_003 + batches[0].number),
            )
            return {
                "ids": [f"batch {batch.number}" for batch in batches],
                "input_ids": shown,
                "position_ids": positions,
                "attention_mask": torch.ne(ids, pad_id).long(),
                "labels": labels,
            }

        return collate

    def loss(self, network: MaskedLanguageModel, batch: Mapping[str, Any]) -> Tensor:
        """Cross-entropy of the hidden tokens in nats, mean over tokens; 0 if none was hidden."""
        states = network.encoder(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], position_ids=batch["position_ids"]
        ).last_hidden_state
        asked = batch["labels"] != IGNORED
        logits = network(states[asked]).float()
        return F.cross_entropy(logits, batch["labels"][asked], reduction="sum") / asked.sum().clamp(min=1)

    def save(self, network: MaskedLanguageModel, job: "Job", folder: Path) -> None:
        """Write the encoder's folder; the head is left out."""
        save_encoder(network.encoder, job.tokenizer, folder, job, "Encoder after masked language modelling")


def _id(tokenizer: PreTrainedTokenizerBase, role: str) -> int:
    found = tokenizer.convert_tokens_to_ids(getattr(tokenizer, role))
    assert isinstance(found, int)
    return found


def first_position(config: Any) -> int:
    """The position of a text's first token: RoBERTa-like tables begin behind the padding row."""
    return config.max_position_embeddings - max_tokens(config)
