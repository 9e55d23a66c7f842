"""Typed records: what a reader returns, a method trains on and a predictor answers.

Offsets are half-open character offsets into the original string. Words and BIO tags are views of spans: a
`TaggedSentence` keeps the text and where its words lie, never a re-joined copy. Every record may carry
`translations`, the same content in other languages; the first one is the side FILTER reads beside the text.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from isogloss.errors import UserError

Offsets = tuple[int, int]
OUTSIDE = "O"  # the tag of a word in no span

# Scripts written without spaces: one character (with its combining marks) is one word.
UNSPACED = ("CJK ", "HIRAGANA", "KATAKANA", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ", "IDEOGRAPHIC ")


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of text, `text[start:end]`."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and the character of the context at which it starts."""

    text: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A text, or a pair of texts, with an optional class label."""

    id: str
    language: str
    text: str
    text_pair: str | None = None
    label: str | None = None
    group: str | None = None  # what is scored together with others: the query whose documents are ranked
    translations: tuple["Sentence", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedSentence:
    """A text, the offsets of its words, and one tag per word if it is labelled."""

    id: str
    language: str
    text: str
    words: tuple[Offsets, ...]
    tags: tuple[str, ...] | None = None
    translations: tuple["TaggedSentence", ...] = ()

    @property
    def spans(self) -> list[Span]:
        """The labelled spans that the BIO tags describe; empty without tags."""
        return tags_to_spans(self.words, self.tags or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about a context, with the answers that count as right."""

    id: str
    language: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    translations: tuple["Question", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitext:
    """A text and its translation; training material for encoders and translators, or a pair to be found again."""

    id: str
    language: str
    text: str
    translation_language: str
    translation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparableSentence:
    """A sentence of one of two comparable corpora, and which sentences of the other translate it; mostly none."""

    id: str
    language: str
    text: str
    corpus: tuple[Sentence, ...]  # the other corpus, one object that all sentences share
    translations: tuple[str, ...] = ()  # ids in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text that a query may be asked of."""

    id: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedQuery:
    """A query, the documents that are ranked for it, and how relevant they are."""

    id: str
    language: str
    text: str
    documents: tuple[Document, ...]  # its own candidates; or a collection, one object that all its queries share
    gains: Mapping[str, int] = field(default_factory=dict)  # grades of relevance by document id; 0 where none is named
    translations: tuple["RankedQuery", ...] = ()


Record = Sentence | TaggedSentence | Question
AnyRecord = TypeVar("AnyRecord", bound=Record | RankedQuery)


@dataclass(frozen=True, slots=True)
class LabelPrediction:
    """A class label with the probability of every label."""

    id: str
    language: str
    label: str
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True)
class TagsPrediction:
    """One tag per word of the text, and the same as labelled spans."""

    id: str
    language: str
    words: tuple[Offsets, ...]
    tags: tuple[str, ...]

    @property
    def spans(self) -> list[Span]:
        """The labelled spans that the BIO tags describe."""
        return tags_to_spans(self.words, self.tags)


@dataclass(frozen=True, slots=True)
class AnswerPrediction:
    """An answer, where it starts in the context, and its score (sum of start and end logits)."""

    id: str
    language: str
    text: str
    start: int
    score: float


@dataclass(frozen=True, slots=True)
class NearestPrediction:
    """The nearest neighbour of either side of a bitext, by the id of its own bitext."""

    id: str
    language: str
    label: str  # the text nearest to the translation
    reverse: str  # the translation nearest to the text


@dataclass(frozen=True, slots=True)
class MinedPrediction:
    """The translation found for a sentence in the other corpus, by its id; None if there was none good enough."""

    id: str
    language: str
    translation: str | None


@dataclass(frozen=True, slots=True)
class RankingPrediction:
    """The best documents of a query by id with their scores, best first; of equal scores the earlier document."""

    id: str
    language: str
    documents: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationPrediction:
    """A text and its translation with the score that ranked it, in nats; or the reason why there is none."""

    id: str
    language: str
    text: str
    translation_language: str
    translation: str | None
    score: float | None = None
    failure: str | None = None


Prediction = LabelPrediction | TagsPrediction | AnswerPrediction | RankingPrediction | TranslationPrediction


def split_words(text: str) -> tuple[Offsets, ...]:
    """Offsets of the words of a text in any script.

    Letters, digits and their marks run together; punctuation stands alone; in scripts written without spaces
    every character is a word of its own.
    """
    words: list[list[int]] = []
    running = False
    for i, character in enumerate(text):
        category = unicodedata.category(character)
        if character.isspace():
            running = False
        elif category[0] == "M" and words and words[-1][1] == i:
            words[-1][1] = i + 1  # a combining mark belongs to the word it follows
        elif category[0] in "LN" and not unicodedata.name(character, "").startswith(UNSPACED):
            if running:
                words[-1][1] = i + 1
            else:
                words.append([i, i + 1])
            running = True
        elif category == "Cf":  # a joiner inside a word, as in Persian; invisible marks elsewhere are no words
            if running:
                words[-1][1] = i + 1
        else:
            words.append([i, i + 1])
            running = False
    return tuple((start, end) for start, end in words)


