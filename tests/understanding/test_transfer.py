"""What the methods are for: a toy language pair is learned, seconds per method."""

import pytest

from isogloss.evaluation.evaluate import evaluate
from isogloss.recipe import resolve
from isogloss.runs import train

SETTINGS = (
    "updates=160",
    "batch_size=24",
    "learning_rate=3e-3",
    "max_length=16",
    "log_every=60",
    "weight_decay=0.01",
)
METHODS = ("zero_shot", "translate_train", "translate_test", "filter")


@pytest.fixture(scope="module")
def runs(toy_pair, encoder_folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    flags = {"task": "sib200", "data": toy_pair, "encoder": encoder_folder, "languages": "en,de"}
    return {name: train(resolve({}, flags | {"method": name, "output": root / name}, SETTINGS)) for name in METHODS}


def accuracy(run, pairing="translation", language="de"):
    return evaluate(run, pairing=pairing).languages[language].value


def test_every_method_learns_the_language_it_is_taught(runs):
    assert {name: accuracy(run, language="en") for name, run in runs.items()} == {
        name: pytest.approx(100, abs=5) for name in runs
    }


def test_filter_reads_unseen_words_through_their_translation(runs):
    assert accuracy(runs["filter"]) > 80


def test_zero_shot_and_translate_train_cannot_read_unseen_words(runs):
    assert accuracy(runs["zero_shot"]) < 50
    assert accuracy(runs["translate_train"]) < 50


def test_translate_test_reads_the_translation_alone(runs):
    assert accuracy(runs["translate_test"]) > 90


def test_filter_falls_with_the_translations_of_other_sentences(runs):
    assert accuracy(runs["filter"], "shuffled") < 50
    assert accuracy(runs["filter"], "none") < 50
