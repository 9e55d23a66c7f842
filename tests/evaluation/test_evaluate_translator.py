"""Translators on a task of translation, from the command line: `isogloss evaluate hf:MODEL --task multi30k`."""

import json
import shutil

import pytest
from tiny_translators import as_run, marian

from isogloss.data.directions import Direction
from isogloss.evaluation.compare import compare
from isogloss.evaluation.evaluate_translator import origin_of
from isogloss.evaluation.results import read_items, read_result
from isogloss.evaluation.tables import markdown_table
from isogloss.metrics.translation import translation_scores
from isogloss.translation.translator import Decoding, load_translator

pytestmark = pytest.mark.filterwarnings("ignore:Recommended")


@pytest.fixture
def evaluate(command, captions, tiny_m2m100):
    """`isogloss evaluate` of the tiny translator on the captions."""

    def run(*words, engine=f"hf:{tiny_m2m100}"):
        return command("evaluate", engine, "--task", "multi30k", "--data", captions, *words)

    return run


def lines(captions, tag):
    return (captions / "multi30k" / f"test_2016_flickr.{tag}").read_text(encoding="utf-8").splitlines()


def refused(outcome, complaint):
    assert (outcome.code, outcome.out) == (1, "")
    assert len(outcome.err.splitlines()) == 1 and complaint in outcome.err, outcome.err


def test_every_direction_has_the_scores_of_sacrebleu(evaluate, captions, tiny_m2m100, tmp_path):
    output = tmp_path / "x.json"
    outcome = evaluate("--languages", "en-de,deu-fra", "--set", "beam=2", "--output", output)
    assert outcome.code == 0, outcome.err
    result, engine = read_result(output), load_translator(f"hf:{tiny_m2m100}")
    assert list(result.languages) == ["en-de", "de-fr"] and result.pairing == "none" and result.metric == "chrF"
    assert set(result.other_metrics) == {"BLEU", "TER", "off_target"}
    for direction in (Direction("en", "de"), Direction("de", "fr")):  # the latter it was never taught
        made = engine.translate(lines(captions, direction.source), *direction, Decoding(beam=2))
        expected = translation_scores(
            [each.text or "" for each in made],
            lines(captions, direction.target),
            direction.target,
            ("chrF", "BLEU", "TER"),
        )
        found = [result.languages[str(direction)].value] + [
            result.other_metrics[name][str(direction)] for name in ("BLEU", "TER")
        ]
        assert found == pytest.approx([score.value for score in expected], abs=1e-4)
        assert {f"{score.name}|{score.signature}" for score in expected} <= set(result.data["signatures"])
    low, high = result.other_ci95["TER"]["en-de"]
    assert low <= result.other_metrics["TER"]["en-de"] <= high and low < high
    assert set(read_items(output, result)["de-fr"]) == {"1", "2", "3", "4"}
    assert result.settings["decoding"]["beam"] == 2
    assert "en-de" in outcome.out and "off_target" in outcome.out and "without English" not in outcome.out


