"""Translations found by an encoder as it is: the nearest sentence of the other language, or pairs mined by margin.

Artetxe and Schwenk 2019, "Margin-based Parallel Corpus Mining with Multilingual Sentence Embeddings", arXiv 1811.01136,
in the protocol of XTREME, Hu et al. 2020, arXiv 2003.11080. A sentence, read alone, becomes the unit vector of one
layer's states. In a bitext each side looks for its nearest neighbour. Comparable corpora are mined: a pair's score is
its cosine over the mean cosine of both sentences with their nearest neighbours, so that a sentence close to everything
is close to nothing; best pairs first, each sentence once, down to a score that is tuned on dev.

Letters: Q queries, D documents (sentences of either language), k neighbours, B texts, L tokens, H hidden size.

As in XTREME's code only the k nearest by cosine are scored by margin, equal texts of a side are one sentence while
mining, and pairs with a text that occurs twice are left out of the answer though their gold pairs still count. Where
we differ: of equal scores the earlier sentence wins, and the threshold never falls between pairs of equal score, so
that its F1 is that of the pairs kept; a mean cosine below zero counts as zero; fewer than k sentences are all
neighbours.

The margin is what `retrieval/dbnorm.py` calls csls, as a ratio in the place of a difference, and with the sentences
that are answered themselves as its banks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import PositiveInt
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from isogloss.encoders.sentence_vectors import Encode, sentence_vectors
from isogloss.errors import UserError
from isogloss.methods import Answers
from isogloss.processes import divided
from isogloss.records import Bitext, ComparableSentence, MinedPrediction, NearestPrediction
from isogloss.retrieval.nearest import Neighbours, nearest_neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a sentence's vector is and how two are compared.

    The last layer is the default because every encoder has one. It is seldom the best: XTREME takes 14 (Tatoeba) and 8
    (BUCC) of XLM-R large's 24.
    """

    layer: int = -1  # whose states: 1 = the first, 0 = the embeddings, -1 = the last, -2 = the one before it
    pooling: Literal["mean", "first"] = "mean"  # mean over all real tokens, special ones too; or the first one's state
    scoring: Literal["cosine", "margin"] = "cosine"  # margin = the cosine over the mean cosine of the neighbours
    neighbours: PositiveInt = 4  # k, nearest sentences of each that the margin looks at
    batch_size: PositiveInt = 64  # sentences encoded at a time


class Matches(NamedTuple):
    """The best document of each query."""

    places: np.ndarray  # (Q,), numbers of documents
    scores: np.ndarray  # (Q,)


Pair = tuple[int, int, float]  # source, target, score


class Method:
    """Answer tasks of bitext with an encoder that nobody trained for them."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def answer(
        self,
        encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        records: Sequence[Any],
        dev: Sequence[Any] = (),
    ) -> Answers:
        """A prediction for each record of one language: bitexts, or sentences of comparable corpora.

        For these also the threshold, which is found on `dev`.

        Raises:
            UserError: the encoder lacks the layer; comparable corpora without dev.
        """
        settings = self.settings
        encode = partial(
            sentence_vectors,
            encoder,
            tokenizer,
            layer=settings.layer,
            pooling=settings.pooling,
            batch_size=settings.batch_size,
            spread=divided,
        )
        answer = self._mined if isinstance(records[0], ComparableSentence) else self._nearest
        return answer(encode, records, dev)

    def _nearest(self, encode: Encode, records: Sequence[Bitext], dev: Sequence[Any]) -> Answers:
        vectors = encode([record.text for record in records] + [record.translation for record in records])
        texts, translations = self._matches(vectors[: len(records)], vectors[len(records) :])
        predictions = [
            NearestPrediction(record.id, record.language, label=records[label].id, reverse=records[reverse].id)
            for record, label, reverse in zip(records, translations.places, texts.places, strict=True)
        ]
        return Answers(predictions)

    def _mined(
        self, encode: Encode, records: Sequence[ComparableSentence], dev: Sequence[ComparableSentence]
    ) -> Answers:
        if not dev:
            raise UserError("mining needs a dev split to tune its threshold on, and there is none")
        tuned = self._pairs(encode, dev)
        found = tuned if dev is records else self._pairs(encode, records)
        gold = {(record.id, translation) for record in dev for translation in record.translations}
        right = [(name, translation) in gold for name, (translation, _) in tuned.items()]
        threshold = best_threshold([score for _, score in tuned.values()], right, len(gold))
        kept = {name: translation for name, (translation, score) in found.items() if score >= threshold}
        predictions = [MinedPrediction(record.id, record.language, kept.get(record.id)) for record in records]
        return Answers(predictions, {"threshold": round(threshold, 6)})

    def _pairs(self, encode: Encode, records: Sequence[ComparableSentence]) -> dict[str, tuple[str, float]]:
        """The translation's id and the score of each mined sentence by its id; texts that repeat are left out."""
        sources, targets = ids_by_text(records), ids_by_text(records[0].corpus)
        pairs = mine(*self._matches(encode(list(sources)), encode(list(targets))))
        source_ids, target_ids = list(sources.values()), list(targets.values())
        return {
            source_ids[s][0]: (target_ids[t][0], score)
            for s, t, score in pairs
            if len(source_ids[s]) == len(target_ids[t]) == 1
        }

    def _matches(self, sources: np.ndarray, targets: np.ndarray) -> tuple[Matches, Matches]:
        """The best target of each source, and the best source of each target; unit vectors (Q, H) and (D, H)."""
        forward = nearest_neighbours(sources, targets, self.settings.neighbours)
        backward = nearest_neighbours(targets, sources, self.settings.neighbours)
        score = SCORINGS[self.settings.scoring]
        return best_matches(forward, backward, score), best_matches(backward, forward, score)


