"""A run scored beside what a translator makes of the texts, and how good that is against the human translations."""

import pytest
from helpers import assert_one_line
from translation.fake_engine import Fake

from isogloss.data.task_data import read_split
from isogloss.evaluation.compare import compare
from isogloss.evaluation.evaluate import Reading, evaluate
from isogloss.evaluation.labels import QUALITY
from isogloss.evaluation.results import read_result
from isogloss.evaluation.translated import ByTranslator, quality, translated
from isogloss.metrics.translation import translation_scores
from isogloss.records import Sentence
from isogloss.runs import load
from isogloss.translation.translator import Hypothesis, Translation


class Human(Fake):
    """An engine that knows the human translations of some texts, and fails at the others."""

    def __init__(self, pairs):
        super().__init__()
        self.pairs = pairs

    @property
    def provenance(self):
        return {"engine": "human", "model": "human"}

    def one(self, text, target):
        known = self.pairs.get(text)
        return Translation((Hypothesis(known),)) if known else Translation(failure="not known")


def sentence(text, language="de", *sides):
    made = tuple(Sentence(id="1", language=tag, text=side) for tag, side in sides)
    return Sentence(id="1", language=language, text=text, label="travel", translations=made)


@pytest.fixture(scope="module")
def predictor(trained):
    return load(trained("classification", "filter"))


@pytest.fixture(scope="module")
def pairs(predictor, data):
    """The German test sentences and their English ones."""
    found = read_split(predictor.task, data, "test", ["de"])["de"]
    return {record.text: record.translations[0].text for record in found}


def test_the_quality_is_chrf_of_what_is_read_beside_the_texts():
    human = sentence("Der Zug", "de", ("en", "The train is late"))
    other = sentence("Der Zug", "de", ("sw", "treni"), ("en", "The train was late"))
    alone = sentence("Der Zug")
    (expected,) = translation_scores(["The train was late"], ["The train is late"], "en", ("chrF",))
    assert quality([(human, other)]) == {"de": pytest.approx(expected.value, abs=0.01)}
    assert quality([(human, alone)]) == quality([(alone, other)]) == {}


def test_a_translator_that_says_what_humans_said_gives_the_scores_of_human_translations(predictor, pairs, tmp_path):
    human, machine = tmp_path / "human.json", tmp_path / "machine.json"
    expected = evaluate(predictor, output=human)
    found = evaluate(predictor, reading=Reading(translator=ByTranslator(Human(pairs), gates="none")), output=machine)
    assert found.languages == expected.languages and found.pairing == "machine"
    assert found.data[QUALITY] == {"de": pytest.approx(100)} and found.data["read_alone"] == {}
    assert found.data["translator"]["model"] == "human" and found.data["self_paired"] == expected.data["self_paired"]
    labels = [row.label for row in compare([human, machine]).tables[0].rows]
    assert labels == ["filter", "filter, English by human, gates none (chrF 100.0)"]


def test_a_text_that_is_not_translated_is_read_alone_and_told(predictor, pairs, data, capsys):
    records = read_split(predictor.task, data, "test", ["de", "en"])
    records = [*records["de"], *records["en"]]
    lacking = dict(list(pairs.items())[1:])
    made, told = translated(predictor, records, ByTranslator(Human(lacking), gates="none"))
    assert [len(record.translations) for record in made] == [0] + [1] * 8 + [0] * 9
    assert told["read_alone"] == {"de": 1} and told[QUALITY]["de"] == pytest.approx(100)
    assert "1 of 9 texts were read without a translation into English (1: not known)" in capsys.readouterr().err


def test_a_run_is_scored_beside_the_embedded_translator_from_the_command_line(trained, command, tmp_path):
    run, output = trained("classification", "filter"), tmp_path / "x.json"
    words = ["--translator", "tiny-mt", "--gates", "none", "--set", "beam=1", "--set", "length=none"]
    outcome = command("evaluate", run, *words, "--output", output)
    assert outcome.code == 0, outcome.err
    found = read_result(output)
    assert found.settings["translator"] == "tiny-mt, beam=1,length=none, gates none"
    assert 0 < found.data[QUALITY]["de"] < 100 and len(found.data["translator"]["revision"]) == 64
    assert (found.data["gates"], found.data["decoding"]) == ("none", "beam=1,length=none")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--pairing", "shuffled", "--translator", "tiny-mt"], "--translator: what it gives is read under --pairing"),
        (["--translations", "x", "--translator", "tiny-mt"], "--translations and --translator both say"),
        (["--translator", "tiny-m"], "no translation engine 'tiny-m'"),
        (["--translator", "tiny-mt", "--set", "beems=1"], "beems"),
        (["--gates", "none"], "--gates judges the translations of --translator ENGINE"),
        (["--task", "tatoeba", "--translator", "tiny-mt"], "--translator: task tatoeba has nothing to be read beside"),
    ],
)
def test_what_does_not_fit_together_is_one_line(trained, command, words, complaint):
    assert_one_line(command("evaluate", trained("classification", "filter"), *words), complaint)


def test_a_translator_is_not_scored_beside_another(command):
    words = ["evaluate", "tiny-mt", "--task", "sample_translation", "--translator", "tiny-mt"]
    assert_one_line(command(*words), "--translator tiny-mt: a translator reads one text at a time")
