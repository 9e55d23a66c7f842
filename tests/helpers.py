"""What several test files share beside the fixtures."""

import io
import os
from pathlib import Path

import numpy as np

from isogloss.losses import IGNORED
from isogloss.records import TaggedSentence, split_words

_SHARED = Path(__file__).parents[2] / "shared"
DATA = Path(os.environ.get("ISOGLOSS_DATA") or _SHARED / "data")  # real data sets
GOLDEN = Path(os.environ.get("ISOGLOSS_GOLDEN") or _SHARED / "golden")  # numbers from running the original code


class Stopped(BaseException):
    """What a test stops a run with; nothing catches it."""


def sentence(text, tags=None, language="en"):
    """A text with its words, and tags if they are given."""
    words = split_words(text)
    return TaggedSentence(id="1", language=language, text=text, words=words, tags=None if tags is None else tuple(tags))


def sure_tags(windows, classes):
    """Logits of a perfect tagger: the label's class wins wherever there is one."""
    rows = []
    for window in windows:
        logits = np.zeros((len(window.input_ids), classes), dtype=np.float32)
        for token, label in enumerate(window.label):
            if label != IGNORED:
                logits[token, label] = 5
        rows.append(logits)
    return rows


def sure_answers(windows):
    """Logits of a perfect reader: the labels win, which are the first token where there is no answer."""
    rows = []
    for window in windows:
        logits = np.zeros((len(window.input_ids), 2), dtype=np.float32)
        logits[window.label[0], 0] = logits[window.label[1], 1] = 9
        rows.append(logits)
    return rows


def assert_one_line(outcome, complaint):
    """The command failed as a user's mistake does: exit code 1, and one line with these words."""
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("isogloss: ")
    assert complaint in lines[0]
    assert "Error:" not in lines[0], "an exception that nobody foresaw"


def edit(path, old, new):
    """Replace the first occurrence in a text file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edited(name, old, new):
    """A function that damages a data folder: in one file, one text becomes another."""
    return lambda data: edit(data / name, old, new)


def rewritten(name, content):
    """A function that damages a data folder: a file has other bytes."""
    return lambda data: (data / name).write_bytes(content)


def standard_input(content):
    """A standard input with these bytes, in a locale that knows no other letters than those of ASCII."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="ascii")
