"""Which tokens of a text translate which tokens of its English side, learned from parallel text alone.

IBM model 1 (Brown et al. 1993, aclanthology J93-2003) in both directions, with the preference for the diagonal of
Dyer et al. 2013 (aclanthology N13-1073). A link counts as far as both directions believe in it.

Letters: N candidate links, that is all token pairs of all sentence pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

DIAGONAL = 4.0  # a link's prior is exp(-DIAGONAL * distance of the two relative positions)
ITERATIONS = 5
LEAST = 0.1  # product of both probabilities from which a link is believed


@dataclass(frozen=True)
class Links:
    """Links between tokens, one entry per link in every array (N,).

    pair: index of the sentence pair. text_position, english_position: from 0. text_token, english_token: ids.
    probability: product of the probabilities the two directions give the link.
    """

    pair: Integers
    text_position: Integers
    english_position: Integers
    text_token: Integers
    english_token: Integers
    probability: Floats

    def where(self, kept: NDArray[np.bool_]) -> "Links":
        """The links at which `kept` (N,) is true."""
        return Links(
            self.pair[kept],
            self.text_position[kept],
            self.english_position[kept],
            self.text_token[kept],
            self.english_token[kept],
            self.probability[kept],
        )


def align(texts: Sequence[Integers], english: Sequence[Integers]) -> tuple[Links, Links]:
    """All candidate links of the pairs with their probabilities, and those both directions like best.

    texts, english: token ids of the two sides, none empty.
    """
    every = _candidates(texts, english)
    text_starts = np.cumsum([0, *map(len, texts)])
    english_starts = np.cumsum([0, *map(len, english)])
    at_text = text_starts[every.pair] + every.text_position
    at_english = english_starts[every.pair] + every.english_position
    forward = _model_1(every.text_token, every.english_token, at_text, every.probability)
    backward = _model_1(every.english_token, every.text_token, at_english, every.probability)
    both = _is_best(forward, at_text) & _is_best(backward, at_english) & (forward * backward > LEAST)
    scored = Links(
        every.pair,
        every.text_position,
        every.english_position,
        every.text_token,
        every.english_token,
        forward * backward,
    )
    return scored, scored.where(both)


def _candidates(texts: Sequence[Integers], english: Sequence[Integers]) -> Links:
    """All token pairs of all sentence pairs; the probability is the diagonal prior."""
    if not texts:
        none, nothing = np.zeros(0, np.int64), np.zeros(0)
        return Links(none, none, none, none, none, nothing)
    rows: list[list[np.ndarray]] = [[], [], [], [], [], []]
    for index, (a, b) in enumerate(zip(texts, english, strict=True)):
        i, j = np.divmod(np.arange(len(a) * len(b)), len(b))
        prior = np.exp(-DIAGONAL * np.abs(i / len(a) - j / len(b)))
        for row, values in zip(rows, (np.full(len(i), index), i, j, a[i], b[j], prior), strict=True):
            row.append(values)
    return Links(*(np.concatenate(row) for row in rows))


def _model_1(child: Integers, parent: Integers, position: Integers, prior: Floats) -> Floats:
    """Probability (N,) that the child token at `position` comes from the parent token, among all of its candidates."""
    if not len(child):
        return np.zeros(0)
    width = int(parent.max()) + 1
    kinds, kind = np.unique(child * width + parent, return_inverse=True)
    parents = kinds % width
    table = np.ones(len(kinds))
    positions = int(position.max()) + 1
    link = prior
    for _ in range(ITERATIONS + 1):
        link = table[kind] * prior
        link = link / np.bincount(position, link, positions)[position]
        counts = np.bincount(kind, link, len(kinds))
        table = counts / np.bincount(parents, counts, width)[parents]
    return link


def _is_best(score: Floats, position: Integers) -> NDArray[np.bool_]:
    """Whether a link has the highest score of all links at its position."""
    best = np.zeros(int(position.max(initial=-1)) + 1)
    np.maximum.at(best, position, score)
    return score >= best[position]
