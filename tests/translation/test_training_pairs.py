"""What a translator is trained on: every direction's pairs, none that it is tested on, in the languages they say."""

from dataclasses import replace

import pytest
from toy_language import sentences, toy_job, toy_task

from isogloss.data import parallel_text
from isogloss.data.directions import Direction
from isogloss.errors import UserError
from isogloss.records import Bitext, Sentence
from isogloss.tasks import load_task
from isogloss.translation._training_pairs import Chosen, check_languages, training_pairs

CALM = Chosen(check_languages=False)
GERMAN = "Der Zug nach Berlin fährt morgen um neun Uhr von einem anderen Gleis ab als sonst, und er hat Verspätung {}."
ENGLISH = "The train to Berlin leaves at nine tomorrow from another platform than usual, and it is also late again {}."


def test_a_training_pair_with_a_side_that_is_tested_on_is_left_out_and_counted(tmp_path, capsys):
    rows = {tag: sentences("train", tag) for tag in ("de", "en", "fr")}
    tested = sentences("test", "en")[0].text
    rows["en"][4] = replace(rows["en"][4], text=tested.upper() + "  ")
    task = toy_task(lambda _, split, tag: rows[tag] if split == "train" else sentences("test", tag))
    found = training_pairs(toy_job(tmp_path, task), CALM)
    told = capsys.readouterr().err
    doubles = len(found[Direction("en", "de")])
    assert doubles < 50 and "that are tested on" in told
    assert "4" not in {pair.id for pair in found[Direction("de", "en")]}
    kept = training_pairs(toy_job(tmp_path, task), CALM._replace(leave_out_tested=False))
    assert len(kept[Direction("en", "de")]) == 50


def test_a_pair_with_an_empty_side_is_left_out_and_counted_in_training_alone(tmp_path, capsys):
    rows = {tag: [Sentence(id=str(i), language=tag, text=tag * (i != 2)) for i in range(4)] for tag in ("de", "en")}
    rows["en"][2] = replace(rows["en"][2], text="two")
    task = toy_task(lambda _, split, tag: rows[tag], languages=("de", "en"))
    job = toy_job(tmp_path, task, languages=("de",))
    found = training_pairs(job, CALM._replace(leave_out_tested=False))
    assert [pair.id for pair in found[Direction("en", "de")]] == ["0", "1", "3"]
    assert "toy: 6 pairs to train on; left out: 2 with an empty side" in capsys.readouterr().err


def test_a_direction_without_a_pair_left_is_an_error(tmp_path):
    task = toy_task(lambda _, split, tag: sentences("train", tag))
    with pytest.raises(UserError, match="leaves no pair to train on in en-de"):
        training_pairs(toy_job(tmp_path, task), CALM)


def test_lines_in_another_language_than_they_should_be_are_told():
    texts = [(ENGLISH.format(i), GERMAN.format(i)) for i in range(40)]
    right = [
        Bitext(id=str(i), language="en", text=a, translation_language="de", translation=b)
        for i, (a, b) in enumerate(texts)
    ]
    check_languages({Direction("en", "de"): right})
    mixed_up = [replace(pair, translation=pair.text + " Really.") if i % 2 else pair for i, pair in enumerate(right)]
    with pytest.raises(UserError, match=r"of 40 long lines in de, 20 seem to be in another language \(20 in en\)"):
        check_languages({Direction("en", "de"): mixed_up})
    check_languages({Direction("en", "de"): mixed_up[:10]})  # too few to say anything


def test_parallel_text_is_read_both_ways_from_the_sources_that_are_asked_for(tmp_path, monkeypatch):
    pair = Bitext(id="cldr-1", language="de", text="Wien", translation_language="en", translation="Vienna")
    monkeypatch.setitem(parallel_text.SOURCES, "cldr_names", lambda data, tag: [pair])
    job = toy_job(tmp_path, load_task("parallel_text"), languages=("de",))
    job.recipe.data = tmp_path
    found = training_pairs(job, CALM._replace(sources=("cldr_names",)))
    assert found[Direction("de", "en")] == [pair]
    assert (turned := found[Direction("en", "de")][0]).text == "Vienna" and turned.translation == "Wien"
    with pytest.raises(UserError, match="no source of parallel text 'cldr'; known: bible_nt, cldr_names"):
        training_pairs(job, CALM._replace(sources=("cldr",)))
    job = toy_job(tmp_path, load_task("parallel_text"), languages=("de", "fr"))
    job.recipe.data = tmp_path
    with pytest.raises(UserError, match="pairs with English only, not de-fr"):
        training_pairs(job, CALM._replace(directions=("de-fr",)))


def test_a_task_of_labels_trains_no_translator(tmp_path):
    with pytest.raises(UserError, match="task toy is of the kind classification; a translator is trained on"):
        training_pairs(toy_job(tmp_path, toy_task(kind="classification")), CALM)
