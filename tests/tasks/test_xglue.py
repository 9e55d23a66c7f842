"""XGLUE's tasks: the archive's layout and FILTER's, English training, what is wrong with a file, and scores."""

import pytest

from isogloss.data.tagged_text import as_iob2, read_spaced
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.evaluation.evaluate import evaluate
from isogloss.recipe import resolve
from isogloss.runs import train
from isogloss.tasks import load_task

ROWS = {
    "nc": ["Rain\tIt rained\tnews", "Goal\tThey won\tsports"],
    "qadsm": ["shoes\tShoes\tCheap ones\tGood", "shoes\tHats\tBig ones\tBad"],
    "qam": ["Who?\tShe did.\t1", "Who?\tIt rained.\t0"],
    "wpr": [
        "rome\tHotels\tIn Rome\t4",
        "rome\tParis\tA city\t0",
        "mill\tMills\tOld ones\t3",
        "rome\tRoma\tA city\t2",
        "rome\tRain\tIt rained\t1",
    ],
}
NAMES = "-DOCSTART- O\n\nMarta I-PER\nsings O\n\n# O\nRome I-LOC\nParis B-LOC\nLake I-MISC\nGarda I-MISC\n"
WORDS = "Marta PROPN\nsings\tVERB\n\n# SYM\n1\u00a0000 NUM\n"


def write(folder, task, tag, split, rows):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"xglue.{task}.{tag}.{split}").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    for task, rows in ROWS.items():
        write(tmp_path / "xglue", task, "en", "train", rows)
        for tag in ("en", "de"):
            for split in ("dev", "test"):
                write(tmp_path / "xglue", task, tag, split, rows)
    return tmp_path


@pytest.fixture
def archive(folder):
    """The archive as it is unpacked, with all tasks."""
    root = folder / "xglue_full_dataset"
    for file in (folder / "xglue").iterdir():
        below = root / file.name.split(".")[1].upper()
        below.mkdir(parents=True, exist_ok=True)
        file.rename(below / file.name)
    (folder / "xglue").rmdir()
    for name, text in (("NER", NAMES), ("POS", WORDS)):
        (root / name).mkdir()
        for file in ("en.train", "en.dev", "en.test", "de.dev", "de.test"):
            (root / name / file).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("task", ROWS)
def test_texts_and_labels_are_where_they_belong(folder, task):
    found = read_split(load_task(task, folder), folder, "test")
    assert list(found) == ["de", "en"]
    cells = [row.split("\t") for row in ROWS[task]]
    expected = [(row[0], " ".join(row[1:-1]), row[-1]) for row in cells]
    assert [(record.text, record.text_pair, record.label) for record in found["de"]] == expected
    assert list(read_split(load_task(task, folder), folder, "train")) == ["en"]
    assert all(record.translations == () for record in found["de"])


@pytest.mark.parametrize("task", [*ROWS, "ner", "pos"])
def test_the_archive_is_found_from_above_from_within_and_by_the_task_s_folder(archive, task):
    splits = ("train", "dev", "test")
    above, within, below = (
        [read_split(load_task(task, given), given, split) for split in splits]
        for given in (archive.parent, archive, archive / task.upper())
    )
    assert above == within == below
    assert [list(records) for records in above] == [["en"], ["de", "en"], ["de", "en"]]


def test_pages_of_a_query_that_follow_one_another_are_a_group(folder):
    pages = read_split(load_task("wpr", folder), folder, "test")["de"]
    assert [(page.id, page.group) for page in pages] == [("1", "1"), ("2", "1"), ("3", "2"), ("4", "3"), ("5", "3")]


def test_a_part_of_the_items_has_whole_queries(folder):
    (pages,) = read_split(load_task("wpr"), folder, "test", ["de"], items=2).values()
    assert {page.group for page in pages} == {"1", "3"} and len(pages) == 4


def test_a_name_begins_with_b_and_documents_have_no_mark(archive):
    first, second = read_split(load_task("ner", archive), archive, "test")["de"]
    assert (first.id, first.text, first.tags) == ("1", "Marta sings", ("B-PER", "O"))
    assert (second.id, second.text) == ("2", "# Rome Paris Lake Garda")
    assert second.tags == ("O", "B-LOC", "B-LOC", "B-MISC", "I-MISC")


def test_iob_becomes_iob2_and_iob2_stays():
    assert as_iob2(["I-PER", "I-PER", "B-PER", "I-LOC", "O", "I-LOC"]) == (
        "B-PER",
        "I-PER",
        "B-PER",
        "B-LOC",
        "O",
        "B-LOC",
    )
    assert as_iob2(["B-PER", "I-PER", "B-PER", "O"]) == ("B-PER", "I-PER", "B-PER", "O")
    assert as_iob2(["I-FOO", "PER"]) == ("B-FOO", "PER")  # for the check of labels to find
    assert as_iob2([]) == ()


def test_words_and_tags_are_parted_by_one_space_or_tab(archive):
    first, second = read_split(load_task("pos", archive), archive, "test")["de"]
    assert (first.tags, second.tags) == (("PROPN", "VERB"), ("SYM", "NUM"))
    assert second.text == "# 1\u00a0000" and second.words == ((0, 1), (2, 7))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Marta PROPN\nsings\n", "de.test:2: 1 columns where a word and its tag were expected"),
        ("EU NNP I-NP B-ORG\n", "de.test:1: 4 columns where a word and its tag were expected"),
        ("\n \n", "de.test: no sentences; the file is empty"),
    ],
)
def test_a_line_of_another_width_is_named(tmp_path, text, complaint):
    (tmp_path / "de.test").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        read_spaced(tmp_path / "de.test", "de")


def test_a_label_that_the_task_lacks_is_named(folder):
    write(folder / "xglue", "nc", "de", "test", ["Tor\tSie siegten\tsport"])
    with pytest.raises(UserError, match="item '1' has the unknown label 'sport'; did you mean sports"):
        read_split(load_task("nc"), folder, "test", ["de"])


def test_a_table_of_another_width_or_without_labels_is_told(folder):
    write(folder / "xglue", "qadsm", "de", "test", ["a\tb"])
    with pytest.raises(UserError, match="2 columns where 4 were expected, or 3 without the label"):
        read_split(load_task("qadsm"), folder, "test", ["de"])
    write(folder / "xglue", "qadsm", "de", "test", ["a\tb\tc", "d\te\tf"])
    with pytest.raises(UserError, match="place-holders, get the labelled file"):
        read_split(load_task("qadsm"), folder, "test", ["de"])


@pytest.mark.parametrize("task", [*ROWS, "ner", "pos"])
def test_a_run_is_trained_and_scored(archive, encoder_folder, tmp_path, task):
    content = {"train": {"updates": 2, "batch_size": 4}, "lengths": {"max_length": 32}}
    given = {
        "method": "zero_shot",
        "task": task,
        "data": archive,
        "encoder": encoder_folder,
        "output": tmp_path / "run",
    }
    run = train(resolve(content, given))
    result = evaluate(run, data=archive, output=tmp_path / "test.json")
    declared = load_task(task)
    assert result.metric == declared.metric and set(result.other_metrics) == set(declared.other_metrics)
    assert list(result.languages) == ["de", "en"]
    groups = {"wpr": 3}  # queries, not pages
    assert [score.n for score in result.languages.values()] == [groups.get(task, 2)] * 2
    assert result.languages["de"].value == result.languages["en"].value  # they have the same texts
    lines = (tmp_path / "test.items.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 * groups.get(task, 2)
