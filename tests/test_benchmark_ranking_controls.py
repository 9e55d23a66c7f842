"""The benchmark of cheap controls: BM25, BM25 tuned on dev alone, a plain encoder."""

import sys
from types import SimpleNamespace

from tiny_collections import write_collections

from benchmarks.ranking_controls import K1, B, main, tuned
from isogloss.evaluation.results import read_items, read_result
from isogloss.tasks import load_task


def test_every_row_is_scored_once_and_published(tmp_path, encoder_folder, monkeypatch, capsys):
    data, results = tmp_path / "data", tmp_path / "results"
    data.mkdir()
    write_collections(data)
    monkeypatch.setattr("benchmarks.ranking_controls.K1", (0.6, 3.0))
    monkeypatch.setattr("benchmarks.ranking_controls.B", (0.4,))
    words = ["cranfield,xquad_r", "--data", data, "--encoder", encoder_folder, "--results", results, "--items", "3"]
    monkeypatch.setattr(sys, "argv", ["ranking_controls", *map(str, words)])
    main()
    for task in ("cranfield", "xquad_r"):
        for row in ("bm25", "bm25_tuned", "dense"):
            path = results / f"{task}_tiny" / f"{row}-test.json"
            result = read_result(path)
            assert result.split == "test" and read_items(path, result)
    assert "bm25, b=0.4" in capsys.readouterr().out


def test_the_settings_are_those_of_the_grid_that_are_best_on_dev(tmp_path, monkeypatch):
    write_collections(tmp_path)
    scored = []

    def evaluate(ranker, task, *, data, split, items, asked):
        scored.append((split, asked.settings))
        return SimpleNamespace(average=5.0 if asked.settings == ("k1=1.6", "b=0.9") else 1.0)

    monkeypatch.setattr("benchmarks.ranking_controls.evaluate_ranker", evaluate)
    assert tuned(load_task("cranfield"), tmp_path, 0) == ("k1=1.6", "b=0.9")
    assert len(scored) == len(K1) * len(B) and {split for split, _ in scored} == {"dev"}
