"""GNMT's second stage: translations are drawn, and those with more GLEU than their siblings are made likelier.

Likelihood asks for one translation word by word; what is to be good is a whole one, written on the network's own words.
The gradient of the expected GLEU is that of log P(Y|X), weighed by how much more than the others a drawn Y got
(REINFORCE). It begins from a network that likelihood has trained, and keeps a little of that, else it forgets to write.

Letters: B sources, K translations drawn of each, T tokens, R rows.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isogloss.losses import IGNORED
from isogloss.metrics.translation import sentence_gleu
from isogloss.translation._gnmt_network import LSTMTranslator, Memory
from isogloss.translation._gnmt_search import Words

ROOM = 10  # tokens that a drawn translation may have more than the longest target of its batch; there it is cut off


def rewarded_loss(
    network: LSTMTranslator, batch: Mapping[str, Any], words: Words, samples: int, likelihood: float
) -> Tensor:
    """Minus the expected GLEU of a translation, plus `likelihood` times the nats of the target, mean over B sources.

    GLEU, 0 to 1, is that of pieces, the end left out.
    """
    memory = network.encode(batch["input_ids"], batch["attention_mask"])
    targets = batch["labels"].masked_fill(batch["labels"] == IGNORED, words.pad)
    several = torch.arange(len(targets), device=targets.device).repeat_interleave(samples)  # (B * K,), source by source
    made = drawn(network, memory.chosen(several), words, targets.shape[1] + ROOM)
    references = pieces_of(targets, words)
    gleu = [sentence_gleu(ids, references[i // samples]) for i, ids in enumerate(pieces_of(made, words))]
    rewards = torch.tensor(gleu, device=targets.device).view(-1, samples)
    said = log_probabilities(network, memory.chosen(several), made, words).view(-1, samples)
    nats = -log_probabilities(network, memory, targets, words).mean()
    return reinforced(rewards, said) + likelihood * nats


def reinforced(rewards: Tensor, log_probabilities: Tensor) -> Tensor:
    """Minus the mean reward of drawn translations; its gradient is on average that of the expected reward.

    Both (B, K). The reward of each is compared with the mean of its siblings, which changes nothing on average and
    spares the gradient most of its noise; that mean with the translation itself in it, times K / (K - 1), is the same.
    """
    better = rewards - rewards.mean(1, keepdim=True)
    gradient = -(better * log_probabilities).sum(1).mean() / (rewards.shape[1] - 1)
    return gradient - gradient.detach() - rewards.mean()


@torch.no_grad()
def drawn(network: LSTMTranslator, memory: Memory, words: Words, most: int) -> Tensor:
    """One random translation for each row of the memory, (R, T), the end included, padded; cut off at `most` tokens."""
    rows = len(memory.states)
    before = torch.full((rows, 1), words.start, device=memory.states.device)
    over, state, written = torch.zeros_like(before, dtype=torch.bool), None, []
    for _ in range(most):
        outputs, _, state = network.decode(before, memory, state)
        shares = words.log_probabilities(network.logits(outputs[:, 0])).exp()
        before = torch.multinomial(shares, 1).masked_fill(over, words.pad)
        written.append(before)
        over = over | (before == words.end)
        if over.all():
            break
    return torch.cat(written, 1)


def log_probabilities(network: LSTMTranslator, memory: Memory, tokens: Tensor, words: Words) -> Tensor:
    """Of every row's tokens (R, T), padded on the right, the sum in nats, (R,)."""
    there = tokens != words.pad
    outputs = network.decode(F.pad(tokens, (1, -1), value=words.start), memory)[0]
    steps = words.log_probabilities(network.logits(outputs[there]))  # padding would be most of the work
    own = steps.gather(-1, tokens[there][:, None])[:, 0]
    return torch.zeros_like(outputs[:, 0, 0]).index_add(0, there.nonzero()[:, 0], own)


def pieces_of(tokens: Tensor, words: Words) -> list[list[int]]:
    """The pieces of each row, without its end and what follows it."""
    return [[token for token in row if token not in (words.end, words.pad)] for row in tokens.tolist()]
