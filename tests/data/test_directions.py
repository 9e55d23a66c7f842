import pytest
from helpers import DATA

from isogloss.data.directions import Direction, directions_among, pairs, read_numbered
from isogloss.errors import UserError
from isogloss.records import Sentence
from isogloss.tasks import Task, load_task

LANGUAGES = ("de", "en", "sr-Latn", "zh")
TEXTS = {"en": {"1": "one", "2": "two"}, "de": {"2": "zwei", "1": "eins"}, "zh": {"1": "一"}}


def toy() -> Task:
    """A task with three languages, one of which lacks a sentence."""
    return Task(
        name="toy",
        kind="translation",
        title="",
        read=lambda _, __, tag: [Sentence(id=name, language=tag, text=text) for name, text in TEXTS[tag].items()],
        languages=("de", "en", "zh"),
        metric="chrF",
        paper="",
        licence="",
    )


def test_directions_are_read_in_any_spelling():
    found = directions_among("en-de, deu_Latn-zho_Hans EN-SR-LATN", LANGUAGES)
    assert found == [Direction("en", "de"), Direction("de", "zh"), Direction("en", "sr-Latn")]
    assert [str(direction) for direction in found] == ["en-de", "de-zh", "en-sr-Latn"]


def test_a_language_alone_stands_for_both_directions_with_english():
    assert directions_among("zh", LANGUAGES) == [Direction("en", "zh"), Direction("zh", "en")]
    assert len(directions_among("", LANGUAGES)) == 6
    assert directions_among("de en-de", LANGUAGES) == [Direction("en", "de"), Direction("de", "en")]


@pytest.mark.parametrize("wrong", ["en-xx", "tlh", "en", "en-", "-"])
def test_an_unknown_direction_is_told_in_one_line(wrong):
    with pytest.raises(UserError, match=f"no direction '{wrong}'; write SOURCE-TARGET"):
        directions_among(wrong, LANGUAGES)


def test_sides_are_joined_by_id_not_by_place():
    found = pairs(toy(), None, "test", Direction("en", "de"))
    assert [(each.text, each.translation) for each in found] == [("one", "eins"), ("two", "zwei")]
    assert {(each.language, each.translation_language) for each in found} == {("en", "de")}


def test_a_sentence_without_its_other_side_is_an_error():
    with pytest.raises(UserError, match="1 of 2 sentences in en are not there in zh, ids '2'"):
        pairs(toy(), None, "test", Direction("en", "zh"))
    with pytest.raises(UserError, match="no test sentences in fr"):
        pairs(toy(), None, "test", Direction("en", "fr"))


def test_sides_of_different_lengths_are_refused(tmp_path):
    (tmp_path / "a.de").write_text("eins\nzwei\n", encoding="utf-8")
    (tmp_path / "a.en").write_text("one\n", encoding="utf-8")
    with pytest.raises(UserError, match="2 lines where .*a.en has 1"):
        read_numbered(tmp_path / "a.de", "de", beside=tmp_path / "a.en")


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="no data sets: set ISOGLOSS_DATA to the folder that holds them")
@pytest.mark.parametrize("name", ["multi30k", "ntrex"])
def test_every_direction_of_the_real_tasks_has_its_declared_size(name):
    task = load_task(name)
    for split, size in task.sizes.items():
        for direction in directions_among("de fr de-fr", task.languages):
            assert len(pairs(task, DATA, split, direction)) == size
