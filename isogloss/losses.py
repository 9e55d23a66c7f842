"""Losses: 5 to 25 lines each, in nats, with direction and reduction stated.

Letters: B examples, S tokens of a side, C classes, D documents. Labels of -100 do not count; a batch without any label
costs 0. Losses of rankings are one for each query, (B,): who trains gives every query its weight (`weighted_mean`).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100
HIDDEN = -1e9  # instead of -inf: a row without a real position, or 0 * (-inf + inf), would make gradients NaN


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over all labels that count; logits (..., C), labels (...)."""
    logits, labels = logits.flatten(0, -2).float(), labels.flatten()
    counted = (labels != IGNORED).sum().clamp(min=1)
    return F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum") / counted


def span_cross_entropy(logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
    """Half the cross-entropy of the start plus half that of the end, each over the real positions of its own example.

    logits (B, S, 2), labels (B, 2) positions, attention_mask (B, S). Mean over examples. The released FILTER code
    lets padding into the softmax; here a longer batch changes nothing.
    """
    scores = logits.float().masked_fill(~attention_mask.bool()[..., None], HIDDEN).transpose(1, 2)  # (B, 2, S)
    return (cross_entropy(scores[:, 0], labels[:, 0]) + cross_entropy(scores[:, 1], labels[:, 1])) / 2


def kl_divergence(student: Tensor, teacher: Tensor, temperature: float, real: Tensor | None = None) -> Tensor:
    """KL(teacher || student) times temperature squared, mean over distributions; both logits (..., C).

    real: (...) true where a distribution counts. `batchmean`, never the element mean, which would also divide by C.
    """
    student = F.log_softmax(student.float() / temperature, -1)
    teacher = F.log_softmax(teacher.float() / temperature, -1)
    each = (teacher.exp() * (teacher - student)).sum(-1)
    real = torch.ones_like(each) if real is None else real.to(each.dtype)
    return (each * real).sum() / real.sum().clamp(min=1) * temperature**2


def span_kl_divergence(student: Tensor, teacher: Tensor, temperature: float, attention_mask: Tensor) -> Tensor:
    """Mean of the start's and the end's KL(teacher || student), softmax over each example's real positions.

    Logits (B, S, 2), attention_mask (B, S). Examples without any real position (no teacher) do not count.
    """
    padding = ~attention_mask.bool()[..., None]
    student = student.float().masked_fill(padding, HIDDEN).transpose(1, 2)  # (B, 2, S)
    teacher = teacher.float().masked_fill(padding, HIDDEN).transpose(1, 2)
    return kl_divergence(student, teacher, temperature, attention_mask.bool().any(-1, keepdim=True).expand(-1, 2))


def ranking_cross_entropy(scores: Tensor, positives: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Cross-entropy of each query's relevant document among its documents, (B,).

    scores (B, D), positives (B,) columns. hidden: (B, D), true where a document is no negative of the query: padding,
    or relevant too. The positive itself is never hidden.
    """
    scores = scores.float()
    if hidden is not None:
        own = F.one_hot(positives, scores.shape[1]).bool()
        scores = scores.masked_fill(hidden & ~own, HIDDEN)
    return F.cross_entropy(scores, positives, reduction="none")


def relevance_cross_entropy(scores: Tensor, relevant: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of "relevant or not", mean over each query's documents that are not hidden, (B,).

    scores, relevant, hidden: (B, D).
    """
    each = F.binary_cross_entropy_with_logits(scores.float(), relevant.float(), reduction="none")
    shown = torch.ones_like(each) if hidden is None else (~hidden).to(each.dtype)
    return (each * shown).sum(-1) / shown.sum(-1).clamp(min=1)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """The mean of losses (B,), each counted so many times; 0 where nothing counts."""
    weights = weights.to(losses.dtype)
    return (losses * weights).sum() / weights.sum().clamp(min=torch.finfo(losses.dtype).tiny)
