import pytest

from isogloss.data.checks import check_labels, check_records, placeholder_labels, some, texts, unseen_labels
from isogloss.errors import UserError
from isogloss.records import Answer, Bitext, Question, Sentence, TaggedSentence


def sentence(name="1", text="a", label="x", **more):
    return Sentence(id=name, language="de", text=text, label=label, **more)


def question(name, *answers):
    return Question(id=name, language="de", question="q", context="c d", answers=answers)


def test_an_empty_split_is_a_user_error():
    with pytest.raises(UserError, match="here: no items"):
        check_records([], "here")


def test_duplicate_ids_are_named():
    with pytest.raises(UserError, match="duplicate ids '1'"):
        check_records([sentence("1"), sentence("2"), sentence("1")], "here")


@pytest.mark.parametrize(
    "record",
    [sentence(text=" "), sentence(text_pair=""), Question(id="1", language="de", question="q", context="\n")],
)
def test_an_empty_text_names_the_item(record):
    with pytest.raises(UserError, match="item '1' has an empty (text|text_pair|context)"):
        check_records([record], "here")


def test_tags_must_be_as_many_as_words():
    record = TaggedSentence(id="1", language="de", text="a b", words=((0, 1), (2, 3)), tags=("O",))
    with pytest.raises(UserError, match="2 words but 1 tags"):
        check_records([record], "here")


def test_an_unknown_label_names_the_nearest():
    with pytest.raises(UserError, match=r"unknown label 'positiv'; did you mean positive\?"):
        check_labels([sentence(label="positiv")], ("positive", "other"), "here")
    assert check_labels([sentence(label=None)], ("positive",), "here")
    assert check_labels([sentence(label="free")], (), "here")


def test_labels_that_training_lacks_are_named():
    assert unseen_labels(["a", "b"], [sentence(label="a"), sentence(label=None)]) == []
    assert unseen_labels(["a"], [sentence(label="d"), sentence(label="c"), sentence(label="a")]) == ["c", "d"]


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([sentence("1"), sentence("2")], "all 2 items have the same label 'x'"),
        ([sentence("1", label=None), sentence("2", label=None)], "none of the 2 items has a label"),
        ([question("1", Answer("", 0)), question("2")], "all 2 questions have no answer"),
        ([sentence("1"), sentence("2", label="y")], None),
        ([question("1"), question("2", Answer("d", 2))], None),
        ([sentence("1")], None),
    ],
)
def test_place_holders_are_told_from_labels(records, complaint):
    found = placeholder_labels(records)
    assert found is complaint is None or complaint in found


def test_a_bitext_has_two_texts():
    bitext = Bitext(id="1", language="de", text="a", translation_language="en", translation="b")
    assert texts(bitext) == {"text": "a", "translation": "b"}


def test_long_lists_are_cut():
    assert some(list("abcdefg"), limit=2) == "'a', 'b' and 5 more"
