from dataclasses import replace
from functools import partial

import pytest

from isogloss.data.formats import read_table
from isogloss.data.task_data import fingerprint, read_split, resolve_languages
from isogloss.errors import UserError
from isogloss.records import Sentence
from isogloss.tasks import Task, load_task

SAMPLE = load_task("sample_intent")


def read(folder, split, tag):
    rows = read_table(folder / tag / f"{split}.tsv", ("id", "text", "label"))
    return [Sentence(id=i, language=tag, text=text, label=label) for i, text, label in (row.values for row in rows)]


TASK = Task(
    name="toy",
    kind="classification",
    title="toy",
    read=read,
    languages=("de", "en", "sw", "zh-Hant"),
    train_languages=("en", "sw"),
    dev_languages=("en",),
    labels=("good", "bad"),
    metric="accuracy",
    folder="toy",
    siblings=("beside",),
    paper="none",
    licence="none",
)


@pytest.fixture
def data(tmp_path):
    rows = "id\ttext\tlabel\n1\t{0} one\tgood\n2\t{0} two\tbad\n"
    for split, tags in (("train", ("en", "sw")), ("dev", ("en",)), ("test", TASK.languages)):
        for tag in tags:
            path = tmp_path / "toy" / tag / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rows.format(tag), encoding="utf-8")
    return tmp_path


def write(data, tag, split, text):
    (data / "toy" / tag / f"{split}.tsv").write_text("id\ttext\tlabel\n" + text, encoding="utf-8")


def test_training_records_carry_the_labelled_english(data):
    found = read_split(TASK, data, "train")
    assert list(found) == ["en", "sw"]
    assert all(record.translations == () for record in found["en"])
    assert [record.translations[0] for record in found["sw"]] == found["en"]


def test_test_records_carry_english_without_its_label(data):
    (first, _) = read_split(TASK, data, "test", ["sw"])["sw"]
    assert first.label == "good"
    assert first.translations == (Sentence(id="1", language="en", text="en one"),)


def test_pivots_are_further_sides_after_english(data):
    found = read_split(TASK, data, "test", ["en", "sw", "de"], pivots=["de"])
    sides = {tag: [side.language for side in records[0].translations] for tag, records in found.items()}
    assert sides == {"en": [], "sw": ["en", "de"], "de": ["en"]}
    assert all(side.label is None for side in found["sw"][0].translations)


def test_a_pivot_that_the_split_lacks_is_a_user_error(data):
    with pytest.raises(UserError, match="no train items in German"):
        read_split(TASK, data, "train", ["sw"], pivots=["de"])
    assert read_split(TASK, data, "dev", ["en"], pivots=["de"])["en"]


def test_languages_come_in_any_spelling_in_the_order_given(data):
    found = read_split(TASK, data, "test", ["zho_Hant", "swh_Latn", "sw", "eng_Latn"])
    assert list(found) == ["zh-Hant", "sw", "en"]


def test_the_task_folder_itself_may_be_named(data):
    assert read_split(TASK, data / "toy", "dev")


def test_a_language_the_split_lacks_names_those_it_has():
    with pytest.raises(UserError, match=r"task toy has no train items in German \(de\); it has en, sw"):
        resolve_languages(TASK, "train", ["deu_Latn"])
    with pytest.raises(UserError, match=r"no test items in Chinese \(zh\); it has .*zh-Hant"):
        resolve_languages(TASK, "test", ["zh"])


def test_an_unknown_split_names_the_nearest():
    with pytest.raises(UserError, match="no split 'tset'; did you mean test"):
        resolve_languages(TASK, "tset")
    with pytest.raises(UserError, match="no split 'dev'"):
        resolve_languages(replace(TASK, dev_split=None), "dev")


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("1\ta\tgood\n1\tb\tbad\n", "task toy, split test, language sw: duplicate ids '1'"),
        ("1\ta\tgood\n3\tb\tbad\n", "sw has 1 of 2 items without an English side, ids '3'"),
        ("1\ta\tgood\n2\t \tbad\n", "item '2' has an empty text"),
        ("1\ta\tgood\n2\tb\tbda\n", "unknown label 'bda'; did you mean bad"),
        ("1\ta\tgood\n2\tb\tgood\n", "the labels are place-holders"),
        ("", "no rows"),
    ],
)
def test_bad_files_are_one_clear_message(data, rows, complaint):
    write(data, "sw", "test", rows)
    with pytest.raises(UserError, match=complaint):
        read_split(TASK, data, "test", ["sw"])