def test_what_is_not_translated_is_scored_as_empty_and_told(evaluate, captions):
    path = captions / "multi30k" / "test_2016_flickr.en"
    short, long = path.read_text("utf-8").splitlines()[0], "A room. " * 40
    path.write_text("\n".join([short, long, long, short]) + "\n", "utf-8")
    outcome = evaluate("--languages", "en-de", "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert found["data"]["failures"] == {"en-de": 2}
    assert found["other_metrics"]["off_target"] == {"en-de": 50}
    (told,) = outcome.err.splitlines()
    assert told.startswith("2 of 4 texts were not translated (2: ") and "the model reads N; split it" in told


def test_the_languages_of_an_engine_are_those_that_it_has(evaluate, tmp_path):
    outcome = evaluate("--json", engine=f"hf:{marian(tmp_path / 'marian')}")
    assert outcome.code == 0 and list(json.loads(outcome.out)["languages"]) == ["en-de"]
    assert "en-cs, cs-en, de-en, en-fr, fr-en not to be had, left out" in outcome.err


def test_items_are_the_same_sentences_in_every_direction(evaluate, tmp_path):
    output = tmp_path / "x.json"
    assert evaluate("--languages", "en-de,de-en", "--items", "2", "--output", output).code == 0
    one, other = read_items(output, read_result(output)).values()
    assert one.keys() == other.keys() and len(one) == 2


def test_results_stand_side_by_side_with_a_test(evaluate, command, tmp_path, tiny_m2m100):
    for name, words in {"greedy": ("beam=1",), "beam": ("beam=3",), "none": ("beam=3", "length=none")}.items():
        settings = [word for each in words for word in ("--set", each)]
        assert evaluate("--languages", "de", *settings, "--output", tmp_path / "rows" / f"{name}.json").code == 0
    outcome = command("compare", tmp_path / "rows", "--output", tmp_path / "report.html", "--json")
    assert outcome.code == 0, outcome.err
    (table,) = json.loads(outcome.out)["tables"]
    assert [row["label"] for row in table["rows"]] == [
        "hf, beam=3, length=power",
        "hf, beam=1, length=power",
        "hf, beam=3, length=none",
    ]
    assert 0 < table["rows"][1]["against_baseline"]["p"] <= 1 and table["languages"] == ["en-de", "de-en"]
    (line, *_) = markdown_table(compare([tmp_path / "rows"])).splitlines()
    assert line == "| multi30k test | average | against hf, beam=3, length=power | en-de | de-en |"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "en-de" in page and "(the language of the labels)" not in page
    assert "in each of 2 directions" in page and "Direction by direction" in page and "2 languages" not in page
    assert "in each of 2 directions" in command("compare", tmp_path / "rows").out
    assert "in each direction" in markdown_table(compare([tmp_path / "rows"]))


def test_two_processes_score_what_one_scores(command, two_processes, tiny_run, tmp_path):
    words = ["evaluate", tiny_run, "--languages", "en-de,de-fr", "--set", "beam=2", "--output"]
    outcomes = command(*words, tmp_path / "one.json"), two_processes(*words, tmp_path / "two.json")
    assert [outcome.code for outcome in outcomes] == [0, 0], outcomes[1].err
    assert outcomes[0].out == outcomes[1].out
    one, two = (read_result(tmp_path / name) for name in ("one.json", "two.json"))
    assert one.languages == two.languages and one.other_metrics == two.other_metrics


def test_a_run_has_its_directions_and_the_untrained_ones_apart(command, tiny_run, tmp_path):
    output = tmp_path / "x.json"
    words = ["--languages", "en-de,de-en,de-fr,fr-de", "--items", "3", "--output", output]
    outcome = command("evaluate", tiny_run, *words)
    assert outcome.code == 0, outcome.err
    result = read_result(output)
    assert (result.method, result.encoder, result.seeds) == ("multilingual_nmt", "new", (1,))
    assert result.groups["trained"]["languages"] == ["en-de", "de-en"]
    assert result.groups["zero-shot"]["languages"] == ["de-fr", "fr-de"]
    for group in result.groups.values():
        values = [result.languages[tag].value for tag in group["languages"]]
        assert group["value"] == pytest.approx(sum(values) / 2, abs=1e-3) and group["n"] == 3
        terms = [result.other_metrics["TER"][tag] for tag in group["languages"]]
        assert group["TER"] == pytest.approx(sum(terms) / 2, abs=1e-3)
    assert "zero-shot" in outcome.out
    usual = json.loads(command("evaluate", tiny_run, "--json").out)
    assert list(usual["languages"]) == ["en-de", "de-en", "en-fr"] and list(usual["groups"]) == ["trained"]


def test_a_run_stands_beside_its_chain_and_its_seeds_are_averaged(command, tiny_run, tiny_m2m100, captions, tmp_path):
    other = as_run(shutil.copytree(tiny_m2m100, tmp_path / "run2"), captions, seed=2)
    for seed, run in ((1, tiny_run), (2, other)):
        for name, engine in (("plain", run), ("pivot", f"pivot:en:{run}")):
            words = ["--task", "multi30k", "--data", captions, "--languages", "de-fr"]
            assert command("evaluate", engine, *words, "--output", tmp_path / "rows" / f"{name}{seed}.json").code == 0
    outcome = command("compare", tmp_path / "rows", "--json")
    assert outcome.code == 0, outcome.err
    (table,) = json.loads(outcome.out)["tables"]
    rows = {row["label"]: row for row in table["rows"]}
    assert set(rows) == {"multilingual_nmt", "multilingual_nmt through en"}
    assert all(row["seeds"] == [1, 2] for row in rows.values())


def test_a_chain_is_named_for_its_legs():
    assert origin_of("pivot:en:hf:a,,ctranslate2:b")[:3] == ("hf and ctranslate2 through en", "a and b", (0,))
    assert origin_of("pivot:en:hf:a")[:2] == ("hf through en", "a")
    assert origin_of("llm:gemma@http://x:1")[:2] == ("llm", "gemma@http://x:1")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--languages", "en-xx"), "no direction 'en-xx'; write SOURCE-TARGET"),
        (("--set", "baem=3"), "no key 'baem'; did you mean beam"),
        (("--set", "alpha=0.6"), "alpha belongs to a rule"),
        (("--pairing", "self"), "--pairing self: a translator reads one text at a time"),
        (("--precision", "int8"), "--precision int8: a translator reads one text"),
        (("--translations", "x"), "--translations x: a translator reads one text"),
        (("--split", "odd"), "has no split 'odd'"),
    ],
)
def test_a_mistake_is_one_line(evaluate, words, complaint):
    refused(evaluate(*words), complaint)


def test_engines_and_runs_that_do_not_fit_are_one_line(
    command, evaluate, captions, data, trained, tiny_m2m100, tiny_run
):
    refused(command("evaluate", f"hf:{tiny_m2m100}", "--data", captions), "say with --task what it is scored on")
    refused(evaluate(engine="bert:x"), "no translation engine 'bert'")
    refused(command("evaluate", tiny_run, "--task", "sib200", "--data", data), "translates, task sib200 is class")
    run = trained("classification", "filter")
    refused(evaluate(engine=run), f"{run} is a run of filter, which does not translate")
    refused(command("evaluate", f"hf:{tiny_m2m100}", "--task", "sib200", "--data", data), "is not a run")
    (captions / "multi30k" / "test_2016_flickr.de").write_text("eins\n", "utf-8")
    refused(evaluate("--languages", "en-de"), "1 lines where")
