"""FILTER beside the embedded translator's English, in small: every row is there, and no text is translated twice."""

import json
import sys

import pytest

from benchmarks import machine_english
from benchmarks.machine_english import FUSED, HUMAN, MACHINE, READ, TESTED, UNGATED, Once
from benchmarks.page import PAGES, parts
from isogloss.translation.translator import Decoding, Hypothesis, Translation


class Counting:
    """An engine that remembers what it was asked."""

    fingerprint, provenance, capabilities = "1", {"model": "x"}, None

    def __init__(self):
        self.asked = []

    def check(self, source, target):
        pass

    def score(self, pairs, source, target):
        return []

    def translate(self, texts, source, target, decoding):
        self.asked += texts
        return [Translation((Hypothesis(f"{target} {text}"),)) for text in texts]


def test_a_text_is_translated_once_for_each_direction():
    engine = Counting()
    once = Once(engine)
    for texts, expected in ((["a", "b", "a"], ["en a", "en b", "en a"]), (["b", "c"], ["en b", "en c"])):
        assert [each.text for each in once.translate(texts, "de", "en", Decoding())] == expected
    once.translate(["a"], "fr", "en", Decoding())
    assert engine.asked == ["a", "b", "c", "a"]


@pytest.fixture(scope="module")
def found(data, encoder_folder, tmp_path_factory):
    """What the benchmark writes of two updates on small data."""
    folder = tmp_path_factory.mktemp("machine_english")
    words = ["--data", data, "--tasks", "sib200", "--languages", "de", "--seeds", "1,2", "--quick"]
    words += ["--encoder", encoder_folder, "--work", folder / "runs", "--output", folder / "machine_english.json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["machine_english", *map(str, words)])
        machine_english.main()
    return folder / "machine_english.json"


def test_every_row_has_its_seeds_and_the_quality_of_what_was_read(found):
    content = json.loads(found.read_text(encoding="utf-8"))
    task = content["tasks"]["sib200"]
    assert content["engine"]["model"] == "tiny-mt" and task["n"] == 9
    assert list(task["translation_chrF"]) == ["de"] and 0 < task["translation_chrF"]["de"] < 100
    assert len(task["rows"]) == 12 and {f"{FUSED}, {HUMAN}", f"{FUSED}, {UNGATED}", f"{READ}, {MACHINE}"} <= set(
        task["rows"]
    )
    for row in task["rows"].values():
        assert set(row["by_seed"]) == {"1", "2"} and set(row["languages"]) == {"en", "de"}
        assert row["average"]["value"] == pytest.approx(row["languages"]["de"], abs=0.01)
    for first, second in TESTED:
        values = [task["rows"][name]["average"]["value"] for name in (first, second)]
        assert task["rows"][first]["minus"][second]["value"] == pytest.approx(values[0] - values[1], abs=0.02)


def test_the_page_has_a_table_of_it(found):
    (page,) = (page for page in PAGES if page.name == "translators")
    made = parts(found.parent, page)["Read beside what a translator makes"]
    assert any("chrF of the machine's English" in row for table in made if hasattr(table, "rows") for row in table.rows)
