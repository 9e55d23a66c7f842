"""Beam search over a recurrent decoder: many sources at once, the states of all hypotheses kept from step to step.

A step extends the K hypotheses of every source by every piece. Of the best 2K the first K that have not ended go on,
and those that ended among the best K are candidates; so a beam of one is greedy. A source is done when K have ended,
or at its own limit. Scores within the search are plain sums, as all hypotheses of a step are equally long; which
candidate is the best is decided afterwards, by the named rules.

`margin` prunes as GNMT does (its beam size of 3.0): away go pieces that are so many nats behind the best piece of their
place, and, once one has ended, hypotheses whose normalised score is so far behind the best that ended.

Letters: B sources that are not done, K hypotheses, S source tokens, V pieces, N layers, H hidden size.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from isogloss.translation._gnmt_network import LSTMTranslator, Memory
from isogloss.translation.decoding import length_divisor
from isogloss.translation.engines._sequences import Candidate
from isogloss.translation.translator import Decoding

Ended = tuple[int, list[int], float, list[float]]  # row of the source, tokens, log-probability, attention


class Words(NamedTuple):
    """Ids that are no pieces: where a translation begins and ends, what fills rows up, what is never written."""

    start: int
    end: int
    pad: int
    never: tuple[int, ...]

    def padded(self, rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
        """The rows as a tensor (B, L), filled up on the right, and the mask of what is theirs."""
        length = max(map(len, rows), default=0)
        ids = torch.full((len(rows), length), self.pad)
        mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[i, : len(row)] = True
        return ids.to(device), mask.to(device)

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Of every piece, in nats; what is never written has none, and the others share it."""
        never = torch.tensor(self.never, dtype=torch.long, device=logits.device)
        return logits.index_fill(-1, never, -math.inf).log_softmax(-1)


@dataclass(frozen=True, slots=True)
class Beams:
    """The sources that are not done, K hypotheses each."""

    numbers: list[int]  # (B,), which sources
    memory: Memory  # of B * K rows
    state: Tensor | None  # (N, 2, B * K, H)
    scores: Tensor  # (B, K), log-probabilities; minus infinity where there is no hypothesis
    written: Tensor  # (B, K, tokens), the start among them
    attended: Tensor  # (B, K, S), the attention that each source token was given

    def chosen(self, rows: list[int]) -> "Beams":
        """Those of some sources."""
        index = torch.tensor(rows, dtype=torch.long, device=self.scores.device)
        flat = torch.arange(self.scores.numel(), device=index.device).view(self.scores.shape)[index].flatten()
        return Beams(
            numbers=[self.numbers[row] for row in rows],
            memory=self.memory.chosen(flat),
            state=None if self.state is None else self.state[:, :, flat],
            scores=self.scores[index],
            written=self.written[index],
            attended=self.attended[index],
        )


@torch.inference_mode()
def beam_search(
    network: LSTMTranslator,
    sources: Sequence[Sequence[int]],
    most: Sequence[int],
    words: Words,
    decoding: Decoding,
    margin: float = math.inf,
) -> list[list[Candidate]]:
    """For each source the candidates that ended within its `most` tokens."""
    beams = _begun(network, sources, words, decoding.beam)
    found: list[list[Candidate]] = [[] for _ in sources]
    for step in range(1, max(most, default=0) + 1):
        beams, ended = _extended(network, beams, words, margin)
        for row, ids, score, attention in ended:
            number = beams.numbers[row]
            found[number].append(Candidate(ids, True, score, attention[: len(sources[number])]))
        if margin < math.inf:
            beams = _pruned(beams, found, step, decoding, margin)
        alive = beams.scores.isfinite().any(1).tolist()
        going = [
            row
            for row, number in enumerate(beams.numbers)
            if alive[row] and len(found[number]) < decoding.beam and step < most[number]
        ]
        if not going:
            break
        if len(going) < len(beams.numbers):
            beams = beams.chosen(going)
    return found


def _begun(network: LSTMTranslator, sources: Sequence[Sequence[int]], words: Words, beam: int) -> Beams:
    """One empty hypothesis for each source, and room for others."""
    device = network.words.weight.device
    ids, mask = words.padded(sources, device)
    count, length = ids.shape
    scores = torch.full((count, beam), -math.inf, device=device)
    scores[:, 0] = 0
    return Beams(
        numbers=list(range(count)),
        memory=network.encode(ids, mask).chosen(torch.arange(count, device=device).repeat_interleave(beam)),
        state=None,
        scores=scores,
        written=torch.full((count, beam, 1), words.start, device=device),
        attended=torch.zeros(count, beam, length, device=device),
    )


def _extended(network: LSTMTranslator, beams: Beams, words: Words, margin: float) -> tuple[Beams, Iterator[Ended]]:
    """The beams one token on, and what ended."""
    count, beam = beams.scores.shape
    outputs, weights, state = network.decode(beams.written[:, :, -1].reshape(-1, 1), beams.memory, beams.state)
    steps = words.log_probabilities(network.logits(outputs[:, 0])).view(count, beam, -1)
    if margin < math.inf:
        steps = steps.masked_fill(steps < steps.amax(-1, keepdim=True) - margin, -math.inf)
    attended = beams.attended + weights.view(count, beam, -1)
    best = (beams.scores[..., None] + steps).flatten(1).topk(2 * beam)  # each of K can end once, so K go on
    parents, tokens = best.indices // steps.shape[-1], best.indices % steps.shape[-1]
    rows = torch.arange(count, device=tokens.device)[:, None]
    over = tokens == words.end
    at = (over & best.values.isfinite())[:, :beam].nonzero(as_tuple=True)
    of = (at[0], parents[at])
    written = torch.cat([beams.written[of][:, 1:], tokens[at][:, None]], -1)
    ended = zip(at[0].tolist(), written.tolist(), best.values[at].tolist(), attended[of].tolist(), strict=True)
    kept = over.int().sort(stable=True).indices[:, :beam]  # what did not end comes to the front, the best first
    parents, tokens = parents.gather(1, kept), tokens.gather(1, kept)
    extended = replace(
        beams,
        state=state[:, :, (rows * beam + parents).flatten()],
        scores=best.values.gather(1, kept),
        written=torch.cat([beams.written[rows, parents], tokens[..., None]], -1),
        attended=attended[rows, parents],
    )
    return extended, ended


def _pruned(beams: Beams, found: Sequence[Sequence[Candidate]], step: int, decoding: Decoding, margin: float) -> Beams:
    """The beams without hypotheses that are too far behind the best candidate of their source."""
    best = [
        max((c.log_probability / length_divisor(len(c.ids), decoding) for c in found[number]), default=-math.inf)
        for number in beams.numbers
    ]
    behind = torch.tensor(best, device=beams.scores.device)[:, None] - margin
    normalised = beams.scores / length_divisor(step, decoding)
    return replace(beams, scores=beams.scores.masked_fill(normalised < behind, -math.inf))
