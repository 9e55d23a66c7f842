"""Extractive question answering: windows over the context by tokens, labels and answers by character offsets.

Character offsets make the same code right for Chinese, Thai and Japanese, where the released FILTER code (white-space
tokens; `released_question_answering.py`) marked whole passages. A window without the answer points at its first token,
and with a `null_threshold` the logits of that token are the score of there being no answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import islice

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.errors import UserError
from isogloss.kinds import FEATURES, Features, Lengths, Window, padding_id
from isogloss.losses import IGNORED
from isogloss.records import AnswerPrediction, Offsets, Question

N_BEST = 20  # start and end positions of a window that are combined
NO_SPAN = -1e9  # the score of a context without tokens; JSON has no infinity


@dataclass(slots=True)
class ContextTokens:
    """Where a window's context lies: token range [start, end) and the character offsets of those tokens."""

    start: int
    offsets: list[Offsets]
    first: int  # number of the window's first context token in the whole context
    pieces: list[str] = field(default_factory=list)  # the tokens as text; the released features alone need them

    def holds(self, position: int) -> bool:
        """Whether a position of the window is one of the context's."""
        return 0 <= position - self.start < len(self.offsets)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that competes with others: its text, the character at which it starts, and its logits."""

    text: str
    start: int
    start_logit: float
    end_logit: float
    probability: float = 0.0  # among the candidates of its question

    @property
    def score(self) -> float:
        """The sum of its start and end logit."""
        return self.start_logit + self.end_logit


class QuestionAnswering:
    """A span of the context per question."""

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
        shape = tokenizer("a", "a", return_offsets_mapping=False)
        self.specials = len(shape["input_ids"]) - 2 * len(tokenizer("a", add_special_tokens=False)["input_ids"])
        require_room(lengths, self.specials)

    def windows(self, record: Question) -> list[Window]:
        """All windows over the context, each beginning `stride` tokens after the one before."""
        question = self._cut_question(record.question)
        length = len(self.tokenizer(question, add_special_tokens=False)["input_ids"])
        room = self.lengths.max_length - length - self.specials
        encoded = self.tokenizer(
            question,
            record.context,
            truncation="only_second",
            max_length=self.lengths.max_length,
            stride=max(room - self.lengths.stride, 0),  # the library counts the overlap, the papers the step
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        windows, step = [], min(self.lengths.stride, room)
        for j, ids in enumerate(encoded["input_ids"]):
            inside = [i for i, side in enumerate(encoded.sequence_ids(j)) if side == 1]
            offsets = [tuple(encoded["offset_mapping"][j][i]) for i in inside]
            tokens = ContextTokens(inside[0] if inside else 0, offsets, j * step)
            label = answer_tokens(record, tokens) if record.answers else (IGNORED, IGNORED)
            windows.append(Window(list(ids), label, tokens, len(encoded["input_ids"]) > 1))
        return windows

    def _cut_question(self, question: str) -> str:
        encoded = self.tokenizer(question, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        offsets = encoded["offset_mapping"]
        limit = self.lengths.max_question
        return question if len(offsets) <= limit else question[: offsets[limit - 1][1]]

    def no_label(self, length: int) -> tuple[int, int]:
        """Ignored start and end."""
        return (IGNORED, IGNORED)

    def decode(self, record: Question, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> AnswerPrediction:
        """The span with the highest start + end logit among the windows' best, a slice of the context itself.

        With a `null_threshold` it is empty where no answer beats that span by more.
        """
        best, null = next(self.spans(record, windows, logits), None), no_answer(logits)
        if best is None:
            return AnswerPrediction(record.id, record.language, "", 0, NO_SPAN)
        threshold = self.features.null_threshold
        if threshold is not None and null.score - best.score > threshold:
            best = null
        return AnswerPrediction(record.id, record.language, best.text, best.start, round(best.score, 6))

    def n_best(self, record: Question, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> list[Candidate]:
        """The best spans with their probabilities among each other, best first; with a `null_threshold` no answer too.

        The first one is the prediction where the threshold is None or 0.
        """
        found = list(islice(self.spans(record, windows, logits), N_BEST))
        if self.features.null_threshold is not None:
            found = sorted([*found, no_answer(logits)], key=lambda candidate: -candidate.score)
        return with_probabilities(found)

    def spans(self, record: Question, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> Iterator[Candidate]:
        """The spans of all windows, best first, each from the window that shows most text around its start."""
        each = [self._spans_of(record, windows, number, scores) for number, scores in enumerate(logits)]
        return merge(*each, key=lambda candidate: -candidate.score)  # the earlier window wins a tie

    def _spans_of(
        self, record: Question, windows: Sequence[Window], number: int, scores: np.ndarray
    ) -> Iterator[Candidate]:
        tokens = windows[number].tokens
        for _, first, last in best_spans(scores, tokens, self.features.max_answer):
            if most_context(windows, number, tokens.first + first):
                start, end = tokens.offsets[first][0], tokens.offsets[last][1]
                start += len(record.context[start:end]) - len(record.context[start:end].lstrip())
                places = scores[[tokens.start + first, tokens.start + last], [0, 1]].astype(np.float64)
                yield Candidate(record.context[start:end].rstrip(), start, *places.tolist())


def require_room(lengths: Lengths, specials: int) -> None:
    """Nothing, if a window holds some context beside its question and its special tokens.

    Raises:
        UserError: it does not.
    """
    if lengths.max_length < lengths.max_question + specials + 16:
        raise UserError(
            f"max_length ({lengths.max_length}) leaves no room for a context beside a question of "
            f"{lengths.max_question} tokens; raise max_length or lower max_question"
        )


def no_answer(logits: Sequence[np.ndarray]) -> Candidate:
    """The empty answer, with the logits of the first token of the window that is least for it."""
    first = min((scores[0].astype(np.float64) for scores in logits), key=sum)
    return Candidate("", 0, *first.tolist())


def with_probabilities(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the softmax of their scores."""
    scores = np.array([candidate.score for candidate in candidates])
    shares = np.exp(scores - scores.max(initial=NO_SPAN))
    shares = (shares / shares.sum()).tolist()
    return [replace(each, probability=share) for each, share in zip(candidates, shares, strict=True)]


