"""Noise for the honest comparison: a translation as bad as a poor system would make it.

With parallel test data the "translation" is the perfect original, and a model may win by reading it alone. These
functions spoil it: words are lost, or it becomes a word-for-word rendering of the target text.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from isogloss.data.checks import texts
from isogloss.records import (
    Answer,
    AnyRecord,
    Bitext,
    Offsets,
    Question,
    RankedQuery,
    Record,
    TaggedSentence,
    join_words,
    split_words,
)

LONGEST = 80  # words of a side that a lexicon is learned from
Rewrite = Callable[[list[str]], list[str]]  # words -> words of the same number, "" where one is lost


def word_dropout(record: AnyRecord, seed: int, share: float = 0.3) -> AnyRecord:
    """The record without a random share of its words, in order, joined by its language's spaces.

    The same seed and id lose the same words in every run; at least one word of each text stays.
    """
    chance = random.Random(f"{seed}/{record.id}")

    def drop(words: list[str]) -> list[str]:
        kept = [word if chance.random() >= share else "" for word in words]
        return kept if any(kept) else words

    return _rewritten(record, record.language, drop)


def word_for_word(record: AnyRecord, lexicon: Mapping[str, str], language: str) -> AnyRecord:
    """The record with every word replaced by the lexicon's, as a text of `language`; unknown words stay."""
    return _rewritten(record, language, lambda words: [lexicon.get(word.lower(), word) for word in words])


def _rewritten(record: AnyRecord, language: str, rewrite: Rewrite) -> AnyRecord:
    if isinstance(record, Question):
        question, _ = _text(record.question, split_words(record.question), rewrite, language)
        words = split_words(record.context)
        context, places = _text(record.context, words, rewrite, language)
        answers = tuple(found for each in record.answers if (found := _answer(each, words, places, context)))
        changed = replace(record, question=question, context=context, answers=answers)
    elif isinstance(record, TaggedSentence):
        text, places = _text(record.text, record.words, rewrite, language)
        kept = [i for i, place in enumerate(places) if place]
        tags = None if record.tags is None else tuple(record.tags[i] for i in kept)
        changed = replace(record, text=text, words=tuple(place for place in places if place), tags=tags)
    elif isinstance(record, RankedQuery):
        text, _ = _text(record.text, split_words(record.text), rewrite, language)
        changed = replace(record, text=text)
    else:
        text, _ = _text(record.text, split_words(record.text), rewrite, language)
        pair = record.text_pair
        if pair is not None:
            pair, _ = _text(pair, split_words(pair), rewrite, language)
        changed = replace(record, text=text, text_pair=pair)
    return replace(changed, language=language, translations=())


def _text(text: str, words: Sequence[Offsets], rewrite: Rewrite, language: str) -> tuple[str, list[Offsets | None]]:
    """The rewritten text, and for every old word its place in it or None if it is lost."""
    new = rewrite([text[start:end] for start, end in words])
    joined, offsets = join_words([word for word in new if word], language)
    rest = iter(offsets)
    return joined, [next(rest) if word else None for word in new]


def _answer(answer: Answer, words: Sequence[Offsets], places: Sequence[Offsets | None], context: str) -> Answer | None:
    """The answer in the rewritten context: from its first surviving word to its last; None if all are lost."""
    end = answer.start + len(answer.text)
    inside = [
        place
        for place, (left, right) in zip(places, words, strict=True)
        if place and left < end and right > answer.start
    ]
    return Answer(context[inside[0][0] : inside[-1][1]], inside[0][0]) if inside else None


def learn_lexicon(bitexts: Iterable[Bitext], rounds: int = 5) -> dict[str, str]:
    """For every word of the texts, lower-cased, the word of the translations that it most likely stands for.

    IBM model 1 (Brown et al. 1993, Computational Linguistics 19) in both directions by expectation-maximisation over
    all word pairs of a sentence pair; the pair with the largest product of the two probabilities wins. Sentences of
    more than `LONGEST` words on a side are left out.
    """
    pairs = [(words_of(bitext.text), words_of(bitext.translation)) for bitext in bitexts]
    pairs = [(text, other) for text, other in pairs if 0 < len(text) <= LONGEST and 0 < len(other) <= LONGEST]
    if not pairs:
        return {}
    sources, source_ids = _numbered([text for text, _ in pairs])
    targets, target_ids = _numbered([other for _, other in pairs])
    # one link per pair of words that meet in a sentence pair; a token is named by its running number
    meetings = zip(_numbers_of_tokens(source_ids), _numbers_of_tokens(target_ids), strict=True)
    token_s, token_t = np.concatenate([np.stack(np.meshgrid(s, t)).reshape(2, -1) for s, t in meetings], axis=1)
    word_s, word_t = np.concatenate(source_ids)[token_s], np.concatenate(target_ids)[token_t]
    kinds, link_kind = np.unique(word_s * len(targets) + word_t, return_inverse=True)
    kind_s, kind_t = np.divmod(kinds, len(targets))
    forward = _model_1(link_kind, token_t, kind_s, rounds)  # p(target word | source word)
    backward = _model_1(link_kind, token_s, kind_t, rounds)
    best = np.lexsort((kind_t, -forward * backward, kind_s))
    first = np.unique(kind_s[best], return_index=True)[1]
    return {sources[kind_s[i]]: targets[kind_t[i]] for i in best[first]}


def _numbers_of_tokens(sentences: Sequence[np.ndarray]) -> list[np.ndarray]:
    ends = np.cumsum([len(sentence) for sentence in sentences])
    return np.split(np.arange(ends[-1]), ends[:-1])


def _model_1(link_kind: np.ndarray, token: np.ndarray, given: np.ndarray, rounds: int) -> np.ndarray:
    """p(word | given word) for every kind of link; `token` is the generated token of each link."""
    probability = np.ones(len(given))
    for _ in range(rounds):
        weight = probability[link_kind]
        share = weight / np.bincount(token, weight)[token]  # who generated this token?
        count = np.bincount(link_kind, share, len(given))
        probability = count / np.bincount(given, count)[given]
    return probability


def words_of(text: str) -> list[str]:
    """The words of a text, lower-cased."""
    return [text[start:end].lower() for start, end in split_words(text)]


def _numbered(sentences: Sequence[Sequence[str]]) -> tuple[list[str], list[np.ndarray]]:
    number: dict[str, int] = {}
    ids = [np.array([number.setdefault(word, len(number)) for word in sentence]) for sentence in sentences]
    return list(number), ids


def bitexts_of(records: Iterable[Record]) -> list[Bitext]:
    """The texts of the records beside those of their first translation: the material of `learn_lexicon`."""
    found = []
    for record in records:
        for side in record.translations[:1]:
            others = texts(side)
            for field, text in texts(record).items():
                if field in others:
                    name = f"{record.id}/{field}"
                    found.append(
                        Bitext(
                            id=name,
                            language=record.language,
                            text=text,
                            translation_language=side.language,
                            translation=others[field],
                        )
                    )
    return found
