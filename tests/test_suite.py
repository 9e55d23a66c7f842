"""Suites: several methods on one recipe, with trainings shared where they are the same."""

import json

import pytest
import torch
from safetensors.torch import load_file

from isogloss.errors import UserError
from isogloss.evaluation.compare import compare
from isogloss.evaluation.evaluate import evaluate
from isogloss.evaluation.results import read_result
from isogloss.runs import load
from isogloss.suite import ROWS, UNSUPPLIED, Row, run_rows


@pytest.fixture(scope="module")
def suite(data, encoder_folder, tmp_path_factory):
    """A content of a recipe, the folder of its runs, and the results of all rows."""
    folder = tmp_path_factory.mktemp("suite")
    content = {
        "task": "sib200",
        "encoder": str(encoder_folder),
        "data": str(data / "sib200"),
        "languages": ["en", "de"],
        "train": {"updates": 2, "batch_size": 4},
        "lengths": {"max_length": 32},
    }
    return content, folder, list(run_rows(content, ROWS, {"seed": 1}, folder))


def test_a_suite_gives_one_row_per_method_and_three_trainings_serve_five_rows(suite):
    _, folder, results = suite
    (table,) = compare(results).tables
    labels = {row.label for row in table.rows}
    assert labels == {"zero_shot", "translate_train", "translate_test", "filter", "filter + self-teaching"}
    trained = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("isogloss.json")}
    assert trained == {"zero_shot", "translate_train", "filter_self_teaching", "filter_self_teaching/teacher"}


def test_texts_without_a_translation_are_read_alone_and_beside_the_embedded_translators(suite):
    content, folder, results = suite
    alone, machine = run_rows(content, UNSUPPLIED, {"seed": 1}, folder)
    (table,) = compare([*results, alone, machine]).tables
    labels = [row.label for row in table.rows if row.method == "filter"]
    quality = read_result(machine).data["translation_chrF"]
    assert list(quality) == ["de"] and 0 < quality["de"] < 100
    (by_machine,) = (label for label in labels if "tiny-mt" in label)
    assert by_machine.startswith(f"filter, English by tiny-mt, beam=1 (chrF {quality['de']:.1f}")
    assert set(labels) == {"filter", "filter, no translation", by_machine, "filter + self-teaching"}


def test_what_is_finished_is_not_done_again(suite):
    content, folder, results = suite
    before = [path.stat().st_mtime_ns for path in results]
    assert list(run_rows(content, ROWS, {"seed": 1}, folder)) == results
    assert [path.stat().st_mtime_ns for path in results] == before


def test_translate_test_is_trained_bit_for_bit_as_zero_shot(suite):
    content, folder, _ = suite
    list(run_rows(content, (Row("own", "translate_test"),), {"seed": 1}, folder))
    first, second = (load_file(folder / name / "model.safetensors") for name in ("zero_shot", "own"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    shared = json.loads((folder / "translate_test" / "results" / "test.json").read_text())
    own = json.loads((folder / "own" / "results" / "test.json").read_text())
    assert shared["method"] == own["method"] == "translate_test"
    assert shared["languages"] == own["languages"]


def test_a_run_is_not_read_as_a_method_that_is_trained_differently(suite):
    _, folder, _ = suite
    with pytest.raises(UserError, match="a run of zero_shot cannot be read as filter"):
        load(folder / "zero_shot", "filter")


def test_a_run_is_scored_on_some_items_if_asked(suite):
    _, folder, _ = suite
    assert {score.n for score in evaluate(folder / "zero_shot", items=2).languages.values()} == {2}


def test_the_items_of_a_recipe_are_those_its_runs_are_scored_on(suite, tmp_path):
    content, _, _ = suite
    (result,) = run_rows({**content, "test_items": 3}, (Row("zero_shot", "zero_shot"),), {"seed": 1}, tmp_path)
    assert {score.n for score in read_result(result).languages.values()} == {3}
    assert {score.n for score in evaluate(tmp_path / "zero_shot", items=0).languages.values()} != {3}
