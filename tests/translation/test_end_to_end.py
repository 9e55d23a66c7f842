"""From labelled records in one language to a method trained on their translations, for every kind of task."""

import json

import pytest
from translation.interpreter import Interpreter

from isogloss.data.parallel_set import read_parallel_set, write_parallel_set
from isogloss.data.parallel_set_check import defects
from isogloss.data.task_data import read_split
from isogloss.evaluation.evaluate import evaluate
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


@pytest.mark.parametrize("kind", TASKS)
def test_filter_trains_on_a_parallel_set_and_is_evaluated(kind, parallel_sets, encoder_folder, tmp_path, capsys):
    folder = parallel_sets / kind
    assert defects(folder) == []
    assert read_parallel_set(folder).manifest["translations"]["sw"]["rejected"] == {"engine": 1}
    content = {
        "method": "filter",
        "task": TASKS[kind],
        "languages": ["en", "de", "sw"],
        "train": {"updates": 2, "batch_size": 4},
        "lengths": {"max_length": 64, "max_question": 24, "stride": 32},
        "test_items": 5,
    }
    overrides = {"output": tmp_path / "run", "encoder": encoder_folder, "translations": folder}
    run = train(resolve(content, overrides))
    result = evaluate(run)
    assert set(result.to_json()["languages"]) >= {"de", "sw"}
    manifest = json.loads((run / "isogloss.json").read_text())
    assert manifest["updates"] == 2 and manifest["data"]["translations"] == str(folder)
    assert len(manifest["data"]["translations_sha256"]) == 64
    assert f"{folder} has {ITEMS} of" in capsys.readouterr().err
    assert load(run).folder == run
