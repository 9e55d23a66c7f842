"""Rankers that take something from the task's other splits: banks of texts, anchor queries."""

import json

import pytest
from helpers import assert_one_line, edit
from retrieval.words import Words
from tiny_collections import write_collections
from toy_ranking import finished, job

from isogloss.data.rankings import read_queries
from isogloss.evaluation.results import read_result
from isogloss.retrieval import cross_encoder
from isogloss.retrieval.dbnorm import GRID
from isogloss.tasks import load_task


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections")
    write_collections(folder)
    return folder


@pytest.fixture
def evaluate(command, collections):
    def run(ranker, *words, task="xquad_r"):
        return command("evaluate", ranker, "--task", task, "--data", collections, *words)

    return run


def test_a_correction_takes_its_bank_from_training_and_its_beta_from_dev(evaluate, encoder_folder, tmp_path):
    output = tmp_path / "x.json"
    outcome = evaluate(f"dbnorm:dense:{encoder_folder}", "--set", "correction=dual_is", "--output", output)
    assert outcome.code == 0, outcome.err
    result = read_result(output)
    assert (result.method, result.encoder) == ("dbnorm", f"dense:{encoder_folder}")
    betas = {"query": result.settings["config"]["beta"], "gallery": result.settings["config"]["gallery_beta"]}
    assert set(betas.values()) <= set(GRID)
    assert result.data["tuned"] == {f"{name}_bank_beta": beta for name, beta in betas.items()}
    assert result.data["tuned_on"] == "dev"
    found = result.hubness["languages"]["de"]
    assert result.hubness["first"] == 10 and found["most"] <= 10 and found["before"]["most"] <= 10
    assert "hubness in de: skewness of N_10" in outcome.err and "its sums say little below 100" in outcome.err


def test_every_ranking_in_a_collection_tells_its_hubness(evaluate, tmp_path):
    assert evaluate("bm25", "--output", tmp_path / "x.json").code == 0
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["hubness"]
    assert found["languages"].keys() == {"de", "en"}
    assert found["languages"]["de"].keys() == {"skewness", "most", "never"}


def test_a_task_without_training_needs_a_bank_and_a_beta(evaluate, encoder_folder, tmp_path):
    ranker = f"dbnorm:dense:{encoder_folder}"
    outcome = evaluate(ranker, task="tatoeba")
    assert outcome.code == 1
    assert "is asks a query bank, and there is none; give a file of texts with --set query_bank=FILE" in outcome.err
    bank = tmp_path / "bank.txt"
    bank.write_text("".join(f"Satz {number}.\n" for number in range(120)), encoding="utf-8")
    words = ("--set", f"query_bank={bank}", "--set", "beta=5")
    assert evaluate(ranker, *words, "--output", tmp_path / "x.json", task="tatoeba").code == 0
    result = read_result(tmp_path / "x.json")
    assert "tuned" not in result.data and result.settings["config"]["query_bank"] == str(bank)


@pytest.mark.parametrize(
    ("ranker", "words", "complaint"),
    [
        ("dbnorm", (), "dbnorm: name the ranker to be corrected behind the colon, for example dbnorm:dense:tiny"),
        ("dbnorm:bm25", (), "bm25 has no vectors to be corrected"),
        ("dbnorm:dense:tiny", ("--set", "corection=is"), "unknown key 'corection'; did you mean correction?"),
        ("dbnorm:dense:tiny", ("--set", "beta=0"), "beta = 0"),
        ("anncur", (), "anncur: name the folder of a run that scores documents behind the colon"),
        ("anncur:bm25", (), "bm25"),
    ],
)
def test_mistakes_are_told_in_one_line(evaluate, ranker, words, complaint):
    assert_one_line(evaluate(ranker, *words), complaint)


@pytest.fixture(scope="module")
def cross_encoder_run(encoder_folder, tmp_path_factory):
    made = job(encoder_folder, "cross_encoder", cross_encoder.Settings())
    method = cross_encoder.Method(made.recipe.config)
    folder = finished(method, made, method.build(made), tmp_path_factory.mktemp("run") / "cross")
    edit(folder / "isogloss.json", '"task": "toy"', '"task": "xquad_r"')
    return folder


def test_anncur_ranks_with_a_run_of_pairs_within_its_budget(evaluate, collections, cross_encoder_run, tmp_path):
    settings = ("budget=12", "share=0.5", "ridge=0.01", "anchor_queries=5", f"folder={tmp_path / 'kept'}")
    words = [word for setting in settings for word in ("--set", setting)]
    for _ in range(2):
        output = tmp_path / "x.json"
        outcome = evaluate(f"anncur:{cross_encoder_run}", *words, "--metric", "R@10 RR@10", "--output", output)
        assert outcome.code == 0, outcome.err
    task = load_task("xquad_r", collections)
    documents = read_queries(task, collections, "test", ["de"])["de"][0].documents
    texts = len({each.text for each in documents})
    assert f"anncur: {5 * texts} calls" in outcome.err
    result = read_result(output)
    assert (result.method, result.encoder) == ("anncur", str(cross_encoder_run))
    assert result.settings["config"]["budget"] == 12 and len(list((tmp_path / "kept").iterdir())) == 1


def test_a_run_with_vectors_needs_no_anchors(evaluate, monkeypatch):
    class Run:
        judge = Words(("words",))

    monkeypatch.setattr("isogloss.retrieval.anncur.load_ranking", lambda folder: Run())
    assert_one_line(evaluate("anncur:somewhere"), "has vectors, so that its best documents are found directly")
