"""From labelled records in one language to a method trained on their translations, for every kind of task."""

import json
from dataclasses import replace

import pytest
from translation.interpreter import Interpreter

from isogloss.data.parallel_set import read_parallel_set, write_parallel_set
from isogloss.data.parallel_set_check import defects
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.evaluation.evaluate import Reading, evaluate
from isogloss.recipe import resolve
from isogloss.runs import load, train
from isogloss.tasks import load_task
from isogloss.translation.live import translated
from isogloss.translation.translator import Decoding

TASKS = {"classification": "sample_intent", "tagging": "sample_slots", "question_answering": "sample_answers"}
ITEMS = 12


@pytest.fixture(scope="module")
def parallel_sets(tmp_path_factory):
    """A set of each kind in German and Swahili: the sample's first English training records, translated."""
    root = tmp_path_factory.mktemp("sets")
    for kind, name in TASKS.items():
        records = read_split(load_task(name), None, "train", ["en"], items=ITEMS)["en"]
        engine = Interpreter(name, "train", ("en", "de", "sw"), unknown=(records[3].id,))
        rows = [row for tag in ("de", "sw") for row in translated(records, engine, tag, Decoding())]
        write_parallel_set(root / kind, rows, kind=kind, provenance=engine.provenance)
    return root


def content(kind):
    """A recipe of FILTER on the sample."""
    return {
        "method": "filter",
        "task": TASKS[kind],
        "languages": ["en", "de", "sw"],
        "train": {"updates": 2, "batch_size": 4},
        "lengths": {"max_length": 64, "max_question": 24, "stride": 32},
        "test_items": 5,
    }


@pytest.fixture(scope="module")
def trained_sample(parallel_sets, encoder_folder, tmp_path_factory):
    """A run on the set of the classification kind."""
    overrides = {"output": tmp_path_factory.mktemp("runs") / "run", "encoder": encoder_folder}
    return train(resolve(content("classification"), overrides | {"translations": parallel_sets / "classification"}))


@pytest.mark.parametrize("kind", TASKS)
def test_filter_trains_on_a_parallel_set_and_is_evaluated(kind, parallel_sets, encoder_folder, tmp_path, capsys):
    folder = parallel_sets / kind
    assert defects(folder) == []
    assert read_parallel_set(folder).manifest["translations"]["sw"]["rejected"] == {"engine": 1}
    overrides = {"output": tmp_path / "run", "encoder": encoder_folder, "translations": folder}
    run = train(resolve(content(kind), overrides))
    result = evaluate(run)
    assert set(result.to_json()["languages"]) >= {"de", "sw"}
    manifest = json.loads((run / "isogloss.json").read_text())
    assert manifest["updates"] == 2 and manifest["data"]["translations"] == str(folder)
    assert len(manifest["data"]["translations_sha256"]) == 64
    assert f"{folder} has {ITEMS} of" in capsys.readouterr().err
    assert load(run).folder == run


def test_test_texts_are_read_beside_the_translations_of_a_set(trained_sample, tmp_path, capsys):
    found = read_split(load_task("sample_intent"), None, "test", ["de", "sw"], items=20)
    lost = found["de"][0].id
    engine = Interpreter("sample_intent", "test", ("en", "de", "sw"), unknown=(lost,))
    rows = [row for records in found.values() for row in translated(records, engine, "en", Decoding())]
    write_parallel_set(tmp_path / "set", rows, kind="classification", provenance={})
    predictor = load(trained_sample)
    result = evaluate(predictor, items=20, reading=Reading(translations=tmp_path / "set")).to_json()
    told = f"1 of 20 texts in de have no translation, ids {lost!r}; they are read alone"
    assert told in capsys.readouterr().err
    assert (result["pairing"], result["data"]["translation"]) == ("machine", "machine")
    assert result["data"]["self_paired"] == 20 + 2  # English ones, and the lost one in both languages
    sides = read_split(load_task("sample_intent"), None, "test", ["de"], items=20)["de"]
    sides = [replace(each, translations=()) if each.id == lost else each for each in sides]
    right = sum(p.label == r.label for p, r in zip(predictor.predict(sides), sides, strict=True))
    assert result["languages"]["de"]["value"] == pytest.approx(100 * right / 20, abs=0.01)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"pairing": "none"}, "read under --pairing machine, not none"),
        ({"task": "tatoeba"}, "nothing to be read beside"),
    ],
)
def test_translations_that_do_not_fit_are_mistakes(trained_sample, parallel_sets, options, complaint):
    with pytest.raises(UserError, match=complaint):
        evaluate(trained_sample, reading=Reading(translations=parallel_sets / "classification"), **options)


def test_a_set_out_of_the_training_language_is_none_for_the_test(trained_sample, parallel_sets):
    with pytest.raises(UserError, match="holds translations into de, sw; records are read beside those into en"):
        evaluate(trained_sample, reading=Reading(translations=parallel_sets / "classification"), items=3)
