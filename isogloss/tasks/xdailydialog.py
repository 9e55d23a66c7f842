"""XDailyDialog: choose the next turn of a conversation among ten, the same conversations in four languages.

The query is all turns of a dialogue but the last, which is to be found again among the last turns of nine other
dialogues of the split. They are drawn by the dialogue's number, so that they are the same in every language, except
that a turn with the text of the right one is never among the wrong ones, nor one of them twice. Where the right one
stands is drawn too, for of equal scores the earlier document wins. The dialogues of the published dev file are our
train and dev split, a fifth of them dev; its test file is the test split.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.data.formats import find, read_lines
from isogloss.data.layouts import Layout
from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.tasks import Task

END_OF_TURN = "__eou__"
BETWEEN = " | "  # turns of a query; every tokenizer has a token for it
CANDIDATES = 10
DEV_PART = 5  # one dialogue of the dev file in so many is in our dev split
FILES = {"train": "dev", "dev": "dev", "test": "test"}


def read(folder: Path, split: str, tag: str) -> list[RankedQuery]:
    """The contexts of a split in one language, each with its own ten candidates.

    Raises:
        UserError: the split has fewer than ten different responses.
    """
    file = FILES[split]
    path = folder / f"{tag}_{file}_human.txt"
    dialogues = _dialogues(path)
    responses = {number: dialogues[number][-1] for number in _numbers(split, len(dialogues))}
    if (different := len(set(responses.values()))) < CANDIDATES:
        raise UserError(f"{find(path)}: {different} different last turns, {CANDIDATES} are needed; get the whole file")
    drawn = {number: candidates(number, responses) for number in responses}
    return [
        RankedQuery(
            id=f"{file}-{number}",
            language=tag,
            text=BETWEEN.join(dialogues[number][:-1]),
            documents=tuple(Document(id=f"{tag}/{file}-{each}", language=tag, text=responses[each]) for each in chosen),
            gains={f"{tag}/{file}-{number}": 1},
        )
        for number, chosen in drawn.items()
    ]


def candidates(number: int, responses: Mapping[int, str]) -> list[int]:
    """The dialogues whose responses a context is asked of: its own among nine others, all of different text."""
    drawn, numbers = random.Random(f"xdailydialog {number}"), list(responses)
    place, others, texts = drawn.randrange(CANDIDATES), list[int](), {responses[number]}
    while len(others) < CANDIDATES - 1:
        other = drawn.choice(numbers)
        if responses[other] not in texts:
            texts.add(responses[other])
            others.append(other)
    return [*others[:place], number, *others[place:]]


def _numbers(split: str, count: int) -> list[int]:
    """The dialogues of a split by their lines' numbers, from 0."""
    if split == "test":
        return list(range(count))
    order = sorted(range(count), key=lambda number: hashlib.sha256(f"xdailydialog {number}".encode()).digest())
    dev = set(order[: count // DEV_PART])
    return [number for number in range(count) if (number in dev) == (split == "dev")]


def _dialogues(path: Path) -> list[Sequence[str]]:
    """The turns of each dialogue; what follows a tab are labels of the original.

    Raises:
        UserError: a line has fewer than two turns.
    """
    found: list[Sequence[str]] = []
    for number, line in enumerate(read_lines(path), 1):
        turns = [" ".join(turn.split()) for turn in line.split("\t")[0].split(END_OF_TURN)]
        turns = [turn for turn in turns if turn]
        if len(turns) < 2:
            raise UserError(
                f"{find(path)}:{number}: {len(turns)} turns; a dialogue has two or more, {END_OF_TURN} after each"
            )
        found.append(turns)
    return found


TASK = Task(
    name="xdailydialog",
    kind="ranking",
    title="the next turn of a conversation among ten (XDailyDialog), 4 languages",
    read=read,
    layouts=(
        Layout(
            name="XDailyDialog",
            files={split: f"{{language}}_{file}_human.txt" for split, file in FILES.items()},
            read=lambda path, tag: _dialogues(path),
        ),
    ),
    languages=("de", "en", "it", "zh"),
    metric="P@1",
    other_metrics=("RR", "R@2", "R@5"),
    folder="xdailydialog",
    sizes={"train": 796, "dev": 199, "test": 996},
    paper="Liu et al. 2023, aclanthology.org/2023.acl-long.684",
    licence="CC BY-NC-SA 4.0",
)
