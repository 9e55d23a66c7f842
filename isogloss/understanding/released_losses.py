"""The losses of the released FILTER code, defects included, so that its numbers can be reproduced.

Fang et al. 2020, arXiv 2009.05166. `isogloss.understanding.filter` says what its own losses do instead; nothing but
`released_losses=True` leads here. Letters: B pairs, S target tokens, C classes, n real target tokens of a batch.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isogloss import losses
from isogloss.data.collation import Batch, model_inputs
from isogloss.encoders.models import (
    EncoderForSequenceClassification,
    EncoderForTokenClassification,
    EncoderWithHead,
)


def released_loss(
    network: EncoderWithHead, batch: Batch, *, alpha: float, temperature: float, first_loss_only: bool = False
) -> Tensor:
    """The released code's loss of a batch of pairs (section 6 of the specification), for the network's kind of head.

    `first_loss_only` drops the "English" term of classification and answers.
    """
    inputs = {name: value for name, value in model_inputs(batch).items() if not name.endswith("labels")}
    output = network(**inputs, padded=True)
    teacher = batch.get("teacher_logits") if alpha else None
    if isinstance(network, EncoderForSequenceClassification):
        return _classification(network, output, batch, teacher, alpha, temperature, first_loss_only)
    if isinstance(network, EncoderForTokenClassification):
        return _tagging(output, batch, teacher, alpha, temperature)
    return _answers(output, batch, teacher, alpha, temperature, first_loss_only)


def _classification(
    network: Any, output: Any, batch: Batch, teacher: Tensor | None, alpha: float, tau: float, first_only: bool
) -> Tensor:
    target = F.cross_entropy(output.logits, batch["labels"])
    if teacher is not None:
        soft, given = F.log_softmax(output.logits / tau, -1), F.softmax(teacher / tau, -1)
        # the default reduction: mean over B x C
        target = (1 - alpha) * target + alpha * tau**2 * (torch.xlogy(given, given) - given * soft).mean()
    if first_only:
        return target
    # position 1 of the joined sequence: the second token of the target side, taken for the English one
    second = network.output(output.side_states[0][:, 1])
    return target + F.cross_entropy(second, batch["labels"])


def _tagging(output: Any, batch: Batch, teacher: Tensor | None, alpha: float, tau: float) -> Tensor:
    english = losses.cross_entropy(output.side_logits[1], batch["translation_labels"][0])
    if teacher is None:
        return english
    target = losses.cross_entropy(output.logits, batch["labels"])
    soft = losses.kl_divergence(output.logits, teacher, tau, batch["attention_mask"])
    return (1 - alpha) * target + alpha * soft + english


def _answers(output: Any, batch: Batch, teacher: Tensor | None, alpha: float, tau: float, first_only: bool) -> Tensor:
    # padding takes part in the softmax: every position counts as real
    everything, *others = (torch.ones_like(x[..., 0]) for x in output.side_logits)
    target = losses.span_cross_entropy(output.logits, batch["labels"], everything)
    if teacher is not None:
        real = batch["attention_mask"].bool()
        # all real positions of the batch make one distribution, and its length divides the result
        soft = F.log_softmax(output.logits[real] / tau, 0)  # (n, 2)
        given = F.softmax(teacher[real] / tau, 0)
        divergence = (torch.xlogy(given, given) - given * soft).sum() / len(soft) * tau**2
        target = (1 - alpha) * target + alpha * divergence / 2
    if first_only:
        return target
    return target + losses.span_cross_entropy(output.side_logits[1], batch["translation_labels"][0], others[0])