def test_a_missing_data_folder_says_what_to_give(tmp_path):
    with pytest.raises(UserError, match="--data DIR"):
        read_split(TASK, None, "test")
    with pytest.raises(UserError, match="no such folder"):
        read_split(TASK, tmp_path / "nowhere", "test")
    with pytest.raises(UserError, match="no such file"):
        read_split(TASK, tmp_path, "test")


def test_the_fingerprint_changes_with_a_byte_of_the_data_only(data):
    before = fingerprint(TASK, data)
    (data / "toy" / "README.md").write_text("about")
    assert fingerprint(TASK, data) == fingerprint(TASK, data / "toy") == before
    (data / "beside").mkdir()
    (data / "beside" / "more.tsv").write_text("x")
    beside = fingerprint(TASK, data)
    write(data, "sw", "test", "1\ta\tgood\n")
    assert len({before, beside, fingerprint(TASK, data)}) == 3


def test_pairs_of_text_need_no_english_records(data):
    def bitexts(folder, split, tag, source):
        return [replace(record, id=f"{source}-{record.id}") for record in read(folder, split, tag)]

    task = replace(TASK, languages=("sw",), train_languages=(), read=partial(bitexts, source="x"), dev_split=None)
    assert [record.id for record in read_split(task, data, "train")["sw"]] == ["x-1", "x-2"]


def test_a_language_that_lacks_items_is_told(data, capsys):
    read_split(TASK, data, "test", ["de", "sw"])
    assert capsys.readouterr().err == ""
    write(data, "sw", "test", "2\tsw two\tbad\n")
    assert len(read_split(TASK, data, "test", ["de", "sw"])["sw"]) == 1
    assert capsys.readouterr().err == "task toy, split test: sw lacks 1 of 2 items, ids '1'\n"


def test_some_items_are_the_same_ones_in_every_language_and_run():
    rows = {tag: read_split(SAMPLE, None, "test", [tag], items=20)[tag] for tag in ("en", "sw", "ja")}
    together = read_split(SAMPLE, None, "test", ["ja", "en", "sw"], items=20)
    assert {len(records) for records in rows.values()} == {20}
    assert len({tuple(sorted(record.id for record in records)) for records in rows.values()}) == 1
    assert rows == {tag: together[tag] for tag in rows}
    assert all(record.translations for record in rows["sw"])


def test_more_items_hold_the_fewer_ones_and_too_many_are_all():
    sizes = {n: {r.id for r in read_split(SAMPLE, None, "test", ["en"], items=n)["en"]} for n in (0, 5, 50, 10**6)}
    assert sizes[5] < sizes[50] < sizes[0]
    assert sizes[10**6] == sizes[0]
    labels = {r.label for r in read_split(SAMPLE, None, "test", ["en"], items=100)["en"]}
    assert len(labels) > 8  # not the first ones of a sorted file


@pytest.mark.parametrize("label", ["good", "", "nobody knows"])
def test_records_to_be_predicted_have_no_labels_whatever_the_file_says(data, label):
    for tag in ("en", "sw"):
        write(data, tag, "test", f"1\t{tag} one\t{label}\n2\t{tag} two\t{label}\n")
    with pytest.raises(UserError, match="place-holders|unknown label"):
        read_split(TASK, data, "test", ["sw"])
    found = read_split(TASK, data, "test", ["sw"], labelled=False)["sw"]
    assert [record.text for record in found] == ["sw one", "sw two"]
    assert [record.translations[0].text for record in found] == ["en one", "en two"]
    assert {record.label for each in found for record in (each, *each.translations)} == {None}


def test_a_task_may_have_more_records_to_predict_than_to_score(data):
    task = replace(TASK, read=lambda *given: read(*given)[:1], read_unlabelled=read)
    lengths = [len(read_split(task, data, "test", ["sw"], labelled=labelled)["sw"]) for labelled in (True, False)]
    assert lengths == [1, 2]
