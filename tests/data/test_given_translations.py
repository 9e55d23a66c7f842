"""A parallel data set takes the place of a task's training translations, if it was made of the task's own texts."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_one_line

from isogloss.data.given_translations import fingerprint_of, read_translations, translations_for
from isogloss.data.on_disk import OnDisk
from isogloss.data.parallel_set import MANIFEST, Row, write_parallel_set
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.recipe import resolve
from isogloss.runs import Job, train
from isogloss.tasks import load_task

PROVENANCE = {"engine": "fake"}


@pytest.fixture
def english(data):
    """The labelled texts of the toy SIB-200."""
    return read_split(load_task("sib200", data), data, "train", ["en"])["en"]


@pytest.fixture
def make(tmp_path, english):
    """A function that writes a set of the English texts in some languages; `change` alters its rows or drops them."""

    def made(tags=("sw",), change=lambda row: row, records=None, name="set"):
        rows = [
            Row(original=record, language=tag, translation=replace(record, language=tag, text=f"{tag} {record.text}"))
            for tag in tags
            for record in (english if records is None else records)
        ]
        write_parallel_set(
            tmp_path / name,
            [row for row in map(change, rows) if row is not None],
            kind="classification",
            provenance=PROVENANCE,
        )
        return tmp_path / name

    return made


@pytest.fixture
def job(data, encoder_folder, tmp_path):
    """A function from a set and languages to a job that trains on it."""

    def made(folder, languages=("en", "de", "sw"), **more):
        content = {
            "method": "filter",
            "task": "sib200",
            "languages": list(languages),
            "train": {"updates": 2},
            "lengths": {"max_length": 32},
            **more,
        }
        given = {"output": tmp_path / "run", "data": data, "encoder": encoder_folder, "translations": folder}
        recipe = resolve(content, given)
        return Job(recipe, recipe.output)

    return made


@pytest.fixture(autouse=True)
def languages_of_the_toy(monkeypatch):
    """The toy has no test files in Swahili; the language is trained on nevertheless."""
    monkeypatch.setattr("isogloss.tasks.Task.require_files", lambda *_: None)


def test_each_translation_stands_beside_the_labelled_text_it_was_made_of(make, job, english):
    found = job(make()).records("train")
    assert list(found) == ["en", "de", "sw"]
    assert [record.text for record in found["sw"]] == [f"sw {record.text}" for record in english]
    assert [record.translations for record in found["sw"]] == [(record,) for record in english]
    assert [record.label for record in found["sw"]] == [record.label for record in english]


def test_the_set_takes_the_place_of_the_tasks_own_translations(make, job):
    own, given = (job(folder, ["en", "de"]).records("train")["de"] for folder in (None, make(("de",))))
    assert own[0].text.startswith("Da ist") and given[0].text.startswith("de The")


def test_languages_that_are_not_asked_for_are_not_trained_on(make, job):
    assert list(job(make(("sw", "fr")), ["en", "sw"]).records("train")) == ["en", "sw"]


def test_beside_a_large_table_the_translations_stay_on_disk(make, data, english):
    task = load_task("sib200", data)
    numbers, labels = np.array([int(record.id) for record in english]), frozenset(record.label for record in english)
    large = OnDisk(english.__getitem__, numbers, numbers, labels)
    first = english[0].id
    given = translations_for(
        task, make(change=lambda row: row if row.original.id != first else replace(row, reason="x"))
    )
    found = read_translations(given, task, data, large, ["sw"])["sw"]
    assert isinstance(found, OnDisk)
    assert list(found) == read_translations(given, task, data, english, ["sw"])["sw"]
    assert [record.translations for record in found] == [(record,) for record in english[1:]]


def test_rejected_rows_do_not_train(make, job, english):
    folder = make(change=lambda row: replace(row, reason="copy") if row.original.id == english[0].id else row)
    assert [record.id for record in job(folder).records("train")["sw"]] == [record.id for record in english[1:]]


def test_a_set_of_a_part_of_the_texts_trains_and_is_told(make, job, english, capsys):
    folder = make(records=english[:4])
    assert len(job(folder).records("train")["sw"]) == 4
    assert f"{folder} has 4 of {len(english)} training items of sib200" in capsys.readouterr().err


def test_a_pivot_comes_from_the_set_or_else_from_the_task(make, job, english, capsys):
    lost = english[2].id
    folder = make(("sw", "fr"), lambda row: row if (row.language, row.original.id) != ("fr", lost) else None)
    found = job(folder, ["en", "sw", "fr"], pivots=["fr"]).records("train")
    assert [side.language for side in found["sw"][0].translations] == ["en", "fr"]
    assert [side.language for side in found["fr"][0].translations] == ["en"]
    assert lost not in [record.id for record in found["sw"]]
    assert f"1 of {len(english)} texts in sw have no fr" in capsys.readouterr().err
    found = job(folder, ["en", "sw"], pivots=["de"]).records("train")
    assert [(side.language, side.translations) for side in found["sw"][0].translations] == [("en", ()), ("de", ())]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda record: replace(record, text=record.text + " "), "was not made of the training split"),
        (lambda record: replace(record, id=f"x{record.id}"), "12 of 12 originals have another text there, or are not"),
    ],
)
def test_a_set_of_other_texts_is_refused(make, job, english, change, complaint):
    with pytest.raises(UserError, match=complaint):
        job(make(records=[change(record) for record in english])).records("train")


def test_a_set_of_another_kind_or_language_is_refused(make, data, english):
    with pytest.raises(UserError, match="is a set for classification, task 'xsid_slots' is tagging"):
        translations_for(load_task("xsid_slots", data), make())
    german = [replace(record, language="de") for record in english]
    with pytest.raises(UserError, match="holds translations of de, the labels of task 'sib200' are in en"):
        translations_for(load_task("sib200", data), make(records=german, name="german"))


def test_languages_that_the_set_lacks_are_told_before_training(make, job):
    with pytest.raises(UserError, match=r"has translations into sw, but en, de are to be trained on; choose"):
        job(make(), ["en", "de"]).records("train")


def test_unknown_labels_and_empty_languages_are_refused(make, data, english, tmp_path):
    task = load_task("sib200", data)
    wrong = make(change=lambda row: replace(row, translation=replace(row.translation, label="traval")))
    with pytest.raises(UserError, match="unknown label 'traval'; did you mean travel"):
        read_translations(translations_for(task, wrong), task, data, english, ["sw"])
    none = make(change=lambda row: replace(row, reason="copy"), name="none")
    with pytest.raises(UserError, match="none of the translations was accepted"):
        read_translations(translations_for(task, none), task, data, english, ["sw"])


def test_a_run_remembers_its_set_and_does_not_go_on_with_another(make, job, tmp_path, command, data, encoder_folder):
    folder = make()
    words = ["train", "--method", "zero_shot", "--task", "sib200", "--data", data, "--encoder", encoder_folder]
    words += ["--languages", "en,sw", "--set", "updates=1", "--set", "max_length=32", "--output", tmp_path / "run"]
    assert command(*words, "--translations", folder).code == 0
    manifest = json.loads((tmp_path / "run" / "isogloss.json").read_text())
    assert manifest["data"]["translations"] == str(folder)
    assert manifest["data"]["translations_sha256"] == fingerprint_of(folder)
    assert fingerprint_of(folder) == fingerprint_of(make(name="same"))
    assert fingerprint_of(folder) != fingerprint_of(make(("sw", "fr"), name="other"))
    words[-1] = tmp_path / "other-run"
    outcome = command(*words, "--translations", tmp_path / "nowhere")
    assert_one_line(outcome, f"is no parallel data set (no {MANIFEST} in it)")
    assert not (tmp_path / "other-run").exists()


def test_a_run_that_was_stopped_goes_on_with_the_same_set_alone(make, job, monkeypatch, tmp_path):
    class Stop(Exception):
        pass

    def stop(*_, **__):
        (tmp_path / "run" / "checkpoints" / "checkpoint-1").mkdir(parents=True)
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("isogloss.runs.fit", stop)
        with pytest.raises(Stop):
            train(job(make()).recipe)
    with pytest.raises(UserError, match=r"another unfinished run \(different: data.translations_sha256\)"):
        train(job(make(("sw", "fr"), name="other")).recipe)
