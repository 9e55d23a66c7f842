"""The benchmark of the index: what it draws has neighbours, and what it writes becomes a page."""

import argparse
import json

import numpy as np
import pytest

from benchmarks import page, vector_index


@pytest.fixture
def here(monkeypatch):
    """Phases run in this process: one of their own takes a second to start."""

    def phase(name, given, folder):
        return vector_index.PHASES[name](argparse.Namespace(**vars(given) | {"folder": folder}))

    monkeypatch.setattr(vector_index, "apart", phase)


def test_vectors_have_near_ones_and_others_are_far():
    given = argparse.Namespace(vectors=2000, dimension=32)
    vectors = np.concatenate(list(vector_index.Draws(given).blocks(2000)))
    cosines = np.sort(vectors @ vectors[0])[::-1]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert cosines[5:15].min() > 0.5 and np.abs(cosines[200:]).mean() < 0.2


def test_the_benchmark_runs_and_is_described_on_its_page(here, tmp_path, monkeypatch, capsys):
    output = tmp_path / "bench" / "vector_index.json"
    given = argparse.Namespace(vectors=3000, dimension=16, queries=20, compared=1000, folder=None, output=output)
    vector_index.measure(given)
    content = json.loads(output.read_text())
    assert content["approximate"]["recall"] > 0.8 and content["build"]["lists"] > 10
    assert "(goal: 4096)" in capsys.readouterr().out
    page.render(tmp_path / "bench", tmp_path / "docs")
    text = (tmp_path / "docs" / "retrieval.md").read_text()
    assert "3,000 unit vectors of 16 dimensions" in text and "| 5, graph, ef 64 |" in text


def test_a_phase_has_a_process_of_its_own(tmp_path):
    given = argparse.Namespace(vectors=500, dimension=8, queries=5, compared=100)
    found = vector_index.apart("build", given, tmp_path / "index")
    assert found["vectors_per_second"] > 0 and (tmp_path / "index" / "vectors.json").is_file()
