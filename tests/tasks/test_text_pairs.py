"""XNLI and PAWS-X in every layout they come in: the same records, and what is wrong with a folder is said."""

import csv
import io

import pytest

from isogloss.data.task_data import read_machine, read_split
from isogloss.data.text_pairs import with_csv_quotes, without_csv_quotes
from isogloss.errors import UserError
from isogloss.evaluation.evaluate import evaluate
from isogloss.recipe import resolve
from isogloss.records import Sentence
from isogloss.runs import Job, Predictor, train
from isogloss.tasks import load_task

PAIRS = {
    "en": [('He said "no".', "He agreed.", "contradiction"), ("It rains.", "It is wet.", "entailment")],
    "de": [('Er sagte "nein".', "Er war dafür.", "contradiction"), ("Es regnet.", "Es ist nass.", "entailment")],
}
PARAPHRASES = {
    "en": [("A is B .", "B is A .", "1"), ("A has B .", "B has A .", "0")],
    "de": [("A ist B .", "B ist A .", "1"), ("A hat B .", "B hat A .", "0")],
}


def write(path, rows, header=None, quoting=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = (lambda text: '"' + text.replace('"', '""') + '"' if '"' in text else text) if quoting else str
    lines = [header] if header else []
    path.write_text("\n".join(lines + ["\t".join(map(cell, row)) for row in rows]) + "\n", encoding="utf-8")


def xtreme(root):
    for tag, pairs in PAIRS.items():
        for split in ("dev", "test"):
            write(root / "xnli" / f"{split}-{tag}.tsv", pairs, quoting=True)
    write(root / "xnli" / "train-en.tsv", PAIRS["en"], quoting=True)
    five = [(*en[:2], *de) for en, de in zip(PAIRS["en"], PAIRS["de"], strict=True)]
    write(root / "xnli" / "translate-train" / "en-de-translated.tsv", five[::-1])  # in another order than the English


def filter_scripts(root):
    other = {"contradiction": "contradictory"}
    for tag, pairs in PAIRS.items():
        for split in ("dev", "test"):
            write(root / "xnli" / f"xtreme.{tag}.{split}", pairs, quoting=True)
        train = [(a, b, other.get(label, label)) for a, b, label in pairs]
        write(root / "xnli" / f"train.en-{tag}.tsv", train, header="premise\thypo\tlabel")


def published(root, tested="XNLI-1.0", trained="XNLI-MT-1.0"):
    rows = [(tag, label, a, b, "x") for tag, pairs in PAIRS.items() for a, b, label in pairs]
    for split in ("dev", "test"):
        write(root / tested / f"xnli.{split}.tsv", rows, header="language\tgold_label\tsentence1\tsentence2\tgenre")
    for tag, pairs in PAIRS.items():
        path = root / trained / "multinli" / f"multinli.train.{tag}.tsv"
        write(path, pairs, header="premise\thypo\tlabel")


def as_data_get_leaves_it(root):
    published(root, "xnli", "xnli")


def xglue(root, folder="XNLI"):
    """The archive trains in English alone; German is written here so that every split has both languages."""
    for tag, pairs in PAIRS.items():
        for split in ("dev", "test"):
            write(root / folder / f"{tag}.{split}", pairs)
        other = [(a, b, label.replace("contradiction", "contradictory")) for a, b, label in pairs]
        write(root / folder / f"multinli.train.{tag}.tsv", other, header="premise\thypo\tlabel")


def xglue_from_above(root):
    xglue(root, "xglue_full_dataset/XNLI")


@pytest.mark.parametrize("lay_out", [xtreme, filter_scripts, published, as_data_get_leaves_it, xglue, xglue_from_above])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_every_layout_of_xnli_gives_the_same_records(tmp_path, lay_out, split):
    lay_out(tmp_path)
    found = read_split(load_task("xnli", tmp_path), tmp_path, split, ["de", "en"])
    for tag, records in found.items():
        by_id = sorted(records, key=lambda record: record.id)
        assert [(r.text, r.text_pair, r.label) for r in by_id] == PAIRS[tag]
    for record in found["de"]:
        assert record.translations[0].text == dict(zip("12", PAIRS["en"], strict=True))[record.id][0]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"He said ""no""."', 'He said "no".'),
        ('"""Hello"""', '"Hello"'),
        ('"Hello"', '"Hello"'),
        ('"No", he said.', '"No", he said.'),
        ('"One" and "two"', '"One" and "two"'),
        ('"', '"'),
        ("", ""),
    ],
)
def test_quotes_of_csv_are_undone_and_no_others(cell, text):
    assert without_csv_quotes(cell) == text


