import json
import sys
from pathlib import Path

import pytest
from toy_ranking import write_xdailydialog, write_xquad_r

from benchmarks import rankers, rankers_page
from benchmarks.pieces import Table
from isogloss.recipe import read_recipe
from isogloss.tasks import load_task

LENGTHS = {"max_length": 100, "max_question": 60}


@pytest.fixture
def small_recipes(monkeypatch, encoder_folder):
    """The recipes on a random encoder, which is the control as well."""
    read = rankers.read_recipe

    def small(name):
        return read(name) | {"encoder": str(encoder_folder), "languages": ["en", "de"], "lengths": LENGTHS}

    monkeypatch.setattr(rankers, "read_recipe", small)
    monkeypatch.setattr(rankers, "CONTROLS", {"bm25": "bm25", "dense": f"dense:{encoder_folder}"})


@pytest.mark.parametrize("task", ["xquad_r", "xdailydialog"])
def test_all_rows_are_trained_scored_and_written(task, tmp_path, monkeypatch, small_recipes, capsys):
    make = {"xquad_r": write_xquad_r, "xdailydialog": write_xdailydialog}[task]
    words = [task, "--data", make(tmp_path / "data"), "--quick", "--seeds", "1,2", "--rates", "1e-4,2e-4"]
    words += ["--methods", "bi_encoder,cross_encoder", "--depth", "10", "--runs", tmp_path / "runs"]
    words += ["--results", tmp_path / "results", "--output", tmp_path / "out.json"]
    monkeypatch.setattr(sys, "argv", ["rankers", *map(str, words)])
    rankers.main()
    found = json.loads((tmp_path / "out.json").read_text())
    assert set(found["rates"]) == {"bi_encoder", "cross_encoder"} and set(found["rates"]["bi_encoder"]) == {
        "0.0001",
        "0.0002",
    }
    assert len(found["runs"]) == 4 and all(run["updates"] == 2 for run in found["runs"].values())
    written = sorted(path.stem for path in (tmp_path / "results").rglob("*.json"))
    alone = ["bi_encoder-test-seed1", "bi_encoder-test-seed2", "bm25-test", "dense-test"]
    if task == "xdailydialog":
        assert written == sorted([*alone, "cross_encoder-test-seed1", "cross_encoder-test-seed2"])
    else:
        behind = [
            f"cross_encoder_over_{first}-test-seed{seed}"
            for first in ("bm25", "dense", "bi_encoder")
            for seed in (1, 2)
        ]
        assert written == sorted([*alone, *behind])
        matrix = found["query language by document language"]
        assert set(matrix) == {"bm25", "dense", "bi_encoder"} and set(matrix["bi_encoder"]["2"]) == {"en", "de"}
    _, describe = rankers_page.PARTS["Rankers across languages"][1:]
    rates, *matrices = (piece for piece in describe(found) if isinstance(piece, Table))
    assert [row[0] for row in rates.rows] == ["bi_encoder", "cross_encoder"]
    expected = [f"{name}, {tag}" for name in ("bm25", "dense", "bi_encoder") for tag in ("de", "en")]
    assert [[row[0] for row in table.rows] for table in matrices] == ([expected] if task == "xquad_r" else [])
    assert "cross_encoder" in capsys.readouterr().out


def test_what_is_learned_on_one_task_is_scored_on_another_in_the_languages_of_both(
    tmp_path, monkeypatch, small_recipes, encoder_folder
):
    data = write_xquad_r(tmp_path / "data")
    folder = data / "tatoeba"
    folder.mkdir()
    for code, lines in {"deu": ("Katze", "Hund"), "nld": ("kat", "hond")}.items():
        (folder / f"tatoeba.{code}-eng.{code}").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / f"tatoeba.{code}-eng.eng").write_text("cat\ndog\n", encoding="utf-8")
    words = ["tatoeba", "--trained-on", "xquad_r", "--data", data, "--quick", "--seeds", "1", "--rates", "1e-4,2e-4"]
    words += ["--methods", "bi_encoder", "--depth", "1", "--runs", tmp_path / "runs", "--results", tmp_path / "results"]
    monkeypatch.setattr(sys, "argv", ["rankers", *map(str, words)])
    rankers.main()
    assert (tmp_path / "runs/xquad_r/bi_encoder-0.0002-seed1/results/dev.json").is_file()  # tuned where it is trained
    written = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "results").glob("*/*.json")}
    assert set(written) == {"bm25-test", "dense-test", "bi_encoder-test-seed1"}
    assert {each["task"] for each in written.values()} == {"tatoeba"}
    assert set(written["bm25-test"]["languages"]) == {"de"}


def test_a_call_for_one_method_or_seed_keeps_what_was_written_of_others_with_the_same_depth(tmp_path):
    output, about = tmp_path / "out.json", {"task": "toy", "depth": 20}
    earlier = {"rates": {"bi_encoder": {"0.1": 1.0}}, "runs": {"bi_encoder, seed 1": {}}}
    output.write_text(json.dumps(about | earlier | {rankers.MATRICES: {"bm25": {"0": {}}, "bi_encoder": {"1": {}}}}))
    found = {"rates": {}, "runs": {"cross_encoder, seed 1": {}}, rankers.MATRICES: {"bi_encoder": {"2": {}}}}
    assert rankers.beside(found, about, output) == {
        "rates": {"bi_encoder": {"0.1": 1.0}},
        "runs": {"bi_encoder, seed 1": {}, "cross_encoder, seed 1": {}},
        rankers.MATRICES: {"bm25": {"0": {}}, "bi_encoder": {"1": {}, "2": {}}},
    }
    assert rankers.beside(found, about | {"depth": 10}, output) == found


def test_without_a_choice_of_rates_nothing_is_trained_and_the_recipe_has_its_own():
    task = load_task("xquad_r")
    experiment = rankers.Experiment(task, task, Path("nowhere"), Path("nowhere"), 20, 0, False)
    own = read_recipe("xquad_r_bi_encoder")["train"]["learning_rate"]
    assert rankers.best_rate(experiment, "bi_encoder", [], 1) == (own, {})
    assert rankers.best_rate(experiment, "bi_encoder", [0.5], 1) == (0.5, {})
