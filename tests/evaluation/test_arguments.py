from pathlib import Path

import pytest

from isogloss.evaluation.arguments import named_path


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("runs/a", (None, Path("runs/a"))),
        ("FILTER=runs/a", ("FILTER", Path("runs/a"))),
        ("a=b=c", ("a", Path("b=c"))),
        ("runs/lr=1/a", (None, Path("runs/lr=1/a"))),
        (Path("runs"), (None, Path("runs"))),
    ],
)
def test_what_stands_before_the_first_sign_is_the_name(argument, found):
    assert named_path(argument) == found


def test_a_path_that_is_there_has_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=1").mkdir()
    assert named_path("lr=1") == (None, Path("lr=1"))
