"""The benchmark of the translation job: its model says what it reads, and both ways are really compared."""

import json
import sys

import pytest

from benchmarks import copier, page, translation
from isogloss.translation.job import Job

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.filterwarnings("ignore:Recommended")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return translation.converted(tmp_path_factory.mktemp("model"), 500, 1)


@pytest.fixture
def in_this_process(monkeypatch):
    """Turns are taken here: a process of its own takes seconds to start."""
    monkeypatch.setattr(translation, "apart", translation.turn)


def test_rows_are_as_different_as_real_ones():
    rows = list(copier.texts(3000, 32_000))
    lengths = [len(row.split()) for row in rows]
    assert len(set(rows)) == 3000 and len(set(copier.words(32_000))) == 32_000
    assert copier.SHORTEST <= min(lengths) < 6 and 80 < max(lengths) <= copier.LONGEST
    sentences, hypotheses = lengths[::3], lengths[2::3]
    assert sum(sentences) > 2 * sum(hypotheses)


def test_the_model_says_what_it_reads_and_ends_where_it_ends(model, in_this_process):
    rows = [*copier.texts(6, 500), copier.words(500)[7], " ".join(copier.words(500)[:110])]
    found = translation.speed(model, rows, 2, 1)
    assert found["read"] == {"same search": 1, "job": 8, "patience 1": 1}
    assert len(found["seconds"]["job"]) == 1 and found["ratio"]["same search"]["median"] > 0
    assert {tried["threads"] for tried in found["trial"]} >= {1} and found["threads"] >= 1


def test_a_turn_has_a_process_with_the_threads_that_the_side_names(model, monkeypatch):
    rows, real, seen = list(copier.texts(6, 500)), translation.subprocess.run, []
    spy = lambda *words, **more: seen.append(more["env"]) or real(*words, **more)  # noqa: E731
    monkeypatch.setattr(translation.subprocess, "run", spy)
    assert 0 < translation.apart(translation.Side("naive", 1, threads=1, wait="library"), model, rows) < 60
    assert seen[0]["GOMP_SPINCOUNT"] == "300000" and "OMP_NUM_THREADS" not in seen[0]
    with pytest.raises(RuntimeError, match="naive: it does not say what it reads in 1 of 1 rows"):
        translation.apart(translation.Side("naive", 1), model, ["Nothing that the model knows."])


def test_the_benchmark_stops_where_one_of_them_says_something_else(model, in_this_process, monkeypatch):
    real = Job.rebuilt
    monkeypatch.setattr(Job, "rebuilt", lambda self, rows, target: real(self, rows, target)[::-1])
    with pytest.raises(RuntimeError, match="job: it does not say what it reads in 4 of 4 rows"):
        translation.speed(model, list(copier.texts(4, 500)), 1, 1)


def test_memory_is_that_of_parts_of_the_rows(tmp_path, capsys):
    *parts, sizes = translation.memory(tmp_path / "memory", 200)
    assert [part["rows"] for part in parts] == [20, 100, 200]
    assert sizes["shards_MB"] > 0 and parts[-1]["peak_MB"] > 10
    assert "memory: 100 % of 200 rows" in capsys.readouterr().out


def test_everything_is_written_and_what_is_left_out_stays(monkeypatch, tmp_path, model, in_this_process):
    monkeypatch.setattr(translation, "converted", lambda *_: model)
    monkeypatch.setattr(translation, "texts", lambda count, _: copier.texts(count, 500))
    output = tmp_path / "translation.json"
    for words in (["--memory-rows", "200", "--beams", "0"], ["--memory-rows", "0", "--beams", "1"]):
        monkeypatch.setattr(sys, "argv", ["translation", "--quick", *words, "--output", str(output)])
        translation.main()
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found["speed"][0]["beam"] == 1 and found["memory"][2]["percent"] == 100
    page.render(tmp_path, tmp_path)
    written = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert "| 1 | same search |" in written and "| 200 |" in written
    page.render(tmp_path, tmp_path, check=True)
