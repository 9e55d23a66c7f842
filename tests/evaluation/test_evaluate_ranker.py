"""Rankers on tasks with queries, from the command line: `isogloss evaluate bm25 --task xquad_r`."""

import json

import pytest
from helpers import assert_one_line
from tiny_collections import write_collections

from isogloss.evaluation.compare import compare
from isogloss.evaluation.evaluate_ranker import Origin, origin_of, tell_unseen
from isogloss.evaluation.results import read_items, read_result
from isogloss.evaluation.tables import markdown_table
from isogloss.retrieval.bm25 import BM25, Settings


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections")
    write_collections(folder)
    return folder


@pytest.fixture
def evaluate(command, collections):
    def run(*words, ranker="bm25", task="xquad_r"):
        return command("evaluate", ranker, "--task", task, "--data", collections, *words)

    return run


def test_every_language_of_queries_has_its_scores_and_its_bias(evaluate, tmp_path):
    output = tmp_path / "x.json"
    outcome = evaluate("--metric", "RR@10 nDCG@10 R@100", "--output", output)
    assert outcome.code == 0, outcome.err
    result = read_result(output)
    assert (result.method, result.encoder, result.metric) == ("bm25", "none", "RR@10")
    assert list(result.languages) == ["de", "en"] and set(result.other_metrics) == {"nDCG@10", "R@100"}
    assert result.languages["de"].n == 10 and result.data["documents"] == {"de": 20, "en": 20}
    assert result.languages["de"].value == 100  # the name and the mill are in one German sentence
    assert result.settings["config"] == {"k1": 1.2, "b": 0.75, "stop_share": 1.0}
    low, high = result.other_ci95["R@100"]["de"]
    assert low <= result.other_metrics["R@100"]["de"] <= high
    row = result.language_bias["languages"]["de"]
    assert row["found"]["de"] > row["blind"]["de"] and row["bias"] == pytest.approx(
        row["found"]["de"] - row["blind"]["de"], abs=0.02
    )
    assert "languages of the first 10 documents" in outcome.out and f"{row['bias']:.1f}" in outcome.out
    assert (
        read_items(output, result)["de"].keys()
        == {f"q{n}" for n in range(15)} & read_items(output, result)["de"].keys()
    )
    assert "| bm25 |" in markdown_table(compare([output]))


def test_documents_can_be_those_of_some_languages(evaluate, tmp_path):
    output = tmp_path / "x.json"
    assert evaluate("--documents", "eng", "--languages", "de", "--output", output).code == 0
    result = read_result(output)
    assert result.data["documents"] == {"en": 20} and result.language_bias == {}
    assert result.settings["documents"] == ["en"]


def test_an_encoder_as_it_is_ranks_and_its_settings_are_told(evaluate, encoder_folder, tmp_path):
    output = tmp_path / "x.json"
    spec = f"dense:{encoder_folder}"
    outcome = evaluate("--set", "layer=1", "--split", "dev", "--output", output, ranker=spec)
    assert outcome.code == 0, outcome.err
    result = read_result(output)
    assert (result.method, result.encoder) == ("dense", str(encoder_folder))
    assert result.settings["config"]["layer"] == 1 and result.metric == "nDCG@10"


def test_a_collection_without_languages_to_choose_has_no_bias(evaluate):
    outcome = evaluate("--json", task="cranfield")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert "language_bias" not in result and result["languages"]["en"] | {"ci95": 0} == {
        "value": 100,
        "ci95": 0,
        "n": 4,
    }


def test_a_bitext_is_ranked_when_a_ranker_is_asked(evaluate):
    outcome = evaluate("--languages", "de", "--metric", "P@1", "--json", task="tatoeba")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert (result["metric"], result["languages"]["de"]["value"]) == ("P@1", 100)


def test_queries_without_a_relevant_document_are_left_out_and_told(command, collections, tmp_path):
    folder = tmp_path / "cranfield"
    folder.mkdir()
    for path in (collections / "cranfield").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "cranqrel.trec.txt").write_text("1 0 1 1\n2 0 2 1\n3 0 3 1\n4 0 4 0\n5 0 5 1\n6 0 77 1\n")
    outcome = command("evaluate", "bm25", "--task", "cranfield", "--data", tmp_path, "--json")
    assert outcome.code == 0 and "'77' are not in the collection" in outcome.err
    left = json.loads(outcome.out)["languages"]["en"]["n"]
    lacking = 4 - left
    assert lacking and f"{lacking} of 4 queries in en have no relevant document and are left out" in outcome.err


@pytest.mark.parametrize(
    ("words", "given", "told"),
    [
        (["--metric", "nDCG@ten"], {}, "no metric 'nDCG@ten'; did you mean nDCG@10"),
        (["--split", "train"], {"task": "cranfield"}, "task cranfield has no train split"),
        (["--split", "dev"], {"task": "tatoeba"}, "task tatoeba has no split 'dev'"),
        (["--documents", "sw"], {}, "has no document in 'sw'"),
        (["--languages", "sw"], {}, "xquad_r has no test items in Swahili"),
        (["--set", "k3=1"], {}, "unknown key 'k3'"),
        (["--pairing", "self"], {}, "--pairing self: a query is read alone"),
        ([], {"ranker": "bm"}, "no ranker 'bm'; did you mean bm25"),
        ([], {"ranker": "dense:/nowhere"}, "/nowhere"),
        ([], {"ranker": "bm25", "task": "sib200"}, "bm25 ranks, task sib200 is classification"),
    ],
)
def test_a_mistake_is_one_line(evaluate, words, given, told):
    assert_one_line(evaluate(*words, **given), told)


def test_a_ranker_needs_a_task_and_other_tasks_have_no_measures(command, data, trained):
    assert_one_line(command("evaluate", "bm25"), "say with --task what it is scored on")
    folder = trained("classification", "zero_shot")
    words = ("evaluate", folder, "--task", "sib200", "--data", data)
    assert_one_line(command(*words, "--metric", "P@1"), "--metric P@1: it is chosen for rankings alone")
    assert_one_line(command(*words, "--documents", "de"), "task sib200 is classification; leave it out")


def test_a_run_says_in_which_languages_it_was_never_trained(capsys):
    run = {
        "method": "m", "task": "xquad_r", "encoder": "tiny", "seed": 3, "languages": ["de"],
        "config": {}, "train": {}, "lengths": {},
    }  # fmt: skip
    origin = origin_of("somewhere", BM25(Settings(k1=0.9)), run)
    assert (origin.seeds, origin.languages, origin.settings["ranking"]["k1"]) == ((3,), ("en", "de"), 0.9)
    tell_unseen(origin, ["de", "sw", "en"])
    assert "trained on en, de and never on Swahili" in capsys.readouterr().err
    tell_unseen(Origin("bm25"), ["sw"])
    assert capsys.readouterr().err == ""
