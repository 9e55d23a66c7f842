"""One translator beside many, in small: every row is there, and what is finished is not done again."""

import json
import sys

import pytest
from made_up_captions import write_captions

from benchmarks import multilingual_translation, translation_probes, translators_page
from isogloss.evaluation.evaluate import Reading, evaluate
from isogloss.evaluation.results import read_result
from isogloss.translation.engines import hf
from isogloss.translation.translator import Decoding

pytestmark = pytest.mark.filterwarnings("ignore:Recommended")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with made-up captions."""
    return write_captions(tmp_path_factory.mktemp("data"))


@pytest.fixture
def benchmark(data, tmp_path, monkeypatch, capsys):
    """The benchmark with the given words; what it printed, and what it wrote."""

    def run(*words):
        output = tmp_path / "found.json"
        fixed = ["--data", data, "--work", tmp_path / "work", "--quick", "--output", output]
        monkeypatch.setattr(sys, "argv", list(map(str, ["x", *fixed, *words])))
        multilingual_translation.main()
        return capsys.readouterr().out, json.loads(output.read_text(encoding="utf-8"))

    return run


def test_one_model_stands_beside_many_and_beside_the_chain(benchmark, tmp_path):
    words = ("--seeds", "1", "--items", "3", "--beam", "1", "--longer")
    printed, found = benchmark(*words)
    rows = {direction: set(here) for direction, here in found["directions"].items()}
    quick = multilingual_translation.QUICK_TRAIN["updates"]
    longer = {f"single en-de, {quick} updates", f"GNMT, {quick} updates"}
    assert rows["en-de"] == {"multilingual", "single en-de", "GNMT", *longer}
    assert rows["fr-en"] == {"multilingual", "single fr-en"}
    assert rows["de-fr"] == rows["fr-de"] == {"multilingual", "through English"}
    assert printed.count("\n") == sum(map(len, rows.values()))
    updates = {name: run["1"]["updates"] for name, run in found["runs"].items()}
    assert {name for name, made in updates.items() if made == quick} == {"multilingual", *longer}
    assert set(updates.values()) == {quick, quick // 4}
    sizes = {name: run["1"]["parameters"] for name, run in found["runs"].items()}
    assert abs(sizes["GNMT"] / sizes["single en-de"] - 1) < 0.4  # widths are coarse where models are tiny
    here = found["directions"]["de-fr"]["through English"]
    assert {"minus multilingual", "BLEU", "TER_ci95", "off_target"} <= set(here)
    difference = here["chrF"] - found["directions"]["de-fr"]["multilingual"]["chrF"]
    assert here["minus multilingual"]["value"] == pytest.approx(difference, abs=0.01)
    chain = found["chain"]["1"]
    assert chain["direction"] == "de-fr" and set(chain["seconds"]) == {"directly", "through English"}
    assert {len(times) for times in chain["seconds"].values()} == {multilingual_translation.TURNS}
    _, trained, scored, *_ = translators_page.PARTS["One model for all directions"][2](found)
    assert len(trained.rows) == len(found["runs"]) and len(scored.rows) == printed.count("\n")

    folder = tmp_path / "work" / "seed1" / "multilingual"
    result = read_result(folder / "results" / "test.json")
    assert list(result.languages) == ["en-de", "de-en", "en-fr", "fr-en", "de-fr", "fr-de"]
    network = evaluate(folder, languages="en-de", items=3, reading=Reading(settings=["beam=1"]))
    assert result.languages["en-de"].value == pytest.approx(network.languages["en-de"].value, abs=0.01)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*") if path.is_file()}
    assert benchmark(*words)[0] == printed
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_a_mixed_target_is_the_one_or_the_other_at_the_ends_and_leaves_no_trace(tmp_path):
    from tiny_translators import LINES, m2m100

    engine = hf.load(str(m2m100(tmp_path / "m2m100")))
    before = engine.model.get_input_embeddings().weight.detach().clone()
    plain = {tag: [each.text for each in engine.translate(LINES["en"], "en", tag, Decoding())] for tag in ("de", "fr")}
    for weight, tag in ((0.0, "de"), (1.0, "fr")):
        with translation_probes.mixed(engine, "de", "fr", weight):
            made = engine.translate(LINES["en"], "en", "de", Decoding())
        assert [each.text for each in made] == plain[tag]
    assert (engine.model.get_input_embeddings().weight == before).all()


def test_a_sentence_is_nearest_to_itself(tmp_path):
    from tiny_translators import LINES, m2m100

    engine = hf.load(str(m2m100(tmp_path / "m2m100")))
    same = dict.fromkeys(("en", "de", "fr"), LINES["en"])
    found = translation_probes.bridging(engine, same)
    assert set(found) == {f"{a}-{b} asked for {c}" for a in same for b in same for c in same if len({a, b, c}) == 3}
    turned = translation_probes.bridging(engine, same | {"de": LINES["en"][::-1]})
    assert turned["en-de asked for fr"] == pytest.approx(100 / 3) and turned["de-en asked for fr"] == pytest.approx(
        100 / 3
    )
    alone = translation_probes.pooled(engine, LINES["en"][:1], "en", "de")
    together = translation_probes.pooled(engine, LINES["en"], "en", "de")
    assert (alone[0] - together[0]).abs().max() < 1e-5
