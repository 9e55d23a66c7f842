"""Similarity alignment: words of two texts that are each other's nearest neighbours in an encoder's middle layer.

Jalili Sabet, Dufter, Yvon, Schuetze 2020, "SimAlign: High Quality Word Alignments Without Parallel Training Data Using
Static and Contextualized Embeddings", arXiv 2004.08728, method "Argmax" (section 3.1). Labelled words of a source text
lend their tags to the words they are aligned with; a span or an answer becomes the stretch from its first to
its last aligned word. Where we differ: a word's vector is the mean of its tokens, so alignment is between words.

Letters: S source words, T target words, H hidden size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from isogloss.encoders import max_tokens
from isogloss.prediction import Reader
from isogloss.records import (
    AnswerPrediction,
    Offsets,
    Prediction,
    Question,
    Record,
    Span,
    TaggedSentence,
    TagsPrediction,
    spans_to_tags,
    split_words,
)

Pairs = set[tuple[int, int]]
Words = tuple[str, Sequence[Offsets]]  # a text and where its words lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which states are compared."""

    depth: float = 0.67  # share of the encoder's layers below the states; the paper's best is layer 8 of 12
    batch_size: int = 64  # texts encoded at a time


class Method:
    """Carry predictions about a source text over to the target text, by aligned words."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def project(
        self, reader: Reader, sources: Sequence[Record], answers: Sequence[Prediction], targets: Sequence[Record]
    ) -> Sequence[Prediction]:
        """For each answer about a source the same about its target."""
        similarities = self._similarities(reader, [text_of(r) for r in sources], [text_of(r) for r in targets])
        return [
            project_tags(answer, target, matrix)
            if isinstance(answer, TagsPrediction) and isinstance(target, TaggedSentence)
            else project_answer(answer, source, target, matrix)  # pyright: ignore[reportArgumentType]
            for source, answer, target, matrix in zip(sources, answers, targets, similarities, strict=True)
        ]

    def _similarities(self, reader: Reader, sources: Sequence[Words], targets: Sequence[Words]) -> list[np.ndarray]:
        """Cosine similarities of all words of each pair of texts, each (S, T)."""
        texts = dict.fromkeys((text, tuple(words)) for text, words in (*sources, *targets))
        vectors = word_vectors(reader, list(texts), self.settings.depth, self.settings.batch_size)
        found = dict(zip(texts, vectors, strict=True))  # one English text often serves many languages
        pairs = [[found[text, tuple(words)] for text, words in pair] for pair in zip(sources, targets, strict=True)]
        return [a @ b.T for a, b in pairs]


def mutual_argmax(similarity: np.ndarray) -> Pairs:
    """Pairs (source word, target word) that are each other's most similar word; similarity (S, T)."""
    if 0 in similarity.shape:
        return set()
    forward, backward = similarity.argmax(1), similarity.argmax(0)
    return {(s, int(t)) for s, t in enumerate(forward) if backward[t] == s}


def project_tags(answer: TagsPrediction, target: TaggedSentence, similarity: np.ndarray) -> TagsPrediction:
    """Tags of the target's words. Spans go to the stretch of their aligned words; other tags word by word.

    Tags without a B- or I- prefix (parts of speech) go from every target word's most similar source word.
    """
    if answer.tags and not any(tag == "O" or tag.startswith(("B-", "I-")) for tag in answer.tags):
        nearest = similarity.argmax(0)
        tags = tuple(answer.tags[s] for s in nearest)
        return TagsPrediction(target.id, target.language, target.words, tags)
    pairs, taken, spans = mutual_argmax(similarity), set(), []
    for span in answer.spans:
        inside = [i for i, (start, end) in enumerate(answer.words) if start >= span.start and end <= span.end]
        words = [t for s, t in pairs if s in inside]
        if words and not taken & set(range(min(words), max(words) + 1)):
            taken |= set(range(min(words), max(words) + 1))
            spans.append(Span(target.words[min(words)][0], target.words[max(words)][1], span.label))
    tags = spans_to_tags(target.id, target.words, spans, len(target.text))
    return TagsPrediction(target.id, target.language, target.words, tags)


def project_answer(
    answer: AnswerPrediction, source: Question, target: Question, similarity: np.ndarray
) -> AnswerPrediction:
    """The stretch of the target's context between the first and last word aligned with the answer.

    If none of the answer's words has a partner, the target word most similar to any of them.
    """
    source_words, target_words = split_words(source.context), split_words(target.context)
    end = answer.start + len(answer.text)
    inside = [i for i, (s, e) in enumerate(source_words) if s < end and e > answer.start]
    words = [t for s, t in mutual_argmax(similarity) if s in inside]
    if not words and inside and target_words:
        words = [int(similarity[inside].max(0).argmax())]
    if not words:
        return replace(answer, id=target.id, language=target.language, text="", start=0)
    first, last = target_words[min(words)][0], target_words[max(words)][1]
    text = target.context[first:last]
    return AnswerPrediction(target.id, target.language, text, first, answer.score)


def text_of(record: Record) -> Words:
    """The text whose words are aligned, and the offsets of its words."""
    if isinstance(record, TaggedSentence):
        return record.text, record.words
    text = record.context if isinstance(record, Question) else record.text
    return text, split_words(text)


def word_vectors(reader: Reader, texts: Sequence[Words], depth: float, batch_size: int) -> list[np.ndarray]:
    """Unit vectors of the words of each text, each (words, H); words beyond the encoder's limit are zero."""
    tokenizer, encoder = reader.kind.tokenizer, reader.network.encoder
    layer, limit = round(depth * encoder.config.num_hidden_layers), min(512, max_tokens(encoder.config))
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i][0]))
    vectors: list[np.ndarray] = [np.zeros((0, 0))] * len(texts)
    for begin in range(0, len(order), batch_size):
        numbers = order[begin : begin + batch_size]
        batch = tokenizer(
            [texts[i][0] for i in numbers],
            padding=True,
            truncation=True,
            max_length=limit,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = batch["offset_mapping"].numpy()
        with torch.inference_mode():
            inputs = {k: batch[k].to(encoder.device) for k in ("input_ids", "attention_mask")}
            states = encoder(**inputs, output_hidden_states=True).hidden_states[layer].float().cpu().numpy()
        for i, state, places in zip(numbers, states, offsets, strict=True):
            vectors[i] = _mean_of_tokens(state, places, texts[i][1])
    return vectors


def _mean_of_tokens(states: np.ndarray, places: np.ndarray, words: Sequence[Offsets]) -> np.ndarray:
    """Unit mean of the states of the tokens that share a character with each word, (words, H)."""
    starts, ends = np.array([w[0] for w in words]), np.array([w[1] for w in words])
    if len(words) == 0:
        return np.zeros((0, states.shape[-1]), dtype=np.float32)
    share = (places[None, :, 0] < ends[:, None]) & (places[None, :, 1] > starts[:, None])  # (words, tokens)
    vectors = share.astype(np.float32) @ states
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
