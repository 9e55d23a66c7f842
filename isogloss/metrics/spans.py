"""Metrics of tagging: token accuracy, and F1 over labelled spans in two readings of BIO tags.

The readings differ only where an I- tag continues nothing. Strict IOB2 ignores it: a span must begin with B-.
The lenient reading, the CoNLL scorer's, lets it open a span. Published figures use either, so both are here.
"""

from collections.abc import Callable, Sequence

import numpy as np

from isogloss.errors import UserError
from isogloss.metrics import Metric
from isogloss.metrics.ratios import f1_percent, ratio_percent
from isogloss.records import Span, TaggedSentence, TagsPrediction, tags_to_spans


def strict_spans(tags: Sequence[str]) -> list[Span]:
    """Spans over word numbers that begin with B-, as strict IOB2 reads the tags."""
    kept: list[str] = []
    for tag in tags:
        continues = tag[:2] == "I-" and bool(kept) and kept[-1][2:] == tag[2:]
        kept.append(tag if tag[:2] == "B-" or continues else "O")
    return lenient_spans(kept)


def lenient_spans(tags: Sequence[str]) -> list[Span]:
    """Spans over word numbers as the CoNLL scorer reads the tags: an I- after nothing opens a span."""
    return tags_to_spans([(i, i + 1) for i in range(len(tags))], tags)


def span_counts(
    gold: Sequence[TaggedSentence],
    predictions: Sequence[TagsPrediction],
    spans: Callable[[Sequence[str]], list[Span]],
) -> np.ndarray:
    """True positives, false positives, false negatives of each item, (items, 3); both ends and label must
    agree.

    Raises:
        UserError: a gold record has no tags, or a prediction has another number of tags.
    """
    counts = np.zeros((len(gold), 3))
    for row, (truth, guess) in zip(counts, paired_tags(gold, predictions), strict=True):
        found, wanted = set(spans(guess)), set(spans(truth))
        row[:] = len(found & wanted), len(found - wanted), len(wanted - found)
    return counts


def strict_span_counts(
    gold: Sequence[TaggedSentence], predictions: Sequence[TagsPrediction], labels: Sequence[str]
) -> np.ndarray:
    """`span_counts` of strict IOB2 spans, (items, 3)."""
    return span_counts(gold, predictions, strict_spans)


def lenient_span_counts(
    gold: Sequence[TaggedSentence], predictions: Sequence[TagsPrediction], labels: Sequence[str]
) -> np.ndarray:
    """`span_counts` of the CoNLL scorer's spans, (items, 3)."""
    return span_counts(gold, predictions, lenient_spans)


def token_counts(
    gold: Sequence[TaggedSentence], predictions: Sequence[TagsPrediction], labels: Sequence[str]
) -> np.ndarray:
    """Rightly tagged words and words of each item, (items, 2).

    Raises:
        UserError: a gold record has no tags, or a prediction has another number of tags.
    """
    rows = [
        [sum(a == b for a, b in zip(truth, guess, strict=True)), len(truth)]
        for truth, guess in paired_tags(gold, predictions)
    ]
    return np.array(rows, float).reshape(-1, 2)


def paired_tags(
    gold: Sequence[TaggedSentence], predictions: Sequence[TagsPrediction]
) -> list[tuple[Sequence[str], Sequence[str]]]:
    """Gold and predicted tags of each item.

    Raises:
        UserError: a gold record has no tags, or a prediction has another number of tags.
    """
    pairs = []
    for record, guess in zip(gold, predictions, strict=True):
        where = f"record {record.id!r} ({record.language})"
        if record.tags is None:
            raise UserError(f"{where} has no tags; score a labelled split")
        if len(record.tags) != len(guess.tags):
            raise UserError(
                f"{where} has {len(record.tags)} tags and its prediction {len(guess.tags)}; "
                "predict the same words again"
            )
        pairs.append((record.tags, guess.tags))
    return pairs


TOKEN_ACCURACY = Metric(
    name="token_accuracy", signature="token_accuracy|unit:word", counts=token_counts, value=ratio_percent
)
SPAN_F1 = Metric(
    name="span_F1",
    signature="span_F1|average:micro|scheme:IOB2|mode:strict",
    counts=strict_span_counts,
    value=f1_percent,
)
SPAN_F1_LENIENT = Metric(
    name="span_F1_lenient",
    signature="span_F1|average:micro|scheme:IOB2|mode:conlleval",
    counts=lenient_span_counts,
    value=f1_percent,
)
