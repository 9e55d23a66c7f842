"""Lines in a pipe: a line for a line, whatever fails, however much is read of it."""

import io
import sys

import pytest
from helpers import standard_input
from translation.fake_engine import Fake

from isogloss.errors import UserError
from isogloss.translation.pipe import translate_lines
from isogloss.translation.place import Place


def pipe(monkeypatch, text, engine, target=None):
    monkeypatch.setattr(sys, "stdin", standard_input(text))
    translate_lines(None, Place(target), engine, ("en", "de"))


def test_a_pipe_gives_a_line_for_a_line(monkeypatch, capsys):
    text = "One. Two.\n\n  \u200fThree\r\n... 12\nno end".encode()
    pipe(monkeypatch, text, Fake())
    out, err = capsys.readouterr()
    assert out == "One.-de Two.-de\n\n  \u200fThree-de\r\n... 12\nno-de end-de\n"
    assert err == ""


def test_a_line_that_failed_is_empty_and_told_at_the_end(monkeypatch, capsys, tmp_path):
    lines = b"Good.\nBad one.\n" * 7
    with pytest.raises(UserError) as raised:
        pipe(monkeypatch, lines, Fake(failing="Bad"), tmp_path / "out.txt")
    assert str(raised.value).startswith("7 lines were not translated and are empty: line 2: reached the output limit;")
    assert str(raised.value).endswith("line 10: reached the output limit and 2 more")
    assert (tmp_path / "out.txt").read_text() == "Good.-de\n\n" * 7


def test_a_line_stays_one_line_whatever_the_engine_answers(monkeypatch, capsys):
    class Poet(Fake):
        def one(self, text, target):
            made = super().one(text, target)
            return type(made)((type(made.hypotheses[0])("two\nlines"),))

    pipe(monkeypatch, b"A.\nB.\n", Poet())
    assert capsys.readouterr().out == "two lines\ntwo lines\n"


def test_a_pipe_is_read_by_one_process(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="read by one process"):
        pipe(monkeypatch, b"A.\n", Fake())


def test_a_reader_that_has_had_enough_ends_the_pipe_quietly(monkeypatch):
    class Closed(io.StringIO):
        def writelines(self, lines):
            next(iter(lines))
            raise BrokenPipeError

        def fileno(self):
            return self.file.fileno()

    with open("/dev/null", "w") as file:
        closed = Closed()
        closed.file = file
        monkeypatch.setattr(sys, "stdout", closed)
        pipe(monkeypatch, b"A.\nB.\n", Fake())
