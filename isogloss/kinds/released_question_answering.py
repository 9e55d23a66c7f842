"""Extractive question answering as the released FILTER code has it, for its published checkpoints.

Fang et al. 2020, arXiv 2009.05166. The context is split at white space into *doc tokens*, and each of them is tokenised
alone, in lower case. The answer's doc tokens are narrowed to the pieces that spell it; a predicted span of pieces is
projected onto the doc tokens it covers with BERT's basic tokenizer. In scripts without spaces a doc token is a whole
passage, so the labels of Chinese and Thai are wrong here, as they were there; `question_answering.py` has none of this.

Three defects are not kept. The language decides how Chinese answers are written, not the name of a file. An unknown
piece is <unk>, not padding. An answer that its doc tokens do not hold costs nothing, instead of shifting later pairs.
"""

import re
import string
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.kinds import FEATURES, Features, Lengths, Window, padding_id
from isogloss.kinds.question_answering import (
    N_BEST,
    Candidate,
    ContextTokens,
    most_context,
    no_answer,
    require_room,
    with_probabilities,
)
from isogloss.losses import IGNORED
from isogloss.records import Answer, AnswerPrediction, Offsets, Question

WORD_START = "▁"
DOC_TOKEN = re.compile("[^ \t\r\n\u202f]+")
NO_SPAN = Candidate("empty", 0, 0.0, 0.0)  # the word is the released code's answer where it has no span
HAN = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the context: its id, its text, and the offsets of the doc token it is a piece of."""

    id: int
    text: str
    offsets: Offsets


@dataclass(frozen=True, slots=True)
class Span:
    """A span of the context pieces [start, end] of one window."""

    window: int
    start: int
    end: int
    start_logit: float
    end_logit: float

    @property
    def score(self) -> float:
        """The sum of its start and end logit."""
        return self.start_logit + self.end_logit


class ReleasedQuestionAnswering:
    """A span of the context per question, in pieces of white-space tokens."""

    name = "question_answering"
    model = "QuestionAnswering"
    one_window = False
    num_labels = 2

    def __init__(
        self,
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        lengths: Lengths,
        features: Features = FEATURES,
    ):
        self.tokenizer, self.lengths, self.features = tokenizer, lengths, features
        self.pad_token_id = padding_id(tokenizer)
        self.specials = special_tokens_of_pair(tokenizer)
        require_room(lengths, sum(map(len, self.specials)))

    def windows(self, record: Question) -> list[Window]:
        """All windows over the pieces of the context, each beginning `stride` pieces after the one before."""
        before, between, after = self.specials
        asked = self.tokenizer(lower(record.question), add_special_tokens=False, verbose=False)["input_ids"]
        prefix = [*before, *asked[: self.lengths.max_question], *between]
        room = self.lengths.max_length - len(prefix) - len(after)
        step = min(self.lengths.stride, room)
        pieces = self.pieces(record.context)
        answer = self.answer_pieces(record.context, record.answers[0], pieces) if record.answers else None
        windows = []
        for first in range(0, max(len(pieces) - room + step, 1), step):
            held = pieces[first : first + room]
            tokens = ContextTokens(len(prefix), [p.offsets for p in held], first, [p.text for p in held])
            ids = [*prefix, *(piece.id for piece in held), *after]
            windows.append(Window(ids, place_in_window(answer, tokens), tokens, len(pieces) > room))
        return windows

    def pieces(self, text: str) -> list[Piece]:
        """The pieces of every doc token of a text, in lower case."""
        words = list(DOC_TOKEN.finditer(text))
        if not words:
            return []
        encoded = self.tokenizer([lower(word.group()) for word in words], add_special_tokens=False, verbose=False)
        return [
            Piece(number, piece, word.span())
            for i, word in enumerate(words)
            for number, piece in zip(encoded["input_ids"][i], encoded.tokens(i), strict=True)
        ]

    def answer_pieces(self, context: str, answer: Answer, pieces: Sequence[Piece]) -> tuple[int, int] | None:
        """The first and the last piece of an answer; None where its doc tokens do not hold its text."""
        last = min(answer.start + len(answer.text), len(context)) - 1
        covered = words_around([word.span() for word in DOC_TOKEN.finditer(context)], answer.start, last)
        if " ".join(answer.text.split()) not in " ".join(context[start:end] for start, end in covered):
            return None
        inside = [i for i, piece in enumerate(pieces) if covered[0][0] <= piece.offsets[0] <= covered[-1][0]]
        if not inside:
            return None
        wanted = self.tokenizer(lower(answer.text), add_special_tokens=False, verbose=False).tokens()
        return narrowed([piece.text for piece in pieces], inside[0], inside[-1], wanted)

    def no_label(self, length: int) -> tuple[int, int]:
        """Ignored start and end."""
        return (IGNORED, IGNORED)

    def decode(self, record: Question, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> AnswerPrediction:
        """The first of the n best answers, or "" where no answer beats the best one by more than `null_threshold`."""
        found, threshold = self.n_best(record, windows, logits), self.features.null_threshold
        best = found[0]
        if threshold is not None:
            best, null = next(candidate for candidate in found if candidate.text), no_answer(logits)
            best = null if null.score - best.score > threshold else best
        return AnswerPrediction(record.id, record.language, best.text, best.start, round(best.score, 6))

    def n_best(self, record: Question, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> list[Candidate]:
        """The answers of different texts with the highest start + end logit, with their probabilities among each other.

        With a `null_threshold` no answer is always among them, at its rank or as the last.
        """
        found: dict[str, Candidate] = {}
        null = None if self.features.null_threshold is None else no_answer(logits)
        for candidate in self._candidates(record, windows, logits, null):
            if len(found) == N_BEST:
                break
            found.setdefault(candidate.text, candidate)
        if null is not None:
            found.setdefault("", null)
        alone = not found or (null is not None and len(found) == 1)
        return with_probabilities([*([NO_SPAN] if alone else []), *found.values()])

    def _candidates(
        self, record: Question, windows: Sequence[Window], logits: Sequence[np.ndarray], null: Candidate | None
    ) -> Iterator[Candidate]:
        """Every span of the windows as an answer, and no answer at its place if it is given, best first."""
        found: list[Span | Candidate] = [
            span
            for number, scores in enumerate(logits)
            for span in best_spans(windows, number, scores)
            if span.end - span.start < self.features.max_answer
        ]
        found += [] if null is None else [null]
        for each in sorted(found, key=lambda each: -each.score):
            yield each if isinstance(each, Candidate) else answer_of(record, windows[each.window].tokens, each)


def special_tokens_of_pair(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int], list[int]]:
    """The special ids that a tokenizer puts before, between and after two texts."""
    encoded = tokenizer("a", "a")
    ids, sides = list(encoded["input_ids"]), encoded.sequence_ids()
    first = [i for i, side in enumerate(sides) if side == 0]
    second = [i for i, side in enumerate(sides) if side == 1]
    return ids[: first[0]], ids[first[-1] + 1 : second[0]], ids[second[-1] + 1 :]


def lower(text: str) -> str:
    """The text in lower case, character by character: a final Greek sigma becomes σ, never ς."""
    return "".join(character.lower() for character in text)


def words_around(words: Sequence[Offsets], first: int, last: int) -> Sequence[Offsets]:
    """The words from that of one character to that of another; a space belongs to the word before it."""
    starts = [start for start, _ in words]
    return words[max(bisect_right(starts, first) - 1, 0) : bisect_right(starts, last)]


def narrowed(pieces: Sequence[str], first: int, last: int, wanted: Sequence[str]) -> tuple[int, int]:
    """The first part of the pieces from `first` to `last` that is as wanted; all of them where none is."""
    for start in range(first, last + 1):
        end = start + len(wanted) - 1
        if start <= end <= last and list(pieces[start : end + 1]) == list(wanted):
            return start, end
    return first, last


def place_in_window(answer: tuple[int, int] | None, tokens: ContextTokens) -> tuple[int, int]:
    """The positions of an answer's pieces, (0, 0) if they are not all in the window; ignored where there is none."""
    if answer is None:
        return (IGNORED, IGNORED)
    first, last = (piece - tokens.first for piece in answer)
    if first < 0 or last >= len(tokens.pieces):
        return (0, 0)
    return (tokens.start + first, tokens.start + last)


