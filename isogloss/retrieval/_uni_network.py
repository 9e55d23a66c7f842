"""The network of the Uni-Encoder: an encoder that reads candidates beside their context, and a score for each.

Letters: T tokens of all texts, P tokens that reach the end, M hidden tokens, H hidden size, V pieces.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from isogloss.encoders.candidates import encode_candidates, text_means
from isogloss.encoders.masked_tokens import TokenGuess
from isogloss.encoders.models import EncoderWithHead
from isogloss.encoders.sentence_vectors import similarity
from isogloss.errors import UserError


class UniEncoder(EncoderWithHead):
    """An encoder that scores candidates by the mean of their states; its configuration knows who sees whom, and how."""

    def build_head(self, hidden_size: int, num_labels: int, dropout: float) -> None:
        """A linear score; none where the texts' means are compared. `guess` is there while training at most."""
        self.mask: str = self.config.candidate_mask
        self.cross_weight: float = getattr(self.config, "cross_weight", 1.0)
        self.output = nn.Linear(hidden_size, 1) if self.config.candidate_score == "linear" else None
        self.guess: TokenGuess | None = None

    def scores(self, input_ids: Tensor, lengths: Sequence[Sequence[int]], asked: Tensor | None = None) -> "Scored":
        """The candidates' scores, and the states that were asked for beside theirs.

        input_ids: (T,), the texts end to end, each context before its candidates. lengths: of them, by context. asked:
        (T,), true for tokens whose states are asked for.
        """
        context = torch.tensor([place == 0 for each in lengths for place in range(len(each))])
        flat = torch.tensor([length for each in lengths for length in each])
        wanted = torch.repeat_interleave(~context | (self.output is None), flat)
        wanted = wanted if asked is None else wanted | asked.cpu()
        packed, states = encode_candidates(
            self.encoder,
            input_ids,
            lengths,
            self.mask,
            self.config.fused_layers,
            cross_weight=self.cross_weight,
            wanted=wanted,
        )
        means = text_means(packed, states, lengths)
        own, candidates = means[context][context.cumsum(0)[~context] - 1], means[~context]
        if self.output is not None:
            scores = self.output(candidates)[:, 0]
        else:
            scores = similarity(own, candidates, self.config.candidate_score)
        return Scored(scores, packed.places, states)

    def guesses(self, states: Tensor) -> Tensor:
        """Logits (M, V) of hidden tokens from their states (M, H)."""
        assert self.guess is not None
        return self.guess(states, self.encoder.get_input_embeddings().weight)


class Scored(NamedTuple):
    """Scores (candidates,), and which of the T tokens reached the end with which states: (P,) and (P, H)."""

    scores: Tensor
    places: Tensor
    states: Tensor


def with_mask(
    encoder: PreTrainedModel,
    mask: str,
    local_layers: int = 0,
    fusion_layers: int = 0,
    *,
    score: str = "linear",
    cross_weight: float = 1.0,
) -> UniEncoder:
    """The encoder under a fresh head: the mask rules in `fusion_layers` above the local ones, 0 = in all of them.

    Under `diag` a candidate knows nothing of the context: its linear score becomes the inner product of both.

    Raises:
        UserError: it has fewer layers, or a weight is given where no text reads another.
    """
    if cross_weight != 1 and mask in ("diag", "square"):
        raise UserError(
            f"cross_weight = {cross_weight}: under the mask {mask} no text reads another beside itself; "
            "set it to 1, or take the mask one_way or arrow"
        )
    depth = encoder.config.num_hidden_layers
    end = local_layers + fusion_layers if fusion_layers else depth
    if not local_layers < depth or end > depth:
        raise UserError(
            f"local_layers ({local_layers}) + fusion_layers ({fusion_layers}): this encoder has {depth} layers; "
            "lower them, so that at least one is fused"
        )
    encoder.config.candidate_mask = mask
    encoder.config.cross_weight = cross_weight
    encoder.config.candidate_score = "inner_product" if (mask, score) == ("diag", "linear") else score
    return UniEncoder(encoder, 1, [] if mask == "diag" else range(local_layers, end))