def answer_tokens(record: Question, tokens: ContextTokens) -> tuple[int, int]:
    """Token positions of the first answer in the window, (0, 0) if it does not lie in it completely."""
    answer = record.answers[0]
    first, last = answer.start, answer.start + len(answer.text)
    inside = [i for i, (start, end) in enumerate(tokens.offsets) if start < last and end > first and end > start]
    if not inside or tokens.offsets[inside[0]][0] > first or tokens.offsets[inside[-1]][1] < last:
        return (0, 0)
    return (inside[0] + tokens.start, inside[-1] + tokens.start)


def best_spans(
    scores: np.ndarray, tokens: ContextTokens, max_answer: int = FEATURES.max_answer
) -> list[tuple[float, int, int]]:
    """Spans of context tokens (score, start, end), best first; scores (window tokens, 2)."""
    count = len(tokens.offsets)
    context = scores[tokens.start : tokens.start + count].astype(np.float64)
    starts = np.argsort(-context[:, 0], kind="stable")[:N_BEST]
    ends = np.argsort(-context[:, 1], kind="stable")[:N_BEST]
    spans = [(context[s, 0] + context[e, 1], int(s), int(e)) for s in starts for e in ends if s <= e < s + max_answer]
    return sorted(spans, key=lambda span: -span[0])


def most_context(windows: Sequence[Window], number: int, token: int) -> bool:
    """Whether this window, of all that hold a context token, shows the most text on both of its sides."""
    scores = []
    for i, window in enumerate(windows):
        left = token - window.tokens.first
        right = len(window.tokens.offsets) - 1 - left
        if left >= 0 and right >= 0:
            scores.append((min(left, right) + 0.01 * len(window.tokens.offsets), -i))
    return max(scores)[1] == -number


KIND = QuestionAnswering
