import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from isogloss.errors import UserError
from isogloss.evaluation.leaderboard import leaderboard
from isogloss.evaluation.leaderboard_page import leaderboard_html, write_leaderboard

HOSTILE = "</title><script>alert('x')</script>\"'&<img src=x onerror=alert(1)>"
PAWSX = {"de": 0.80, "en": 0.90, "es": 0.82, "fr": 0.84, "ja": 0.70, "ko": 0.72, "zh": 0.76}


@pytest.fixture
def html(tmp_path, fake_run):
    """The page of a result with a hostile method, encoder and command."""
    run = fake_run(tmp_path / "a", PAWSX, task="pawsx", method=HOSTILE, encoder=HOSTILE)
    other = fake_run(tmp_path / "b", PAWSX, task="pawsx")
    return leaderboard_html(leaderboard([run, other], resamples=50), command=HOSTILE)


def test_hostile_names_are_escaped_everywhere(html):
    assert "<script" not in html and "<img" not in html
    assert html.count("<title>") == html.count("</title>")


def test_nothing_is_fetched(html):
    assert not re.search(r"https?://|url\(|@import|\bsrc=|\bhref=\"[^#]", html.replace("&lt;img src=x", ""))
    assert "default-src 'none'" in html


def test_pictures_are_well_formed_and_only_of_columns_with_own_scores(html):
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) > 20
    for picture in pictures:
        for mark in ElementTree.fromstring(picture).iter("circle"):
            assert 0 <= float(mark.attrib["cx"].rstrip("%")) <= 100
    assert re.findall(r"<h3>(.*?)</h3>", html) == ["PAWS-X"]


def test_marks_sections_sources_and_the_command_are_on_the_page(html):
    for part in ("76.2†", "published, translate-train", "from memory: Fang et al. 2020", "How to make this page"):
        assert part in html
    assert "FILTER + self-teaching, translations at test" in html  # in the picture, read, so without a mark
    assert "MMTE, zero-shot†" in html


@pytest.mark.parametrize(
    ("name", "beginning"), [("table.html", "<!doctype html>"), ("table.md", "# XTREME"), ("table.json", "{")]
)
def test_the_ending_of_the_name_is_the_form(tmp_path, fake_run, name, beginning):
    board = leaderboard([fake_run(tmp_path / "a", PAWSX, task="pawsx")], resamples=50)
    write_leaderboard(board, tmp_path / "out" / name)
    text = (tmp_path / "out" / name).read_text(encoding="utf-8")
    assert text.startswith(beginning)
    if name.endswith(".json"):
        assert json.loads(text) == json.loads(json.dumps(board.to_json()))


def test_another_ending_is_refused(tmp_path, fake_run):
    board = leaderboard([fake_run(tmp_path / "a", PAWSX, task="pawsx")], resamples=50)
    with pytest.raises(UserError, match="no form for .txt; use .html, .md, .json"):
        write_leaderboard(board, tmp_path / "table.txt")
    assert not (tmp_path / "table.txt").exists()


def test_the_command_prints_the_table_or_json_and_writes_a_file(command, tmp_path, fake_run):
    run = fake_run(tmp_path / "a", PAWSX, task="pawsx")
    outcome = command("leaderboard", run, "--output", tmp_path / "table.md")
    assert (outcome.code, outcome.err) == (0, "") and "— own results" in outcome.out
    assert (tmp_path / "table.md").read_text(encoding="utf-8").startswith("# XTREME")
    found = json.loads(command("leaderboard", f"mine={run}", "--benchmark", "xglue", "--json").out)
    assert [entry["name"] for entry in found["entries"]] == ["mine", "Unicoder", "FILTER"]
    mistake = command("leaderboard", run, "--output", tmp_path / "table.txt")
    assert (mistake.code, len(mistake.err.splitlines())) == (1, 1)