def cosine(cosines: np.ndarray, own_mean: np.ndarray, their_means: np.ndarray) -> np.ndarray:
    """The cosines themselves, (Q, k)."""
    return cosines


def ratio_margin(cosines: np.ndarray, own_mean: np.ndarray, their_means: np.ndarray) -> np.ndarray:
    """Cosines (Q, k) over the mean of both sides' mean cosines with their neighbours, (Q, 1) and (Q, k)."""
    return cosines / np.maximum((own_mean + their_means) / 2, 1e-6)


SCORINGS = {"cosine": cosine, "margin": ratio_margin}


def best_matches(queries: Neighbours, documents: Neighbours, score: Callable[..., np.ndarray]) -> Matches:
    """The best-scored neighbour of each query; `documents` are the documents' own neighbours among the queries."""
    own_mean, their_mean = queries.cosines.mean(1, keepdims=True), documents.cosines.mean(1)
    scores = score(queries.cosines, own_mean, their_mean[queries.places])
    rows, best = np.arange(len(scores)), scores.argmax(1)
    return Matches(queries.places[rows, best], scores[rows, best])


def mine(forward: Matches, backward: Matches) -> list[Pair]:
    """Pairs of every source's and every target's best match, best first, each sentence in one pair at most."""
    candidates = [(s, int(t), float(score)) for s, (t, score) in enumerate(zip(*forward, strict=True))]
    candidates += [(int(s), t, float(score)) for t, (s, score) in enumerate(zip(*backward, strict=True))]
    pairs, sources, targets = [], set(), set()
    for source, target, score in sorted(candidates, key=lambda pair: -pair[2]):
        if source not in sources and target not in targets:
            pairs.append((source, target, score))
            sources.add(source)
            targets.add(target)
    return pairs


def best_threshold(scores: Sequence[float], right: Sequence[bool], gold: int) -> float:
    """The lowest score to keep for the highest F1 against `gold` pairs: halfway to the next score below it.

    With nothing right the highest score, 0 if there are no pairs at all.
    """
    order = np.argsort(-np.array(scores, float), kind="stable")
    ordered, correct = np.array(scores, float)[order], np.cumsum(np.array(right, float)[order])
    f1 = 2 * correct / (np.arange(1, len(order) + 1) + gold)
    ends = [i for i in range(len(order)) if i + 1 == len(order) or ordered[i] > ordered[i + 1]]  # equals stay together
    if not ends:
        return 0.0
    best = max(ends, key=lambda i: f1[i])
    return float(ordered[best : best + 2].mean())


def ids_by_text(sentences: Sequence[Any]) -> dict[str, list[str]]:
    """The ids of the sentences by text, in the order of first appearance."""
    found: dict[str, list[str]] = {}
    for sentence in sentences:
        found.setdefault(sentence.text, []).append(sentence.id)
    return found
