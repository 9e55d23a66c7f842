"""A translator in float and in 8 bits, and the curve over length and coverage, in small."""

import json
import sys

import pytest
from tiny_translators import LINES, as_run, marian

from benchmarks import decoding_curves, nmt_inference, translators_page
from benchmarks.pieces import Table
from isogloss.data.directions import Direction
from isogloss.metrics.translation import translation_scores
from isogloss.translation.translator import Decoding, Hypothesis, Translation, load_translator

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.filterwarnings("ignore:Recommended")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A small Multi30k: what the translator knows by heart, and two sentences that it does not."""
    folder = tmp_path_factory.mktemp("data") / "multi30k"
    folder.mkdir()
    more = {"en": ("A room for two.", "My train is lost."), "de": ("Ein Zimmer für zwei.", "Mein Zug ist weg.")}
    for tag in ("en", "de"):
        for name in ("train", "val", "test_2016_flickr"):
            (folder / f"{name}.{tag}").write_text("\n".join((*LINES[tag], *more[tag])) + "\n", encoding="utf-8")
    return folder.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    """A run that translates from English into German."""
    return as_run(marian(tmp_path_factory.mktemp("runs") / "run"), data, directions=["en-de"])


def written(benchmark, monkeypatch, output, *words):
    monkeypatch.setattr(sys, "argv", list(map(str, ["x", *words, "--output", output])))
    benchmark.main()
    return json.loads(output.read_text(encoding="utf-8"))


def test_int8_stands_beside_float(run, data, tmp_path, monkeypatch, capsys):
    words = ["--run", run, "--data", data, "--work", tmp_path / "work", "--quick", "--beam", "2"]
    found = written(nmt_inference, monkeypatch, tmp_path / "x.json", *words)
    here = found["directions"]["en-de"]
    assert list(here) == ["hf float32", "ctranslate2 float32", "ctranslate2 int8"]
    assert here["hf float32"]["same_greedy_percent"] == here["ctranslate2 float32"]["same_greedy_percent"] == 100
    described = list(translators_page.PARTS["Inference in 8 bits"][2](found))
    assert [row[0] for row in described[-1].rows] == list(here)
    assert found["megabytes"]["ctranslate2 int8"] < 0.6 * found["megabytes"]["hf float32"]
    texts, references = ((data / "multi30k" / f"val.{tag}").read_text("utf-8").splitlines() for tag in ("en", "de"))
    made = load_translator(f"ctranslate2:{tmp_path / 'work' / 'int8'}").translate(texts, "en", "de", Decoding(beam=2))
    (bleu,) = translation_scores([each.text or "" for each in made], references, "de", ["BLEU"])
    assert here["ctranslate2 int8"]["BLEU"]["value"] == pytest.approx(bleu.value, rel=1e-3)
    lost = here["ctranslate2 int8"]["BLEU"]["value"] - here["hf float32"]["BLEU"]["value"]
    assert here["ctranslate2 int8"]["BLEU minus hf float32"]["value"] == pytest.approx(lost, abs=0.1)
    assert all(row["times as fast"]["median"] > 0 for name, row in here.items() if name != "hf float32")
    assert capsys.readouterr().out.count("times as fast") == 2


def test_the_curve_ranks_one_search_under_every_rule(run, data, tmp_path, monkeypatch):
    words = ["--engine", run, "--data", data, "--beam", "3", "--alphas", "0,1", "--betas", "0,0.4"]
    found = written(decoding_curves, monkeypatch, tmp_path / "x.json", *words)
    rows = {(row["alpha"], row["beta"]): row for row in found["curve"]}
    assert list(rows) == [(0, 0), (1, 0), (0, 0.4), (1, 0.4)] and found["n"] == 5
    (table,) = (piece for piece in translators_page.PARTS["Length and coverage"][2](found) if isinstance(piece, Table))
    assert [row[0] for row in table.rows] == ["0, 0", "1, 0", "0, 0.4", "1, 0.4"]
    assert rows[0, 0]["length"] == "none" and rows[1, 0]["length"] == "gnmt"
    assert rows[1, 0]["tokens"] >= rows[0, 0]["tokens"]  # dividing by the length never makes the best one shorter
    assert rows[0, 0.4]["hardly looked at"] <= rows[0, 0]["hardly looked at"]
    assert rows[0, 0]["BLEU minus the first"]["value"] == 0 and 0 < rows[0, 0]["length ratio"] < 3


def test_a_list_without_hypotheses_is_a_failure_and_pieces_make_words():
    lists = [Translation(failure="x"), Translation((Hypothesis("a b", -1.0, 3, (0.2, 0.2, 0.9)),))]
    chosen = [decoding_curves.best(each, Decoding()) for each in lists]
    found = decoding_curves.shapes(chosen, [[1], [1, 1, 2]])
    assert found == {"hardly looked at": 50, "tokens": 3, "failures": 1}


def test_an_engine_without_attention_is_told(tmp_path, data):
    memory = tmp_path / "memory.tsv"
    memory.write_text("en\tde\na\tb\n", encoding="utf-8")
    with pytest.raises(Exception, match="tells no attention to single tokens"):
        decoding_curves.n_best(f"memory:{memory}", [], Direction("en", "de"), 2)
