"""Records on disk: the same as those read in, whatever the file looks like, and next to nothing kept of them."""

import gzip
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.data import tables_on_disk
from isogloss.data.formats import read_table
from isogloss.data.on_disk import OnDisk
from isogloss.data.parallel import attach_translations
from isogloss.data.tables_on_disk import chained, regular_table, without_partner
from isogloss.data.task_data import read_split
from isogloss.data.text_pairs import read_five_columns, read_pairs
from isogloss.errors import UserError
from isogloss.methods import load_method
from isogloss.recipe import resolve
from isogloss.runs import Job, train
from isogloss.tasks import load_task

COLUMNS = ("premise", "hypo", "label")
HEADER = "premise\thypo\tlabel"


def write(path, rows, header=HEADER, end="\n", start=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ([header] if header else []) + ["\t".join(row) for row in rows]
    path.write_bytes((start + "".join(line + end for line in lines)).encode())
    return path


def read_in(path, tag, columns):
    """The records of the same content, packed, which is always read in."""
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    content = path.read_bytes()
    path.unlink()
    try:
        found = read_pairs(path, tag, columns)
        assert isinstance(found, list)
        return found
    finally:
        packed.unlink()
        path.write_bytes(content)


ROWS = [("Er sagte „nein“.", "Er war dafür.", "entailment"), ("天气\u3000好", " so", "neutral"), ("a", "b", "neutral")]


@pytest.mark.parametrize("block", [1, 7, 1 << 24])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("header", [HEADER, None])
def test_a_table_on_disk_has_the_records_of_one_that_is_read_in(tmp_path, monkeypatch, block, end, start, header):
    monkeypatch.setattr(tables_on_disk, "BLOCK", block)
    path = write(tmp_path / "t.tsv", ROWS, header, end, start)
    columns = COLUMNS if header else (0, 1, 2)
    found = read_pairs(path, "de", columns)
    assert isinstance(found, OnDisk)
    assert list(found) == read_in(path, "de", columns)
    assert found[-1] == list(found)[-1] and found[1:] == list(found)[1:]
    assert found.labels == {"entailment", "neutral"}


cells = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r"), max_size=4)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=4), st.integers(1, 30))
def test_a_table_is_regular_exactly_if_all_its_cells_are_there_and_not_blank(tmp_path_factory, rows, block):
    path = tmp_path_factory.mktemp("table") / "t.tsv"
    path.write_bytes("".join("\t".join(row) + "\n" for row in rows).encode())
    whole = all(len(row) == 3 and all(cell.strip() for cell in row) for row in rows)
    usual, tables_on_disk.BLOCK = tables_on_disk.BLOCK, block
    try:
        found = regular_table(path, 3, header=False)
    finally:
        tables_on_disk.BLOCK = usual
    starts_with_mark = rows[0][0].startswith("\ufeff")
    if not starts_with_mark:
        assert (found is not None) == whole
    if found is not None:
        read = [row.values for row in read_table(path, (0, 1, 2))]
        assert list(map(tuple, found)) == read
        assert found.labels == {row[2] for row in read}


WRONG = [b"a\tb\tc\nd\te\n", b"a\tb\tc\td\ne\tf\n", b"a\t\tc\n", b"a\t\xc2\xa0\tc\n", b"\xff\tb\tc\n", b""]


@pytest.mark.parametrize("content", WRONG)
def test_what_is_wrong_with_a_table_is_left_to_its_usual_reader(tmp_path, content):
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    assert regular_table(path, 3, header=False) is None


def test_a_file_that_is_written_to_while_it_is_read_is_told(tmp_path):
    path = write(tmp_path / "t.tsv", ROWS)
    found = read_pairs(path, "de", COLUMNS)
    with path.open("ab") as file:
        file.write(b"a\tb\tneutral\n")
    with pytest.raises(UserError, match="t.tsv changed while it was being read; give the command again"):
        list(found)


def numbered(path, tag, names, rows=100):
    write(path, [(f"{tag} {i}", "x", "neutral") for i in range(rows)])
    found = read_pairs(path, tag, COLUMNS)
    assert isinstance(found, OnDisk)
    places = np.array([name - 1 for name in names])
    return found.chosen(places)


def test_a_join_on_disk_equals_a_join_of_lists(tmp_path):
    german = numbered(tmp_path / "de.tsv", "de", [7, 3, 99])
    english = numbered(tmp_path / "en.tsv", "en", [3, 99, 50, 7])
    found = attach_translations(german, english, "here")
    assert isinstance(found, OnDisk)
    assert list(found) == attach_translations(list(german), list(english), "here")
    assert [record.translations[0].text for record in found] == ["en 6", "en 2", "en 98"]


def test_a_join_on_disk_names_the_ids_that_lack_an_english_side(tmp_path):
    german, english = (numbered(tmp_path / f"{tag}.tsv", tag, names) for tag, names in (("de", [2, 9]), ("en", [2])))
    assert without_partner(german, english) == ["9"]
    with pytest.raises(UserError) as on_lists:
        attach_translations(list(german), list(english), "here")
    with pytest.raises(UserError) as there:
        attach_translations(german, english, "here")
    assert str(there.value) == str(on_lists.value)


def test_a_chain_has_the_items_of_its_parts_in_their_order(tmp_path):
    parts = [
        numbered(tmp_path / f"{tag}.tsv", tag, names) for tag, names in (("de", [1, 2]), ("sw", [5]), ("en", [3, 4]))
    ]
    found = chained(parts)
    assert list(found) == [record for part in parts for record in part]
    assert found[2].text == "sw 4" and found.sizes.tolist() == [s for part in parts for s in part.sizes.tolist()]


def test_translations_in_another_order_find_their_originals_on_disk(tmp_path):
    english = write(tmp_path / "en.tsv", ROWS, header=None)
    originals = read_pairs(english, "en", (0, 1, 2))
    five = [(*row[:2], f"{row[0]} (xx)", row[1], row[2]) for row in ROWS[::-1]]
    found = read_five_columns(write(tmp_path / "xx.tsv", five, header=None), "xx", originals)
    assert isinstance(found, OnDisk) and [record.id for record in found] == ["3", "2", "1"]
    assert list(attach_translations(found, originals, "here"))[0].translations[0].text == "a"


def xnli(folder, rows, tags=("en", "de", "sw")):
    """XNLI as published, with so many training rows."""
    labels = ("contradictory", "entailment", "neutral")
    for tag in tags:
        train_rows = [(f"{tag} first {i % 7}", f"second {i % 5} {tag}", labels[i % 3]) for i in range(rows)]
        write(folder / "xnli" / "multinli" / f"multinli.train.{tag}.tsv", train_rows)
        write(folder / "xnli" / f"test-{tag}.tsv", [("a", "b", "neutral"), ("c", "d", "entailment")], header=None)
    return folder


def test_opening_a_training_set_keeps_no_object_for_a_row(tmp_path):
    task = load_task("xnli", xnli(tmp_path, 20_000))
    tracemalloc.start()
    try:
        found = read_split(task, tmp_path, "train", ["en", "de", "sw"])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(isinstance(records, OnDisk) for records in found.values())
    assert kept < 40 * sum(map(len, found.values()))  # bytes; a record alone is over 100


def test_a_label_that_the_task_does_not_have_is_named_with_its_item(tmp_path):
    xnli(tmp_path, 3)
    write(tmp_path / "xnli" / "multinli" / "multinli.train.en.tsv", [("a", "b", "neutral"), ("c", "d", "neutrl")])
    with pytest.raises(UserError, match="item '2' has the unknown label 'neutrl'.*neutral"):
        read_split(load_task("xnli", tmp_path), tmp_path, "train", ["en"])


@pytest.fixture
def on_disk_recipe(tmp_path, encoder_folder):
    """A function from a method and settings to a recipe over XNLI on disk."""
    xnli(tmp_path, 12)

    def make(method, *settings):
        flags = {"method": method, "task": "xnli", "data": tmp_path, "output": tmp_path / "run"}
        short = ("updates=2", "batch_size=4", "max_length=32")
        return resolve({}, flags | {"encoder": str(encoder_folder)}, (*short, *settings))

    return make


@pytest.mark.parametrize("method", ["zero_shot", "translate_train", "filter"])
def test_examples_on_disk_are_those_of_records_that_are_read_in(on_disk_recipe, method, monkeypatch):
    made = on_disk_recipe(method)
    way = load_method(method).Method(made.config)
    found = way.examples(Job(made, made.output))
    monkeypatch.setattr("isogloss.data.text_pairs._rows_on_disk", lambda *_: None)
    others = way.examples(Job(made, made.output))
    assert isinstance(found, OnDisk) and isinstance(others, list)
    assert list(found) == others


def test_a_teacher_reads_examples_on_disk_and_its_student_is_trained(on_disk_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("isogloss.understanding.filter.AT_ONCE", 5)
    made = on_disk_recipe("filter", "self_teaching=0.5")
    made = replace(made, train=replace(made.train, updates=30))  # all 36 examples are within reach
    train(made)
    way = load_method("filter").Method(made.config)
    job = Job(made, made.output)
    found = way.examples(job)
    assert isinstance(found, OnDisk) and len(found) == 36
    teacher = job.stage("teacher", replace(made.config, self_teaching=0.0))
    for example, row in zip(found, teacher.logits(list(found)), strict=True):
        np.testing.assert_allclose(example.teacher, row, atol=2e-3)
