"""The benchmark of the translation job: its model says what it reads, and both ways are really compared."""

import json
import sys

import pytest

from benchmarks import copier, translation
from isogloss.translation.job import Job
from isogloss.translation.translator import load_translator

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.filterwarnings("ignore:Recommended")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return translation.converted(tmp_path_factory.mktemp("model"), 500, 1)


def test_the_model_says_what_it_reads_and_ends_where_it_ends(model, tmp_path):
    rows = [*copier.texts(6, 500), copier.words(500)[7], " ".join(copier.words(500)[:110])]
    assert len(set(copier.words(32_000))) == 32_000
    found = translation.speed(model, rows, 2, 1, tmp_path)
    assert len(found["seconds"]["job"]) == 1 and found["ratio"]["median"] > 0


def test_the_benchmark_stops_where_one_of_them_says_something_else(model, tmp_path, monkeypatch):
    real = Job.rebuilt
    monkeypatch.setattr(Job, "rebuilt", lambda self, rows, target: real(self, rows, target)[::-1])
    with pytest.raises(RuntimeError, match="the job does not say what it reads in 4 of 4 rows"):
        translation.speed(model, list(copier.texts(4, 500)), 1, 1, tmp_path)


def test_memory_is_that_of_parts_of_the_rows(tmp_path, capsys):
    *parts, sizes = translation.memory(tmp_path / "memory", 200)
    assert [part["rows"] for part in parts] == [20, 100, 200]
    assert sizes["shards_MB"] > 0 and parts[-1]["peak_MB"] > 10
    assert "memory: 100 % of 200 rows" in capsys.readouterr().out


def test_everything_is_written(monkeypatch, tmp_path, model):
    monkeypatch.setattr(translation, "converted", lambda *_: model)
    monkeypatch.setattr(translation, "texts", lambda count, _: copier.texts(count, 500))
    output = tmp_path / "translation.json"
    words = ["--quick", "--memory-rows", "200", "--beams", "1", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["translation", *words])
    translation.main()
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found["speed"][0]["beam"] == 1 and found["memory"][2]["percent"] == 100
    assert load_translator(f"ctranslate2:{model}").fingerprint.startswith("ctranslate2:")