def join_words(words: Sequence[str], language: str) -> tuple[str, tuple[Offsets, ...]]:
    """The text made of given words, and their offsets in it; Chinese, Japanese and Thai are joined without spaces."""
    glue = "" if language.split("-")[0] in {"zh", "ja", "th", "lo", "km", "my", "yue"} else " "
    offsets, position = [], 0
    for word in words:
        offsets.append((position, position + len(word)))
        position += len(word) + len(glue)
    return glue.join(words), tuple(offsets)


def tags_to_spans(words: Sequence[Offsets], tags: Sequence[str]) -> list[Span]:
    """Spans of IOB2 tags; an I- tag that continues nothing opens a span, as conlleval reads it."""
    spans: list[Span] = []
    open_label = None
    for (start, end), tag in zip(words, tags, strict=False):
        prefix, _, label = tag.partition("-")
        if prefix not in ("B", "I") or not label:
            open_label = None
        elif prefix == "I" and label == open_label:
            spans[-1] = replace(spans[-1], end=end)
        else:
            spans.append(Span(start, end, label))
            open_label = label
    return spans


def spans_to_tags(record_id: str, words: Sequence[Offsets], spans: Iterable[Span], length: int) -> tuple[str, ...]:
    """IOB2 tags of spans over words.

    Raises:
        UserError: a span lies outside the text, cuts a word in two, or overlaps another.
    """
    tags = [OUTSIDE] * len(words)
    for span in sorted(spans, key=lambda span: span.start):
        where = f"span [{span.start}, {span.end}) {span.label!r} of record {record_id!r}"
        if not 0 <= span.start < span.end <= length:
            raise UserError(
                f"{where} lies outside its text of {length} characters; spans are half-open character offsets"
            )
        inside = [i for i, (start, end) in enumerate(words) if start < span.end and end > span.start]
        if not inside or words[inside[0]][0] < span.start or words[inside[-1]][1] > span.end:
            raise UserError(f"{where} cuts across a word; move it to word boundaries")
        if any(tags[i] != OUTSIDE for i in inside):
            raise UserError(f"{where} overlaps another span; spans of one record must be disjoint")
        for i in inside:
            tags[i] = f"{'B' if i == inside[0] else 'I'}-{span.label}"
    return tuple(tags)


def tagged_sentence(record_id: str, language: str, text: str, spans: Iterable[Span] | None) -> TaggedSentence:
    """A tagged sentence from character spans, its words found by script; `spans=None` leaves it unlabelled."""
    words = split_words(text)
    tags = None if spans is None else spans_to_tags(record_id, words, spans, len(text))
    return TaggedSentence(id=record_id, language=language, text=text, words=words, tags=tags)


def by_language(records: Iterable[AnyRecord]) -> dict[str, list[AnyRecord]]:
    """The records of each language, in their order."""
    groups: dict[str, list[AnyRecord]] = {}
    for record in records:
        groups.setdefault(record.language, []).append(record)
    return groups


def to_json(record: Record | RankedQuery | Prediction) -> dict[str, Any]:
    """The JSON-lines form of a record or prediction (see the README for one line of each)."""
    line: dict[str, Any] = {"id": record.id, "language": record.language}
    match record:
        case Sentence():
            line |= {"text": record.text, "text_pair": record.text_pair, "label": record.label}
        case TaggedSentence():
            line |= {"text": record.text, "words": [record.text[s:e] for s, e in record.words]}
            line |= {"tags": list(record.tags) if record.tags is not None else None}
        case Question():
            answers = [{"text": a.text, "answer_start": a.start} for a in record.answers]
            line |= {"question": record.question, "context": record.context, "answers": answers or None}
        case RankedQuery():
            documents = [{"id": each.id, "language": each.language, "text": each.text} for each in record.documents]
            line |= {"text": record.text, "documents": documents or None, "gains": dict(record.gains) or None}
        case LabelPrediction():
            line |= {"label": record.label, "probabilities": record.probabilities}
        case TagsPrediction():
            line |= {"tags": list(record.tags), "words": [list(word) for word in record.words]}
            line |= {"spans": [{"start": s.start, "end": s.end, "label": s.label} for s in record.spans]}
        case AnswerPrediction():
            line |= {"answer": {"text": record.text, "answer_start": record.start}, "score": record.score}
        case RankingPrediction():
            ranked = zip(record.documents, record.scores, strict=True)
            line |= {"documents": [{"id": name, "score": score} for name, score in ranked]}
        case TranslationPrediction():
            line |= {"text": record.text, "translation_language": record.translation_language}
            line |= {"translation": record.translation, "score": record.score, "failure": record.failure}
    sides = getattr(record, "translations", ())
    if isinstance(record, RankedQuery):  # in any language a query is asked of the same documents
        sides = [replace(side, documents=(), gains={}) for side in sides]
    translations = [to_json(side) for side in sides]
    if translations:
        line["translation"] = translations[0] if len(translations) == 1 else translations
    return {key: value for key, value in line.items() if value is not None}


def iterate_sides(record: Record) -> Iterator[Record]:
    """The record itself, then its translations."""
    yield record
    yield from record.translations


def item_of(record: Any) -> str:
    """The item that a record is part of: its group if it has one, else the record itself, by its id."""
    return getattr(record, "group", None) or record.id


def is_labelled(record: Record | RankedQuery) -> bool:
    """Whether the record carries the label of its kind."""
    match record:
        case Sentence():
            return record.label is not None
        case TaggedSentence():
            return record.tags is not None
        case Question():
            return bool(record.answers)
        case RankedQuery():
            return bool(record.gains)
