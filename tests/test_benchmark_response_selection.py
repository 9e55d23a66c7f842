"""The benchmark of response selection in small: rows are trained alike, and scored across languages."""

import json
import sys

import pytest
from toy_ranking import write_xdailydialog

from benchmarks import rankers_page, response_selection
from benchmarks.pieces import Table
from isogloss.data.directions import Direction
from isogloss.data.rankings import read_queries
from isogloss.tasks import load_task

pytest.importorskip("ir_measures")


def test_contexts_of_one_language_are_asked_of_replies_in_another(tmp_path):
    queries = read_queries(load_task("xdailydialog"), write_xdailydialog(tmp_path), "test", ["en", "de"])
    across = response_selection.across(queries, Direction("de", "en"))
    for query, german, english in zip(across, queries["de"], queries["en"], strict=True):
        assert (query.text, query.language) == (german.text, "de")
        assert query.documents == english.documents and query.gains == english.gains
        assert german.id == english.id and set(query.gains) < {each.id for each in query.documents}


def test_rows_are_trained_with_the_same_updates_and_scored_in_every_direction(
    encoder_folder, tmp_path, monkeypatch, capsys
):
    words = ["--quick", "--data", write_xdailydialog(tmp_path), "--encoder", encoder_folder, "--seeds", "1,2"]
    words += ["--rows", "one_way,cross_encoder", "--directions", "de-de,de-en", "--runs", tmp_path / "runs"]
    words += ["--set", "max_length=100", "--set", "max_question=40"]  # no more than the encoder reads
    monkeypatch.setattr(sys, "argv", list(map(str, ["x", *words, "--output", tmp_path / "found.json"])))
    response_selection.main()
    content = json.loads((tmp_path / "found.json").read_text())
    rows = content["rows"]
    assert list(rows) == ["one_way", "cross_encoder"]
    for name, row in rows.items():
        assert row["P@1"].keys() == row["RR"].keys() == {"de-de", "de-en"}
        assert [(run["updates"], run["seed"]) for run in row["runs"]] == [(2, 1), (2, 2)]
        assert ("P@1 minus one_way" in row) == ("RR minus one_way" in row) == (name != "one_way")
    _, describe = rankers_page.PARTS["Who sees whom"][1:]
    tables = [piece for piece in describe(content) if isinstance(piece, Table)]
    assert [list(table.header[1:]) for table in tables] == [["de-de", "de-en", "against the first"]] * 2
    assert [row[0] for row in tables[0].rows] == list(rows)
    assert [row[-1] == "–" for row in tables[0].rows] == [True, False]
    assert "one_way: P@1 de-de" in capsys.readouterr().out
