import re

import pytest

from isogloss.evaluation.leaderboard import leaderboard
from isogloss.evaluation.leaderboard_tables import (
    LEGEND,
    grids,
    leaderboard_markdown,
    leaderboard_text,
    missing_notes,
    scores_grid,
)

PAWSX = {"de": 0.80, "en": 0.90, "es": 0.82, "fr": 0.84, "ja": 0.70, "ko": 0.72, "zh": 0.76}
PART = {tag: share for tag, share in PAWSX.items() if tag != "ko"}


@pytest.fixture
def board(tmp_path, fake_run):
    """A full result, one that lacks Korean, and the published rows."""
    runs = [
        fake_run(tmp_path / "a", PAWSX, task="pawsx"),
        fake_run(tmp_path / "b", PART, task="pawsx", method="zero_shot"),
    ]
    return leaderboard(runs, resamples=50)


def cells(grid, section, name):
    """The cells of a line by column."""
    (line,) = (line for line in grid.lines if (line.section, line.name) == (section, name))
    return dict(zip(grid.columns, line.cells, strict=True))


def test_values_from_memory_are_marked_and_the_mark_is_explained(board):
    grid = scores_grid(board)
    row = cells(grid, "published, translations at test", "FILTER + self-teaching")
    assert (row["XNLI"].text, row["PAWS-X"].text, row["UD-POS"].text) == ("83.9", "91.4", "76.2†")
    assert row["XQuAD"] == ("75.2†", "82.4/68.0")
    for text in (leaderboard_text(board), leaderboard_markdown(board)):
        assert LEGEND in text and "76.2†" in text


def test_an_f1_without_exact_match_is_shown_and_is_no_score(board):
    row = cells(scores_grid(board), "published, zero-shot", "InfoXLM large")
    assert row["MLQA"] == ("–", "F1 73.6") and row["question answering"].text == "–"


def test_settings_are_told_apart_and_own_rows_come_first(board):
    sections = list(dict.fromkeys(line.section for line in scores_grid(board).lines))
    assert sections == [
        "own results",
        "published, zero-shot",
        "published, translate-train",
        "published, translations at test",
        "published, leaderboard",
        "published, human",
    ]
    text = leaderboard_text(board)
    assert [text.count(f"— {section}\n") for section in sections] == [1] * len(sections)


def test_own_scores_carry_their_interval_and_a_gap_in_the_table_says_what_is_missing(board):
    row = cells(scores_grid(board), "own results", "filter")
    assert row["PAWS-X"].text == "79.1" and re.fullmatch(r"\[7\d, 8\d\]", row["PAWS-X"].detail)
    partial = cells(scores_grid(board), "own results", "zero_shot")
    assert partial["PAWS-X"] == ("–", "")
    first, second = missing_notes(board)
    assert first.startswith("no overall score of filter: no results on XNLI, UD-POS")
    assert second.endswith("; PAWS-X lacks ko") and "of zero_shot" in second


def test_rows_that_lack_the_same_are_told_together(tmp_path, fake_run):
    runs = [fake_run(tmp_path / method, PAWSX, task="pawsx", method=method) for method in ("filter", "zero_shot")]
    (note,) = missing_notes(leaderboard(runs, resamples=50))
    assert note.startswith("no overall score of filter; zero_shot: no results on XNLI")


def test_the_mean_of_the_languages_present_is_called_no_score(board):
    (grid,) = grids(board)[1:]
    lines = {line.name: line.cells for line in grid.lines}
    assert [cell.text for cell in lines["score"]] == ["79.1", "–"]
    mean = 100 * sum(PART.values()) / 6
    assert lines["mean of those present, no score"] == (("–", ""), (f"({mean:.1f})", "6 of 7"))
    assert [cell.text for cell in lines["gap to English"]] == ["+12.7", "–"]
    assert [cell.text for cell in lines["Korean"]] == ["72.0", "–"]
    assert grid.notes == ("gap to English: English minus the mean of the other languages, where none is missing",)


def test_a_narrow_terminal_gets_the_columns_in_turns(board):
    text = leaderboard_text(board, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("XTREME, test") > 1
    for column in ("overall", "Tatoeba", "XNLI"):
        assert column in text


def test_markdown_cells_are_escaped_and_sources_are_listed(tmp_path, fake_run):
    run = fake_run(tmp_path / "a", PAWSX, task="pawsx", method="a|b<script>")
    text = leaderboard_markdown(leaderboard([run], resamples=50))
    assert "a\\|b\\<script\\>" in text and "<script>" not in text
    widths = {line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| mBERT")}
    assert widths == {16}
    assert "- mT5 XXL, zero-shot: google-research/multilingual-t5" in text
    assert "For TyDi QA the lecture has F1 80.8, EM 65.9." in text
