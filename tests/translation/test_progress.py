"""Progress: speed is that of the work, not of what was known; the time left is that of all languages."""

import io

from isogloss.translation import progress as progress_module
from isogloss.translation.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    return now


def test_a_line_now_and_then_says_rows_speed_and_time_left(monkeypatch, capsys):
    now = clock(monkeypatch)
    watch = Progress(["de", "sw"], 1000)
    watch.found("de", 300)
    assert capsys.readouterr().err == ""
    now[0] += 20
    watch.worked("de", 100)
    assert capsys.readouterr().err == "de: 400/1000 rows, 5.0 rows/s, 5:20 left for all 2 languages\n"
    now[0] += 40
    watch.worked("sw", 100)
    assert capsys.readouterr().err == "sw: 100/1000 rows, 2.5 rows/s, 8:00 left for all 2 languages\n"
    assert watch.summary() == "de: 400 rows at 5.0 rows/s, 300 were known\nsw: 100 rows at 2.5 rows/s"


def test_without_a_total_there_is_no_time_left(monkeypatch, capsys):
    now = clock(monkeypatch)
    watch = Progress(["de"])
    now[0] += 20
    watch.worked("de", 50)
    watch.close()
    assert capsys.readouterr().err == "de: 50 rows, 2.5 rows/s\n"


def test_on_a_terminal_the_line_is_rewritten_and_taken_away(monkeypatch):
    now, terminal = clock(monkeypatch), Terminal()
    monkeypatch.setattr(progress_module.sys, "stderr", terminal)
    watch = Progress(["de"], 60)
    for _ in range(2):
        now[0] += 1
        watch.worked("de", 20)
    watch.close()
    assert terminal.getvalue().split("\r\033[K") == [
        "",
        "de: 20/60 rows, 20.0 rows/s, 0:02 left",
        "de: 40/60 rows, 20.0 rows/s, 0:01 left",
        "",
    ]
