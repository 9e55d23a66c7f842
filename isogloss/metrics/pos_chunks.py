"""F1 and precision of parts of speech: chunks that seqeval makes of tags without prefixes. It is not token accuracy.

XTREME (Hu et al. 2020, arXiv 2003.11080) scores part-of-speech tags with seqeval as if they were BIO tags, by F1.
The script of XGLUE (Liang et al. 2020, arXiv 2004.01401) does too, by precision, where the paper says accuracy. The
first letter of a tag is taken for its prefix: runs of equal tags become one chunk, but every SYM and SCONJ ("S",
single) is a chunk of its own. The two versions that published figures were made with cut the type differently: 0.0.12
keeps the whole tag; from 1.2 on the first letter is gone, and X, of which nothing is left, is taken for O. Sentences
are read as one sequence with an O after each, so a wrong start at a sentence's beginning can lie in the one before.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from isogloss.metrics import Metric
from isogloss.metrics.ratios import f1_percent, precision_percent
from isogloss.metrics.spans import paired_tags
from isogloss.records import TaggedSentence, TagsPrediction

Chunk = tuple[str, int, int]  # type, first and last position


def whole_type(tag: str) -> str:
    """The chunk type of seqeval 0.0.12."""
    return tag.split("-")[-1]


def cut_type(tag: str) -> str:
    """The chunk type of seqeval 1.2."""
    return tag[1:].split("-", maxsplit=1)[-1] or "_"


def chunks(tags: Sequence[str], type_of: Callable[[str], str]) -> list[Chunk]:
    """The chunks of a sequence of tags."""
    found, start = [], 0
    before, type_before = "O", ""
    for position, tag in enumerate([*tags, "O"]):
        letter, type_ = tag[0], type_of(tag)
        differs = type_ != type_before
        if before in "ES" or (before in "BI" and letter in "BSO") or (before not in "O." and differs):
            found.append((type_before, start, position - 1))
        if letter in "BS" or (before in "ESO" and letter in "EI") or (letter not in "O." and differs):
            start = position
        before, type_before = letter, type_
    return found


def chunk_counts(
    gold: Sequence[TaggedSentence],
    predictions: Sequence[TagsPrediction],
    labels: Sequence[str],
    *,
    type_of: Callable[[str], str],
) -> np.ndarray:
    """True positives, false positives, false negatives of each item, (items, 3); a chunk is its last sentence's.

    Raises:
        UserError: a gold record has no tags, or a prediction has another number of tags.
    """
    counts = np.zeros((len(gold), 3))
    pairs = paired_tags(gold, predictions)
    for tag in dict.fromkeys(record.language for record in gold):
        items = [i for i, record in enumerate(gold) if record.language == tag]
        owner = [i for i in items for _ in (*pairs[i][0], "O")]
        wanted, found = (
            set(chunks([word for i in items for word in (*pairs[i][side], "O")], type_of)) for side in (0, 1)
        )
        for column, group in enumerate((found & wanted, found - wanted, wanted - found)):
            np.add.at(counts, ([owner[last] for _, _, last in group], column), 1)
    return counts


UPOS_F1 = Metric(
    name="upos_F1",
    signature="upos_F1|average:micro|chunks:seqeval 1.2, first letter as prefix",
    counts=partial(chunk_counts, type_of=cut_type),
    value=f1_percent,
)
UPOS_F1_2020 = Metric(
    name="upos_F1_2020",
    signature="upos_F1|average:micro|chunks:seqeval 0.0.12, first letter as prefix",
    counts=partial(chunk_counts, type_of=whole_type),
    value=f1_percent,
)
UPOS_PRECISION = Metric(
    name="upos_precision",
    signature="upos_precision|average:micro|chunks:seqeval 1.2, first letter as prefix",
    counts=partial(chunk_counts, type_of=cut_type),
    value=precision_percent,
)
UPOS_PRECISION_2020 = Metric(
    name="upos_precision_2020",
    signature="upos_precision|average:micro|chunks:seqeval 0.0.12, first letter as prefix",
    counts=partial(chunk_counts, type_of=whole_type),
    value=precision_percent,
)
