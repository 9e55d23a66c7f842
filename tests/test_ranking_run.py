"""Runs that rank: `isogloss.load(RUN)`, `isogloss predict RUN` and `isogloss rerank RUN`."""

import json

import numpy as np
import pytest
from helpers import standard_input
from toy_ranking import write_xquad_r

import isogloss
from isogloss.data.rankings import read_queries
from isogloss.data.trec import read_run, write_run
from isogloss.errors import UserError
from isogloss.ranking_run import load_ranking, ranks
from isogloss.recipe import resolve
from isogloss.records import RankingPrediction, to_json
from isogloss.retrieval.rankers import load_ranker
from isogloss.runs import train
from isogloss.tasks import load_task

METHODS = ("bi_encoder", "cross_encoder")
SHORT = ["updates=2", "batch_size=4", "max_length=60", "max_question=20"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_xquad_r(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def runs(corpus, encoder_folder, tmp_path_factory):
    """A run of each method after two updates."""
    folder = tmp_path_factory.mktemp("runs")
    flags = {"task": "xquad_r", "data": corpus, "encoder": str(encoder_folder), "languages": "en,de"}
    return {
        method: train(resolve({}, flags | {"method": method, "output": folder / method}, SHORT)) for method in METHODS
    }


@pytest.fixture(scope="module")
def queries(corpus):
    return read_queries(load_task("xquad_r"), corpus, "test")


@pytest.fixture
def first_stage(queries, tmp_path):
    """A run of the German questions with their documents in the order of the collection, three each."""
    rankings = []
    for query in queries["de"]:
        names = tuple(document.id for document in query.documents[:3])
        rankings.append(RankingPrediction(query.id, "de", names, (3.0, 2.0, 1.0)))
    write_run(tmp_path / "run.trec", rankings, "first")
    return tmp_path / "run.trec"


@pytest.fixture
def texts(queries, tmp_path):
    """The German questions and all documents as JSON lines."""
    asked = [{"id": each.id, "language": "de", "text": each.text} for each in queries["de"]]
    read = [{"id": each.id, "language": each.language, "text": each.text} for each in queries["de"][0].documents]
    for name, rows in (("queries", asked), ("documents", read)):
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return ("--queries", tmp_path / "queries.jsonl", "--documents", tmp_path / "documents.jsonl")


@pytest.mark.parametrize("method", METHODS)
def test_a_loaded_run_ranks_all_documents_of_each_query_best_first(method, runs, queries):
    run = isogloss.load(runs[method])
    asked = queries["de"][:3]
    found = run.predict(asked)
    assert [each.id for each in found] == [each.id for each in asked]
    for query, ranking in zip(asked, found, strict=True):
        assert sorted(ranking.documents) == sorted(each.id for each in query.documents)
        assert list(ranking.scores) == sorted(ranking.scores, reverse=True)
    assert [each.documents for each in run.predict(asked, top_k=2)] == [each.documents[:2] for each in found]
    assert run.predict([]) == [] and ranks(runs[method])


def test_a_bi_encoders_run_is_a_ranker_and_a_cross_encoders_ranks_what_a_first_stage_finds(runs, queries):
    asked = queries["en"][:2]
    dense = load_ranker(runs["bi_encoder"]).rank(asked, 4)
    assert [each.documents for each in dense] == [
        each.documents for each in load_ranking(runs["bi_encoder"]).predict(asked, 4)
    ]
    few = load_ranker(runs["cross_encoder"], [f"first_stage={runs['bi_encoder']}", "depth=4"]).rank(asked, 10)
    for ranking, proposed in zip(few, dense, strict=True):
        assert sorted(ranking.documents) == sorted(proposed.documents)


@pytest.mark.parametrize("method", METHODS)
def test_json_lines_come_out_ranked_in_their_order(method, runs, queries, command, monkeypatch):
    asked = [*queries["de"][:2], queries["en"][0]]
    lines = "".join(json.dumps(to_json(each), ensure_ascii=False) + "\n" for each in asked)
    monkeypatch.setattr("sys.stdin", standard_input(lines.encode()))
    outcome = command("predict", runs[method])
    assert (outcome.code, outcome.err) == (0, "")
    made = [json.loads(line) for line in outcome.out.splitlines()]
    assert [(each["id"], each["language"]) for each in made] == [(each.id, each.language) for each in asked]
    expected = isogloss.load(runs[method]).predict(asked)
    for line, ranking in zip(made, expected, strict=True):
        np.testing.assert_allclose([each["score"] for each in line["documents"]], ranking.scores, atol=1e-5)


def test_the_folder_says_what_made_it_and_the_card_how_it_is_used(runs):
    for method, run in runs.items():
        manifest = json.loads((run / "isogloss.json").read_text())
        assert manifest["kind"] == "ranking" and len(manifest["sanity"]) == 3 and manifest["updates"] == 2
        card = (run / "README.md").read_text(encoding="utf-8")
        assert f"# {method} on xquad_r" in card and "library_name: sentence-transformers" in card


@pytest.mark.parametrize("method", METHODS)
def test_a_run_of_trec_is_ranked_anew_from_files_or_from_the_task(
    method, runs, queries, first_stage, texts, corpus, command
):
    outcome = command("rerank", runs[method], "--input", first_stage, *texts, "--top-k", 2)
    assert (outcome.code, outcome.err) == (0, "")
    first_stage.with_name("new.trec").write_text(outcome.out)
    found = read_run(first_stage.with_name("new.trec"))
    assert [len(each) for each in found.values()] == [2] * len(queries["de"])
    assert {name for each in found.values() for name in each} == {each.id for each in queries["de"][0].documents[:2]}
    from_task = command(
        "rerank", runs[method], "--input", first_stage, "--task", "xquad_r", "--data", corpus, "--languages", "de",
        "--top-k", 2, "--output", first_stage.with_name("task.trec"),
    )  # fmt: skip
    assert from_task.code == 0 and first_stage.with_name("task.trec").read_text() == outcome.out


def test_the_documents_may_be_those_of_an_index(runs, first_stage, texts, command, tmp_path):
    made = command("index", texts[3], "--encoder", runs["bi_encoder"], "--output", tmp_path / "index")
    assert made.code == 0, made.err
    words = ("rerank", runs["cross_encoder"], "--input", first_stage)
    expected = command(*words, *texts)
    found = command(*words, *texts[:2], "--documents", tmp_path / "index")
    assert (found.code, found.out) == (0, expected.out)


def test_queries_of_several_languages_are_named_with_theirs(runs, queries, corpus, tmp_path, command):
    names = [f"{tag}/{queries[tag][0].id}" for tag in ("de", "en")]
    rankings = [RankingPrediction(name, "", (queries["en"][0].documents[0].id,), (1.0,)) for name in names]
    write_run(tmp_path / "run.trec", rankings, "first")
    outcome = command(
        "rerank", runs["bi_encoder"], "--input", tmp_path / "run.trec", "--task", "xquad_r", "--data", corpus
    )
    assert outcome.code == 0 and [line.split()[0] for line in outcome.out.splitlines()] == names


def test_mistakes_are_one_line(runs, trained, first_stage, texts, corpus, command, tmp_path):
    def told(*words):
        outcome = command(*words)
        assert outcome.code == 1 and outcome.out == "" and outcome.err.count("\n") == 1
        return outcome.err

    ranker, given = runs["cross_encoder"], ("--input", first_stage)
    assert "--queries FILE and --documents FILE, or with --task" in told("rerank", ranker, *given)
    assert "--queries FILE and --documents FILE, or with --task" in told("rerank", ranker, *given, *texts[:2])
    classifier = trained("classification", "zero_shot")
    assert "is a run of zero_shot, which does not rank" in told("rerank", classifier, *given, *texts)
    lines = texts[3].read_text().splitlines()
    texts[3].write_text("\n".join(lines[1:]))
    assert "the unknown documents" in told("rerank", ranker, *given, *texts)
    texts[3].write_text("\n".join([*lines, lines[0]]))
    assert "duplicate ids" in told("rerank", ranker, *given, *texts)
    texts[3].write_text("\n".join(lines).replace('"text": "', '"text": "", "was": "', 1))
    assert "text" in told("rerank", ranker, *given, *texts)
    assert "a run that ranks reads texts alone" in told("predict", ranker, "--translator", "hf:x")
    (tmp_path / "bad.trec").write_text("q0 Q0 d 1 nan name\n")
    assert "'nan' is not a number" in told("rerank", ranker, "--input", tmp_path / "bad.trec", *texts)


def test_a_run_that_does_not_rank_is_no_ranking(trained):
    classifier = trained("classification", "zero_shot")
    assert not ranks(classifier)
    with pytest.raises(UserError, match="which does not rank; name a run that does"):
        load_ranking(classifier)
