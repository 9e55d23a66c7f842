from dataclasses import asdict

import pytest

from isogloss.errors import UserError
from isogloss.evaluation.evaluate import check_seen, unusual
from isogloss.kinds import Features
from isogloss.records import Sentence, TaggedSentence

TEXTS = [Sentence(id=str(i), language="de", text="x", label=label) for i, label in enumerate(("a", "b", "c"))]
WORDS = [TaggedSentence(id="1", language="de", text="x y", words=((0, 1), (2, 3)), tags=("O", "B-PER"))]


def test_a_class_that_no_training_text_had_is_an_error():
    check_seen(["a", "b", "c", "d"], TEXTS, "here")
    with pytest.raises(UserError, match="here: no training text had the label 'b', 'c', only 'a'; train on texts of"):
        check_seen(["a"], TEXTS, "here")


def test_a_tag_that_no_training_text_had_is_told(capsys):
    check_seen(["O"], WORDS, "here")
    assert capsys.readouterr().err == "here: 'B-PER' did not occur in training and cannot be predicted\n"
    check_seen(["O", "B-PER"], WORDS, "here")
    assert capsys.readouterr().err == ""


def test_features_are_a_setting_of_a_result_only_where_they_are_not_the_defaults():
    assert unusual({}) == unusual({"features": asdict(Features()), "train_languages": []}) == {}
    assert unusual({"features": asdict(Features(released=True))}) == {"features": {"released": True}}
    assert unusual({"train_languages": ["de"]}) == {"train_languages": ["de"]}