def as_csv(*texts):
    file = io.StringIO()
    csv.writer(file, delimiter="\t", lineterminator="\n").writerow(texts)
    return tuple(file.getvalue().rstrip("\n").split("\t"))


@pytest.mark.parametrize("texts", [('He said "no".', "He agreed."), ('"', 'a""b'), ("plain", 'ends in "')])
def test_the_released_reading_is_what_a_writer_of_csv_leaves(texts):
    read = with_csv_quotes(Sentence(id="1", language="en", text=texts[0], text_pair=texts[1], label="x"))
    assert (read.text, read.text_pair) == as_csv(*texts)
    assert tuple(map(without_csv_quotes, (read.text, read.text_pair)))[0] in (texts[0], '"')
    assert (read.id, read.label) == ("1", "x")


@pytest.mark.parametrize(
    ("switch", "read"), [("false", ['He said "no".', "It rains."]), ("true", ['"He said ""no""."', "It rains."])]
)
def test_a_run_with_csv_quotes_is_scored_on_the_released_reading(tmp_path, encoder_folder, monkeypatch, switch, read):
    xtreme(tmp_path)
    flags = {"method": "zero_shot", "task": "xnli", "data": tmp_path, "output": tmp_path / "run"}
    settings = ("updates=1", "batch_size=2", "max_length=32", f"csv_quotes={switch}")
    run = train(resolve({}, flags | {"encoder": str(encoder_folder)}, settings))
    seen, predict = [], Predictor.predict

    def watched(self, records):
        seen.extend(record.text for record in records if record.language == "en")
        return predict(self, records)

    monkeypatch.setattr(Predictor, "predict", watched)
    evaluate(run)
    assert seen == read


def test_csv_quotes_are_refused_where_nobody_wrote_csv(tmp_path):
    flags = {"method": "filter", "task": "sib200", "output": tmp_path / "run"}
    with pytest.raises(UserError, match="csv_quotes: nobody wrote the texts of task sib200 as CSV; take it out"):
        resolve({}, flags, ("csv_quotes=true",))


def test_training_languages_can_be_fewer_than_those_read(tmp_path):
    filter_scripts(tmp_path)
    flags = {"method": "translate_train", "task": "xnli", "data": tmp_path, "output": tmp_path / "run"}
    recipe = resolve({"train_languages": ["en"]}, flags)
    assert recipe.languages == ("de", "en") and recipe.train_languages == ("en",)
    assert list(Job(recipe, recipe.output).records("train")) == ["en"]
    assert list(Job(recipe, recipe.output).records("dev")) == ["en", "de"]
    assert resolve({}, flags, ('train_languages=["de"]',)).train_languages == ("de",)


def test_a_translation_of_no_english_line_is_named(tmp_path):
    xtreme(tmp_path)
    write(tmp_path / "xnli" / "translate-train" / "en-de-translated.tsv", [("Who?", "Me.", "Wer?", "Ich.", "neutral")])
    with pytest.raises(UserError, match="en-de-translated.tsv:1: its original 'Who.' is not among the 2 English ones"):
        read_split(load_task("xnli", tmp_path), tmp_path, "train")


def test_test_files_without_labels_are_place_holders(tmp_path):
    xtreme(tmp_path)
    for tag, pairs in PAIRS.items():
        write(tmp_path / "xnli" / f"test-{tag}.tsv", [pair[:2] for pair in pairs])
    with pytest.raises(UserError, match="test, language de .*test-de.tsv.: .*place-holders, get the labelled file"):
        read_split(load_task("xnli", tmp_path), tmp_path, "test")