def best_spans(windows: Sequence[Window], number: int, scores: np.ndarray) -> list[Span]:
    """The spans of one window's context whose start and end are among its best; scores (tokens, 2) or longer.

    Special tokens and the question use up places among the best, as in the released code, and so does padding in
    rows that have it; the rows of a `Reader` have none.
    """
    tokens, scores = windows[number].tokens, scores.astype(np.float64)
    starts, ends = (
        [i for i in np.argsort(-scores[:, side], kind="stable")[:N_BEST].tolist() if tokens.holds(i)] for side in (0, 1)
    )
    starts = [i for i in starts if most_context(windows, number, tokens.first + i - tokens.start)]
    return [
        Span(number, start - tokens.start, end - tokens.start, float(scores[start, 0]), float(scores[end, 1]))
        for start in starts
        for end in ends
        if start <= end
    ]


def answer_of(record: Question, tokens: ContextTokens, span: Span) -> Candidate:
    """A span as an answer: its pieces projected onto their doc tokens, in Chinese the pieces themselves.

    The text is not always a slice of the context (white space is collapsed, pieces are lower case): then the
    start is that of its first doc token.
    """
    start, end = tokens.offsets[span.start][0], tokens.offsets[span.end][1]
    text = " ".join("".join(tokens.pieces[span.start : span.end + 1]).replace(WORD_START, " ").split())
    if record.language.split("-")[0] != "zh":
        text = project(text, " ".join(DOC_TOKEN.findall(record.context[start:end])))
    place = record.context.find(text, start, end)
    return Candidate(text, max(start, place), span.start_logit, span.end_logit)


