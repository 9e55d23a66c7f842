from dataclasses import replace

from isogloss.evaluation.labels import language_name, row_labels
from isogloss.evaluation.results import Conditions, build_result
from isogloss.languages import language
from isogloss.metrics import load_metric


def result(method="filter", pairing="translation", encoder="tiny", **settings):
    conditions = Conditions(
        method=method,
        task="sib200",
        split="test",
        pairing=pairing,
        seeds=(1,),
        settings={"config": settings, "train": {"learning_rate": 1e-4, "seed": 1}},
        encoder=encoder,
        data={},
    )
    return build_result(load_metric("accuracy"), {"de": {"1": [1.0, 1.0]}}, conditions, seconds=1, resamples=2)


def test_a_method_alone_is_named_by_itself():
    assert row_labels([result(fusion_layers=2), result("zero_shot", pairing="none")]) == ["filter", "zero_shot"]


def test_a_control_without_an_encoder_does_not_make_the_others_name_theirs():
    assert row_labels([result(), result("naive_bayes", encoder="none")]) == ["filter", "naive_bayes"]
    assert row_labels([result(), result(encoder="mini"), result("naive_bayes", encoder="none")]) == [
        "filter, tiny",
        "filter, mini",
        "naive_bayes",
    ]


def test_a_setting_that_is_off_elsewhere_is_added():
    assert row_labels([result(self_teaching=0.0), result(self_teaching=0.5)]) == ["filter", "filter + self-teaching"]
    assert row_labels([result(released_losses=False), result(released_losses=True)])[1] == "filter + released-losses"


def test_self_teaching_is_named_also_where_every_run_has_it():
    assert row_labels([result(self_teaching=0.5), result("zero_shot")]) == ["filter + self-teaching", "zero_shot"]


def test_any_other_difference_is_named_with_its_value():
    assert row_labels([result(fusion_layers=1), result(fusion_layers=2)]) == [
        "filter, fusion_layers=1",
        "filter, fusion_layers=2",
    ]


def test_pairings_of_the_training_are_named_unless_it_is_the_translation_alone():
    def labels(*trained):
        given = [{"train_pairings": pairings} if pairings else {} for pairings in trained]
        return row_labels([replace(result(), settings=settings) for settings in given])

    mixed = ["translation", "word_for_word"]
    assert labels(None, ["translation"], mixed) == ["filter", "filter", "filter, mixed English in training"]
    assert labels(mixed, ["self", "shuffled"]) == [
        "filter, English and word-for-word English in training",
        "filter, paired with itself and shuffled English in training",
    ]
    assert labels(["shuffled"]) == ["filter, shuffled English in training"]


def test_pairings_are_named_in_words():
    pairings = ("translation", "none", "self", "shuffled", "word_dropout", "word_for_word")
    assert row_labels([result(pairing=pairing) for pairing in pairings]) == [
        "filter",
        "filter, no translation",
        "filter, paired with itself",
        "filter, shuffled English",
        "filter, English with words dropped",
        "filter, word-for-word English",
    ]


def test_several_encoders_are_named():
    assert row_labels([result(), result(encoder="xlm-roberta-large")]) == ["filter, tiny", "filter, xlm-roberta-large"]


def test_seeds_are_no_difference():
    assert row_labels([result("a", seed=1), result("b", seed=2)]) == ["a", "b"]


def test_an_unknown_language_keeps_its_tag():
    assert language_name("sw") == "Swahili"
    assert language_name("<b>") == "<b>"


def test_a_direction_is_not_taken_for_a_variety_of_its_source():
    assert [language_name(tag) for tag in ("en", "bar-IT", "zh-Hant", "en-de", "de-en", "odd")] == [
        "English",
        language("bar-IT").name,
        language("zh-Hant").name,
        "en-de",
        "de-en",
        "odd",
    ]
