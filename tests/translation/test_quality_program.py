"""A program of the user's judges translations, whatever it does wrong is one line."""

import sys
from dataclasses import replace
from threading import Event

import pytest

from isogloss.data.parallel_set import Row
from isogloss.errors import UserError
from isogloss.records import Sentence
from isogloss.translation.gates import judged
from isogloss.translation.quality_program import program_scores


def row(text, translation, tag="de", **values):
    original = Sentence(id=values.pop("id", "1"), language="en", text=text, label=values.pop("label", "a"))
    return Row(original=original, language=tag, translation=replace(original, language=tag, text=translation))


PROGRAM = """
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    assert set(row) == {"source_language", "language", "source", "translation"}
    print(len(row["translation"]))
"""


def program(tmp_path, text=PROGRAM):
    (tmp_path / "scores.py").write_text(text)
    return [sys.executable, str(tmp_path / "scores.py")]


def test_a_program_of_the_users_own_judges(tmp_path):
    rows = [row("a b c d", "x" * (10 + i), id=str(i)) for i in range(10)] + [row("a b c d", "a b c d", id="copy")]
    found = list(judged(lambda: rows, {"copy": 4, "quality": 0.2}, program=program(tmp_path)))
    assert [each.original.id for each in found if each.reason == "quality"] == ["0", "1"]
    assert found[-1].reason == "copy"


def test_a_program_gets_more_rows_than_a_pipe_holds(tmp_path):
    late = "import sys\nlines = sys.stdin.readlines()\nprint('\\n'.join(str(i) for i in range(len(lines))))"
    rows = [row("a b c d", "x" * 1000, id=str(i)) for i in range(300)]
    found = list(judged(lambda: rows, {"quality": 0.01}, program=program(tmp_path, late)))
    assert [each.original.id for each in found if each.reason] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import sys; sys.exit(3)", "ended with exit code 3"),
        ("print('good')", "wrote 'good' where a number is expected"),
        ("print('nan')", "wrote 'nan' where a number"),
        ("print(1)\nprint(2)", "wrote 2 numbers for 1 rows"),
        ("", "wrote 0 numbers for 1 rows"),
    ],
)
def test_a_program_that_fails_is_one_line(tmp_path, text, complaint):
    with pytest.raises(UserError, match=complaint):
        list(judged(lambda: [row("a", "b")], {"quality": 0.5}, program=program(tmp_path, text)))


def test_a_program_that_fails_before_it_is_fed_says_so_too(tmp_path):
    deaf, told = "import os\nos.close(0)\nprint('good', flush=True)", Event()

    def rows():
        yield row("a", "b")
        told.wait(20)

    with pytest.raises(UserError, match="wrote 'good' where a number"):
        program_scores(program(tmp_path, deaf), rows(), 1)
    told.set()


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(UserError, match="cannot start 'no-such-program'"):
        program_scores(["no-such-program", "--x"], [row("a", "b")], 1)
