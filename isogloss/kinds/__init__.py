"""The kinds of task: how a record becomes token windows with labels, and logits become a prediction.

A kind is one file with a class that satisfies `Kind`. Methods do not know which kind they work on. The file of the
same name that begins with `released_` makes the features of the released FILTER code, for its published checkpoints.

A *window* is one side of an example as the encoder reads it; a long text becomes several. An *example* is the windows
of several sides that are read together: the j-th window of the first side goes with the j-th of every other side, or
with its last one.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.data.on_disk import OnDisk
from isogloss.data.tables_on_disk import chained
from isogloss.errors import UserError
from isogloss.records import Prediction, Record
from isogloss.tasks import Task

T = TypeVar("T")
SHORTEST = 8  # tokens of a window: the four special ones of a pair of texts, and some of both texts


@dataclass(frozen=True, slots=True)
class Lengths:
    """How much of a text the encoder reads at once, in tokens with special ones."""

    max_length: int = 256  # tokens per window
    stride: int = 128  # tokens from one window of a long context to the next (question answering)
    max_question: int = 64  # tokens of a question; the rest is cut (question answering)


@dataclass(frozen=True, slots=True)
class Features:
    """How a text becomes tokens, and logits an answer."""

    released: bool = False  # as in the released FILTER code, which its published checkpoints were trained with
    max_answer: int = 30  # tokens of an answer at most (question answering)
    null_threshold: float | None = None  # logits by which no answer must beat the best one; None = there is always one
    csv_quotes: bool = False  # dev and test texts with a quote are read as XTREME's scripts wrote them, as CSV (XNLI)


FEATURES = Features()


@dataclass(slots=True)
class Window:
    """One side of an example: its token ids, its label if it has one, and what `decode` needs to map tokens back."""

    input_ids: list[int]
    label: Any = None  # an int, one int per token, or (start, end) token positions
    tokens: Any = None  # kept by the kind for decoding
    cut: bool = False  # whether text was lost or had to be split


@dataclass(slots=True)
class Example:
    """Windows of one or more sides that are read together."""

    id: str
    language: str
    window: int
    sides: tuple[Window, ...]
    teacher: np.ndarray | None = None  # logits of a teacher on the first side, (1 or tokens, C)

    def __len__(self) -> int:
        """Tokens of all its sides."""
        return sum(len(side.input_ids) for side in self.sides)

    @property
    def key(self) -> str:
        """The example's name within a data set, the same in every run."""
        return f"{self.language}/{self.id}/{self.window}"


class Kind(Protocol):
    """What a kind of task provides; `labels` are the task's, in the order of the logits."""

    name: str
    model: str  # the model class in isogloss.encoders.models
    one_window: bool  # whether every record has exactly one
    num_labels: int
    tokenizer: PreTrainedTokenizerBase
    pad_token_id: int

    def windows(self, record: Any) -> list[Window]:
        """The windows of one record, its translations ignored; labelled if the record is."""
        ...

    def no_label(self, length: int) -> Any:
        """The label of an unlabelled window of that many tokens: it costs nothing."""
        ...

    def decode(self, record: Any, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> Prediction:
        """The prediction for a record from the logits of its windows, each (C,) or (tokens, C)."""
        ...


def load_kind(task: Task, tokenizer: PreTrainedTokenizerBase, lengths: Lengths, features: Features = FEATURES) -> Kind:
    """The kind of a task, ready to make windows with a tokenizer.

    Raises:
        UserError: the lengths leave no room for a text.
    """
    if lengths.max_length < SHORTEST:
        raise UserError(
            f"max_length ({lengths.max_length}) leaves no room for a text beside the special tokens; "
            f"set it to {SHORTEST} or more"
        )
    if min(lengths.stride, lengths.max_question) < 1:
        raise UserError(
            f"stride ({lengths.stride}) and max_question ({lengths.max_question}) count tokens; set them to 1 or more"
        )
    if features.max_answer < 1:
        raise UserError(f"max_answer ({features.max_answer}) counts the tokens of an answer; set it to 1 or more")
    module = import_module(f"isogloss.kinds.{'released_' if features.released else ''}{task.kind}")
    return module.KIND(task.labels, tokenizer, lengths, features)


def tell_cut(found: Iterable[Example]) -> None:
    """Say on standard error how many texts are longer than the limit, and what happens to them."""
    cut, several = set(), False
    for example in found:
        for side in example.sides:
            if side.cut:
                cut.add((example.language, example.id))
                several = side.tokens is not None
    tell_number_cut(len(cut), several)


def tell_number_cut(count: int, several: bool) -> None:
    """Say on standard error how many texts were cut, and whether what was cut off is read too."""
    if count:
        kept = "read in several windows" if several else "cut at the end"
        print(f"{count} texts are longer than max_length and are {kept}", file=sys.stderr)


def padding_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id that fills a batch up.

    Raises:
        UserError: the tokenizer has none.
    """
    if not isinstance(tokenizer.pad_token_id, int):
        raise UserError("the tokenizer has no padding token; choose an encoder whose tokenizer has one")
    return tokenizer.pad_token_id


def training_examples(
    kind: Kind, groups: Iterable[Sequence[Record]], sides: Callable[[Any], Sequence[Record]]
) -> Sequence[Example]:
    """Examples of all records of the groups, each read as the sides that are made of it; without sides it is left out.

    Records that stay on disk become examples when a batch asks for them, if it is known how many there will be.
    """
    groups = list(groups)
    if stay_on_disk(kind, groups):
        on_disk = [group for group in groups if isinstance(group, OnDisk)]
        return chained(on_disk).map(lambda _, record: next(examples(kind, [sides(record)])))
    made = (sides(record) for group in groups for record in group)
    return list(examples(kind, (records for records in made if records)))


def stay_on_disk(kind: Kind, groups: Sequence[Sequence[Record]]) -> bool:
    """Whether the records are on disk and become one example each."""
    return kind.one_window and bool(groups) and all(isinstance(group, OnDisk) for group in groups)


def examples(kind: Kind, sides: Iterable[Sequence[Record]]) -> Iterator[Example]:
    """Examples of given sides; each element of `sides` is the records read together, the first one decides."""
    memory: dict[int, list[Window]] = {}  # an English text serves many languages: tokenise it once
    alive: list[Record] = []
    for records in sides:
        windows = []
        for record in records:
            if id(record) not in memory:
                memory[id(record)] = kind.windows(record)
                alive.append(record)  # an id is only unique while its object lives
            windows.append(memory[id(record)])
        for j, joined in enumerate(aligned(windows)):
            yield Example(records[0].id, records[0].language, j, joined)


def aligned(sides: Sequence[Sequence[T]]) -> Iterator[tuple[T, ...]]:
    """The j-th window of the first side with the j-th of every other side, or with its last one."""
    for j in range(len(sides[0])):
        yield tuple(side[min(j, len(side) - 1)] for side in sides)