def test_a_table_of_another_width_is_an_error(tmp_path):
    write(tmp_path / "xnli" / "test-en.tsv", [("1", "a", "b", "neutral")])
    with pytest.raises(UserError, match="test-en.tsv:1: 4 columns where 3 were expected, or 2 without the label"):
        read_split(load_task("xnli", tmp_path), tmp_path, "test")


def test_machine_translations_of_filters_scripts_are_read(tmp_path):
    filter_scripts(tmp_path)
    write(tmp_path / "xnli" / "xtreme.msft.de-en.test", [("He said no.", "He was for it."), ("Rain.", "Wet.")])
    (machine,) = read_machine(load_task("xnli"), tmp_path, "test", ["en", "de"]).values()
    assert [(record.id, record.language, record.text, record.label) for record in machine] == [
        ("1", "en", "He said no.", None),
        ("2", "en", "Rain.", None),
    ]


def paws_of_xtreme(root):
    for tag, pairs in PARAPHRASES.items():
        for split in ("dev", "test"):
            write(root / "pawsx" / f"{split}-{tag}.tsv", pairs)
    write(root / "pawsx" / "train-en.tsv", PARAPHRASES["en"])
    five = [(*en[:2], *de) for en, de in zip(PARAPHRASES["en"], PARAPHRASES["de"], strict=True)]
    write(root / "pawsx" / "translate-train" / "en-de-translated.tsv", five)


def numbered(pairs):
    return [(str(i), *pair) for i, pair in enumerate(pairs, 1)]


def paws_of_filter(root):
    for tag, pairs in PARAPHRASES.items():
        for name in (f"train.en-{tag}.tsv", f"xtreme.{tag}.dev", f"xtreme.{tag}.test"):
            write(root / "pawsx" / name, numbered(pairs), header="id\tsentence1\tsentence2\tlabel")


def paws_as_published(root, folder="x-final"):
    for tag, pairs in PARAPHRASES.items():
        for name in ("train" if tag == "en" else "translated_train", "dev_2k", "test_2k"):
            path = root / folder / tag / f"{name}.tsv"
            write(path, numbered(pairs), header="id\tsentence1\tsentence2\tlabel")


def paws_as_data_get_leaves_it(root):
    paws_as_published(root, "pawsx")


def paws_of_xglue(root):
    paws_as_published(root, "PAWSX")


def paws_of_xglue_from_above(root):
    paws_as_published(root, "xglue_full_dataset/PAWSX")


PAWS = [
    paws_of_xtreme,
    paws_of_filter,
    paws_as_published,
    paws_as_data_get_leaves_it,
    paws_of_xglue,
    paws_of_xglue_from_above,
]


@pytest.mark.parametrize("lay_out", PAWS)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_every_layout_of_pawsx_gives_the_same_records(tmp_path, lay_out, split):
    lay_out(tmp_path)
    found = read_split(load_task("pawsx", tmp_path), tmp_path, split)
    assert {tag: [(r.text, r.text_pair, r.label) for r in records] for tag, records in found.items()} == PARAPHRASES


def test_languages_that_are_not_there_are_left_out_and_told(tmp_path, capsys):
    filter_scripts(tmp_path)
    (tmp_path / "xnli" / "train.en-de.tsv").unlink()
    flags = {"method": "filter", "task": "xnli", "output": tmp_path / "run", "data": tmp_path}
    recipe = resolve({}, flags)
    assert recipe.languages == ("de", "en")
    assert "xnli: " in (told := capsys.readouterr().err) and "no test files in ar, bg, el" in told
    assert list(Job(recipe, recipe.output).records("train")) == ["en"]
    assert capsys.readouterr().err == "xnli: no training files in de; not trained on\n"
    with pytest.raises(UserError, match="has no test items in sw; looked for test-sw.tsv, xtreme.sw.test"):
        read_split(load_task("xnli"), tmp_path, "test", ["sw"])


def test_a_language_asked_for_that_has_no_file_is_an_error(tmp_path):
    filter_scripts(tmp_path)
    flags = {"method": "filter", "task": "xnli", "output": tmp_path / "run", "data": tmp_path}
    assert resolve({}, flags | {"languages": "de"}).languages == ("de",)
    with pytest.raises(UserError, match="xnli has no files of task xnli in sw; leave them out or get them"):
        resolve({}, flags | {"languages": "de,sw"})
