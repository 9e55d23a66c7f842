import dataclasses
import gzip
import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest

from isogloss.errors import UserError
from isogloss.evaluation.labels import row_names
from isogloss.evaluation.results import (
    Conditions,
    build_result,
    items_path,
    parse_result,
    read_items,
    read_result,
    write_result,
)
from isogloss.metrics import load_metric
from isogloss.train_settings import TrainSettings

COUNTS = {
    "en": {str(i): [float(i % 10 > 0), 1.0] for i in range(20)},
    "de": {str(i): [float(i % 2), 1.0] for i in range(20)},
    "sw": {str(i): [float(i % 4 == 0), 1.0] for i in range(20)},
}
CONTRACT = [
    "method",
    "task",
    "split",
    "metric",
    "pairing",
    "languages",
    "average",
    "average_ci95",
    "seeds",
    "signature",
    "settings",
    "encoder",
    "data",
    "versions",
    "hardware",
    "seconds",
]


def build(counts=COUNTS, **changes):
    known: dict[str, Any] = {
        "method": "filter",
        "task": "sib200",
        "split": "test",
        "pairing": "translation",
        "seeds": (1,),
        "settings": {"fusion_layers": 2},
        "encoder": "tiny",
        "data": {"sha256": "ab"},
    }
    return build_result(
        load_metric("accuracy"),
        counts,
        Conditions(**known | changes),
        seconds=1.5,
        other_metrics={"macro_F1": dict.fromkeys(counts, 10.0)},
        resamples=100,
    )


def written(tmp_path, **changes):
    path = tmp_path / "run" / "results" / "test.json"
    write_result(path, build(), COUNTS)
    if changes:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_a_result_has_every_key_of_the_contract(tmp_path):
    found = json.loads(written(tmp_path).read_text())
    assert not set(CONTRACT) - found.keys()
    assert found["languages"]["sw"]["value"] == 25
    assert found["languages"]["sw"]["n"] == 20
    assert len(found["languages"]["sw"]["ci95"]) == 2
    assert found["average"] == 55
    assert found["average_transfer"] == 37.5


def test_a_result_is_read_as_it_was_written(tmp_path):
    path = written(tmp_path)
    assert read_result(path) == dataclasses.replace(build(), versions=read_result(path).versions)
    counts = read_items(path, read_result(path))
    assert list(counts) == list(COUNTS)
    assert list(counts["de"]["3"]) == [1, 1]


def test_items_are_one_line_per_language_and_item(tmp_path):
    path = written(tmp_path)
    assert items_path(path).name == "test.items.jsonl"
    lines = items_path(path).read_text().splitlines()
    assert len(lines) == 60
    assert json.loads(lines[0]) == {"language": "en", "id": "0", "counts": [0, 1]}


def test_packed_items_are_read_too(tmp_path):
    path = written(tmp_path)
    plain = items_path(path)
    plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert len(read_items(path, read_result(path))["sw"]) == 20


def test_the_signature_says_how_to_reproduce_the_number():
    signature = build().signature
    for part in (
        "accuracy|",
        "task:sib200",
        "split:test",
        "langs:3",
        "n:60",
        "seeds:1",
        "encoder:tiny",
        "commit:",
        "v:",
    ):
        assert part in signature


def test_only_the_training_language_has_no_transfer(tmp_path):
    path = tmp_path / "test.json"
    counts = {"en": COUNTS["en"]}
    write_result(path, build(counts), counts)
    assert read_result(path).average_transfer is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"average": 60.0}, "average is not the mean"),
        ({"average_transfer": 60.0}, "average_transfer is not the mean"),
        ({"average_transfer": None}, "average_transfer must be a number"),
        ({"average": float("nan")}, "not a finite number"),
        ({"languages": {}}, "no languages"),
        ({"languages": {"de": {"value": 1.0}}}, "wrong type"),
        ({"surprise": 1}, "unknown keys surprise"),
        ({"other_metrics": {"macro_F1": {"de": 1.0}}}, "not given for the same languages"),
    ],
)
def test_a_result_that_contradicts_itself_is_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        read_result(written(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_result_that_lacks_a_key_is_refused():
    found = build().to_json()
    del found["signature"]
    with pytest.raises(UserError, match="lacks signature"):
        parse_result(found)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_result(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"method": "fil')
    with pytest.raises(UserError, match="not a JSON result"):
        read_result(tmp_path / "half.json")


def test_items_that_are_missing_or_of_another_evaluation_are_refused(tmp_path):
    path = written(tmp_path)
    result = read_result(path)
    text = items_path(path).read_text()
    items_path(path).write_text(text.replace("[0, 1]", "[1, 1]"))
    with pytest.raises(UserError, match="two evaluations"):
        read_items(path, result)
    items_path(path).write_text(text[:-5])
    with pytest.raises(UserError, match="not an items file"):
        read_items(path, result)
    items_path(path).unlink()
    with pytest.raises(UserError, match=r"no test.items.jsonl beside it"):
        read_items(path, result)


def test_an_unwritable_place_is_an_error_and_the_old_result_survives(tmp_path, monkeypatch):
    path = written(tmp_path)
    before = path.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isogloss.files.os.fsync", full)
    with pytest.raises(UserError, match="cannot write .*No space left"):
        write_result(path, build(encoder="other"), COUNTS)
    assert path.read_text() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["test.items.jsonl", "test.json"]


def test_a_folder_below_a_file_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_result(tmp_path / "file" / "test.json", build(), COUNTS)


def test_evaluation_is_imported_without_torch():
    code = "import sys, isogloss.evaluation.results; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_result_from_before_a_setting_was_known_has_its_default(fake_run, tmp_path):
    before = fake_run(tmp_path / "before", {"de": 0.5}, settings={"config": {}, "train": {"updates": 7}})
    since = fake_run(
        tmp_path / "since", {"de": 0.5}, settings={"config": {}, "train": asdict(TrainSettings(updates=7))}
    )
    results = [read_result(folder / "results" / "test.json") for folder in (before, since)]
    assert results[0].settings == results[1].settings
    assert row_names(results) == ["filter", "filter"]
