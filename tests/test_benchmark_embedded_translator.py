"""The card of the embedded translator is what was measured, and the control is the text as it is."""

import json
from pathlib import Path

import pytest

from benchmarks.embedded_translator import controls, scored
from benchmarks.translator_card import card
from isogloss.records import Bitext
from isogloss.resources import TRANSLATORS

RESULT = Path(__file__).parents[1] / "results" / "bench" / "embedded_translator.json"


def test_the_card_is_what_the_result_says():
    content = json.loads(RESULT.read_text(encoding="utf-8"))
    assert card(content) == (TRANSLATORS["tiny-mt"] / "README.md").read_text(encoding="utf-8")


def test_the_result_is_of_the_weights_that_come_along():
    content = json.loads(RESULT.read_text(encoding="utf-8"))
    manifest = json.loads((TRANSLATORS["tiny-mt"] / "isogloss.json").read_text(encoding="utf-8"))
    assert content["weights_sha256"] == manifest["weights_sha256"]


def test_a_direction_has_its_scores_and_those_of_the_text_as_it_is():
    for direction in ("de-en", "en-sw"):
        row = scored("tiny-mt", "sample_translation", direction, None, 2)
        low, high = row["chrF_ci95"]
        assert low <= row["chrF"] <= high and row["n"] == 2
        assert 0 < row["source as it is"] < 60 and 0 < row["another sentence"] < 60


def test_a_text_that_is_its_own_translation_is_right_as_it_is():
    ends = {"language": "de", "translation_language": "en"}
    sides = [("Berlin 2026", "Berlin 2026"), ("Rom", "Rome"), ("Oslo", "qqq")]
    gold = [Bitext(id=str(i), text=text, translation=other, **ends) for i, (text, other) in enumerate(sides)]
    assert controls(gold[:1]) == {"source as it is": pytest.approx(100), "another sentence": pytest.approx(100)}
    assert controls(gold[2:])["source as it is"] == 0
    assert controls(gold)["another sentence"] < controls(gold)["source as it is"] < 100