def project(found: str, original: str) -> str:
    """The part of the original that spells `found` once it is lower-cased and its accents are gone, or all of it."""
    plain = basic_tokens(original)
    begin = plain.find(found)
    places, plain_places = ([i for i, c in enumerate(text) if c != " "] for text in (original, plain))
    if not found or begin < 0 or len(places) != len(plain_places):
        return original
    number = {place: i for i, place in enumerate(plain_places)}
    return original[places[number[begin]] : places[number[begin + len(found) - 1]] + 1]


def basic_tokens(text: str) -> str:
    """The tokens of BERT's basic tokenizer, joined by spaces: lower case, no accents, punctuation and Han apart."""
    kept = (" " if is_space(c) else c for c in text if is_space(c) or not is_control(c))
    words = "".join(f" {c} " if is_han(c) else c for c in kept).split()
    plain = (unicodedata.normalize("NFD", word.lower()) for word in words)
    bare = ("".join(c for c in word if unicodedata.category(c) != "Mn") for word in plain)
    apart = ("".join(f" {c} " if is_punctuation(c) else c for c in word) for word in bare)
    return " ".join(" ".join(apart).split())


def is_space(character: str) -> bool:
    """Whether BERT's tokenizer takes the character for white space."""
    return character in " \t\n\r" or unicodedata.category(character) == "Zs"


def is_control(character: str) -> bool:
    """Whether BERT's tokenizer drops the character."""
    return character in "\0\ufffd" or unicodedata.category(character).startswith("C")


def is_punctuation(character: str) -> bool:
    """Whether BERT's tokenizer makes the character a token: P of Unicode and every sign of ASCII."""
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def is_han(character: str) -> bool:
    """Whether the character is in one of the blocks of Chinese characters that BERT's tokenizer takes apart."""
    return any(first <= ord(character) <= last for first, last in HAN)


KIND = ReleasedQuestionAnswering
