"""Files as they should not be, from the command line: one line that names the file, or the records all the same."""

import codecs
import json

import pytest
from helpers import assert_one_line, edit, edited, rewritten, standard_input

from isogloss.data.task_data import read_split
from isogloss.run_folder import read_manifest
from isogloss.tasks import load_task

XNLI = "Es regnet.\tEs ist nass.\tentailment\nEr schläft.\tEr rennt.\tcontradiction\nSie liest.\tSie mag es.\tneutral\n"
XNLI_EN = "It rains.\tIt is wet.\tentailment\nHe sleeps.\tHe runs.\tcontradiction\nShe reads.\tShe likes it.\tneutral\n"
PAWS = "1\tA ist B .\tB ist A .\t1\n2\tA hat B .\tB hat A .\t0\n3\tA kam .\tB kam .\t0\n"
PANX = "Marta\tB-PER\nsingt\tO\n\nDer\tO\nRhein\tB-LOC\nsteigt\tO\n"
PANX_EN = "Marta\tB-PER\nsings\tO\n\nThe\tO\nRhine\tB-LOC\nrises\tO\n"
UDPOS = "Marta\tPROPN\nsingt\tVERB\n\nDer\tDET\nRhein\tPROPN\nsteigt\tVERB\n"
NUMBERS = "0\n0\n\n1\n1\n1\n"
NC = "Tor\tSie siegten\tsports\nZug\tEr fuhr\ttravel\n"
QADSM = "Schuhe\tSchuhe\tbillig\tGood\nSchuhe\tHüte\tgroß\tBad\n"
QAM = "Wer?\tSie war es.\t1\nWer?\tEs regnet.\t0\n"
FILES = {
    # as FILTER's scripts leave them
    "filter/xnli/train.en-en.tsv": "premise\thypo\tlabel\n" + XNLI_EN,
    "filter/xnli/train.en-de.tsv": "premise\thypo\tlabel\n" + XNLI,
    "filter/xnli/xtreme.en.test": XNLI_EN,
    "filter/xnli/xtreme.de.test": XNLI,
    "filter/xnli/xtreme.msft.de-en.test": "It rains.\tIt is wet.\nHe sleeps.\tHe runs.\nShe reads.\tShe likes it.\n",
    "filter/pawsx/train.en-en.tsv": "id\tsentence1\tsentence2\tlabel\n" + PAWS,
    "filter/pawsx/train.en-de.tsv": "id\tsentence1\tsentence2\tlabel\n" + PAWS,
    "filter/pawsx/xtreme.en.test": "id\tsentence1\tsentence2\tlabel\n" + PAWS,
    "filter/pawsx/xtreme.de.test": "id\tsentence1\tsentence2\tlabel\n" + PAWS,
    "filter/udpos/en/train.xlm-roberta-large": UDPOS,
    "filter/udpos/en/train.xlm-roberta-large.idx": NUMBERS,
    "filter/udpos/en/test.xlm-roberta-large": UDPOS,
    "filter/udpos/en/test.xlm-roberta-large.idx": NUMBERS,
    "filter/udpos/de/test.xlm-roberta-large": UDPOS,
    "filter/udpos/de/test.xlm-roberta-large.idx": NUMBERS,
    "filter/udpos/translations/train-en-de.tsv": "Marta singt\nDer Rhein steigt\n",
    # as XTREME's and XGLUE's are
    "xtreme/xnli/train-en.tsv": XNLI_EN,
    "xtreme/xnli/translate-train/en-de-translated.tsv": "".join(
        "\t".join((*en.split("\t")[:2], de)) + "\n"
        for en, de in zip(XNLI_EN.splitlines(), XNLI.splitlines(), strict=True)
    ),
    "xtreme/xnli/test-en.tsv": XNLI_EN,
    "xtreme/xnli/test-de.tsv": XNLI,
    "xtreme/panx/train-en.tsv": PANX_EN,
    "xtreme/panx/test-en.tsv": PANX_EN,
    "xtreme/panx/test-de.tsv": PANX,
    "xtreme/panx/translations/train-en-de.tsv": "Marta singt\nDer Rhein steigt\n",
    "xtreme/panx/translations/test-de-en.tsv": "Marta sings\nThe Rhine rises\n",
    **{f"xtreme/xglue/xglue.nc.{tag}.{split}": NC for tag in ("de", "en") for split in ("train", "dev", "test")},
    **{f"xtreme/xglue/xglue.qadsm.{tag}.{split}": QADSM for tag in ("de", "en") for split in ("train", "dev", "test")},
    **{f"xtreme/xglue/xglue.qam.{tag}.{split}": QAM for tag in ("de", "en") for split in ("train", "dev", "test")},
}


def write_files(root):
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


@pytest.fixture
def folder(tmp_path):
    """A data folder with FILTER's and XTREME's layouts, which a test may damage."""
    return write_files(tmp_path / "data")


def words_for(root, encoder, output, layout, task):
    words = ["train", "--method", "filter", "--task", task, "--data", root / layout, "--encoder", encoder]
    words += ["--languages", "en,de", "--output", output]
    return [*words, "--set", "updates=2", "--set", "batch_size=2", "--set", "max_length=32"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, encoder_folder):
    """Runs of one update by layout and task."""
    from isogloss.recipe import resolve
    from isogloss.runs import train

    root = write_files(tmp_path_factory.mktemp("bad_files"))

    def run(layout, task):
        output = root / f"{layout}-{task}"
        if not output.exists():
            content = {"train": {"updates": 1, "batch_size": 2}, "lengths": {"max_length": 32}}
            flags = {"method": "filter", "task": task, "data": root / layout, "encoder": encoder_folder}
            train(resolve(content, flags | {"languages": "en,de", "output": output}))
        return output

    return run


def cut(name, end=-1):
    """A function that damages a data folder: a file loses its last lines."""

    def damage(root):
        lines = (root / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (root / name).write_text("".join(lines[:end]), encoding="utf-8")

    return damage


X, F = "xtreme", "filter"
LATIN = "Er schläft.\tEr rennt.\tcontradiction\n".encode("latin-1")
IN_TRAINING = {
    "a shorter translation, FILTER": (
        (F, "xnli"),
        cut("filter/xnli/train.en-de.tsv"),
        "train.en-de.tsv: 2 rows where ",
        "train.en-en.tsv has 3; rows of the same number are the same item",
    ),
    "a shorter original": ((F, "xnli"), cut("filter/xnli/train.en-en.tsv"), "de.tsv: 3 rows where ", "en.tsv has 2"),
    "a blank line in a translation": (
        (F, "xnli"),
        edited("filter/xnli/train.en-de.tsv", "Er schläft.\tEr rennt.\tcontradiction\n", "\n"),
        "train.en-de.tsv: 2 rows where ",
        "none may be missing or blank",
    ),
    "a shorter translation of paraphrases": (
        (F, "pawsx"),
        cut("filter/pawsx/train.en-de.tsv"),
        "train.en-de.tsv: 2 rows where ",
        "train.en-en.tsv has 3",
    ),
    "a shorter translation of names": (
        (X, "panx"),
        cut("xtreme/panx/translations/train-en-de.tsv"),
        "train-en-de.tsv: 1 lines where ",
        "panx/train-en.tsv has 2",
    ),
    "a shorter translation of blocks": (
        (F, "udpos"),
        cut("filter/udpos/translations/train-en-de.tsv"),
        "train-en-de.tsv: 1 lines where ",
        "en/train.xlm-roberta-large has 2",
    ),
    "an original that English lacks": (
        (X, "xnli"),
        edited("xtreme/xnli/train-en.tsv", "He sleeps.", "He sits."),
        "en-de-translated.tsv:2: its original 'He sleeps.' is not among the 3 English ones",
        "",
    ),
    "a tab in a text, FILTER": (
        (F, "xnli"),
        edited("filter/xnli/train.en-de.tsv", "Er rennt", "Er\trennt"),
        "train.en-de.tsv:3: 4 columns where 3 were expected; look for a missing or stray tab",
        "",
    ),
    "a tab in a text, XTREME": (
        (X, "xnli"),
        edited("xtreme/xnli/train-en.tsv", "He runs", "He\truns"),
        "train-en.tsv:2: 4 columns where 3 were expected; look for a missing or stray tab",
        "",
    ),
    "a tab in a translation": (
        (X, "xnli"),
        edited("xtreme/xnli/translate-train/en-de-translated.tsv", "Er rennt", "Er\trennt"),
        "en-de-translated.tsv:2: 6 columns where 5 were expected",
        "",
    ),
    "a tab in a paraphrase": (
        (F, "pawsx"),
        edited("filter/pawsx/train.en-de.tsv", "A hat", "A\that"),
        "train.en-de.tsv:3: 5 columns where 4 were expected",
        "",
    ),
    "a tab in a word": (
        (X, "panx"),
        edited("xtreme/panx/train-en.tsv", "Rhine", "Rh\tine"),
        "train-en.tsv:5: 3 columns where 2 were expected",
        "",
    ),
    "a tab in the first word": (
        (X, "panx"),
        edited("xtreme/panx/train-en.tsv", "Marta", "Mar\tta"),
        "train-en.tsv:1: 3 columns where 2 were expected, or 1 without the label",
        "",
    ),
    "a tab in an article": (
        (X, "nc"),
        edited("xtreme/xglue/xglue.nc.en.train", "Er fuhr", "Er\tfuhr"),
        "xglue.nc.en.train:2: 4 columns where 3 were expected",
        "",
    ),
    "a lost tab": (
        (X, "qadsm"),
        edited("xtreme/xglue/xglue.qadsm.en.train", "groß\tBad", "groß Bad"),
        "xglue.qadsm.en.train:2: 3 columns where 4 were expected",
        "",
    ),
    "a table cut in the middle of a line": (
        (F, "xnli"),
        rewritten("filter/xnli/train.en-de.tsv", b"premise\thypo\tlabel\nEs regnet.\tEs i"),
        "train.en-de.tsv:2: 2 columns where 3 were expected",
        "",
    ),
    "an unknown label": (
        (F, "xnli"),
        edited("filter/xnli/train.en-de.tsv", "neutral", "netural"),
        "train.en-de.tsv): item '3' has the unknown label 'netural'; did you mean neutral?",
        "",
    ),
    "an unknown tag": (
        (X, "panx"),
        edited("xtreme/panx/train-en.tsv", "B-LOC", "B-LOK"),
        "train-en.tsv): item '2' has the unknown label 'B-LOK'; did you mean ",
        "",
    ),
    "an unknown category": (
        (X, "nc"),
        edited("xtreme/xglue/xglue.nc.en.train", "travel", "travle"),
        "xglue.nc.en.train): item '2' has the unknown label 'travle'; did you mean travel?",
        "",
    ),
    "another encoding, FILTER": (
        (F, "xnli"),
        rewritten("filter/xnli/train.en-de.tsv", b"premise\thypo\tlabel\na\tb\tneutral\n" + LATIN),
        "train.en-de.tsv:3: byte 0xe4 is not UTF-8; convert the file first",
        "",
    ),
    "another encoding, XTREME": (
        (X, "xnli"),
        rewritten("xtreme/xnli/train-en.tsv", LATIN),
        "train-en.tsv:1: byte 0xe4 is not UTF-8",
        "",
    ),
    "another encoding of words": (
        (X, "panx"),
        rewritten("xtreme/panx/train-en.tsv", "Marta\tB-PER\nfährt\tO\n".encode("latin-1")),
        "train-en.tsv:2: byte 0xe4 is not UTF-8",
        "",
    ),
    "sixteen bits": (
        (X, "qam"),
        rewritten("xtreme/xglue/xglue.qam.en.train", QAM.encode("utf-16")),
        "xglue.qam.en.train:1: byte 0xff is not UTF-8",
        "",
    ),
    "an empty file": ((X, "qam"), rewritten("xtreme/xglue/xglue.qam.en.train", b""), "qam.en.train", "1 columns where"),
    "an empty text": (
        (X, "nc"),
        edited("xtreme/xglue/xglue.nc.en.train", "Zug\t", "\t"),
        "xglue.nc.en.train): item '2' has an empty text",
        "",
    ),
    "an index of other blocks": (
        (F, "udpos"),
        cut("filter/udpos/en/train.xlm-roberta-large.idx", 2),
        "train.xlm-roberta-large.idx: 1 blocks where train.xlm-roberta-large has 2",
        "",
    ),
}


@pytest.mark.parametrize("name", IN_TRAINING)
def test_damaged_training_files_are_one_line(command, folder, encoder_folder, tmp_path, name):
    (layout, task), damage, complaint, also = IN_TRAINING[name]
    damage(folder)
    outcome = command(*words_for(folder, encoder_folder, tmp_path / "run", layout, task))
    assert_one_line(outcome, complaint)
    assert also in outcome.err
    assert not (tmp_path / "run" / "checkpoints").exists()


IN_EVALUATION = {
    "a shorter test file": (
        (X, "xnli"),
        cut("xtreme/xnli/test-de.tsv"),
        "test-de.tsv: 2 rows where ",
        (),
    ),
    "a shorter machine translation": (
        (F, "xnli"),
        cut("filter/xnli/xtreme.msft.de-en.test"),
        "xtreme.msft.de-en.test: 2 rows where ",
        ("--pairing", "machine"),
    ),
    "a tab in a machine translation": (
        (F, "xnli"),
        edited("filter/xnli/xtreme.msft.de-en.test", "He runs", "He\truns"),
        "xtreme.msft.de-en.test:2: 3 columns where 2 were expected",
        ("--pairing", "machine"),
    ),
    "a shorter machine translation of names": (
        (X, "panx"),
        cut("xtreme/panx/translations/test-de-en.tsv"),
        "test-de-en.tsv: 1 lines where ",
        ("--pairing", "machine"),
    ),
    "a test file without labels": (
        (X, "xnli"),
        rewritten("xtreme/xnli/test-de.tsv", b"a\tb\nc\td\ne\tf\n"),
        "test-de.tsv): none of the 3 items has a label; the labels are place-holders",
        (),
    ),
    "a label that is missing": (
        (X, "xnli"),
        edited("xtreme/xnli/test-de.tsv", "\tneutral", "\t"),
        "record '3' (de) has no label; score a labelled split",
        (),
    ),
}


@pytest.mark.parametrize("name", IN_EVALUATION)
def test_damaged_test_files_are_one_line(command, runs, folder, name):
    (layout, task), damage, complaint, words = IN_EVALUATION[name]
    damage(folder)
    assert_one_line(command("evaluate", runs(layout, task), "--data", folder / layout, *words), complaint)


def records_of(root, name):
    task = load_task(name, root)
    return [{tag: list(each) for tag, each in read_split(task, root, split).items()} for split in ("train", "test")]


@pytest.mark.parametrize(
    "task", ["filter/xnli", "filter/pawsx", "filter/udpos", "xtreme/xnli", "xtreme/panx", "xtreme/nc"]
)
def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(
    command, runs, folder, encoder_folder, tmp_path, task
):
    layout, name = task.split("/")
    before = records_of(folder / layout, name)
    for path in (path for path in (folder / layout).rglob("*") if path.is_file()):
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    assert records_of(folder / layout, name) == before
    assert command(*words_for(folder, encoder_folder, tmp_path / "run", layout, name)).code == 0
    assert command("evaluate", tmp_path / "run", "--data", folder / layout).code == 0


def test_labels_txt_of_a_data_folder_does_not_move_the_labels(command, folder, encoder_folder, tmp_path):
    labels = load_task("panx").labels
    (folder / "xtreme" / "panx" / "labels.txt").write_text("\n".join(reversed(labels)))
    assert command(*words_for(folder, encoder_folder, tmp_path / "run", "xtreme", "panx")).code == 0
    assert tuple(read_manifest(tmp_path / "run")["labels"]) == labels


LINE = json.dumps({"id": "1", "language": "de", "text": "Er schläft."}, ensure_ascii=False)
BAD_BYTES = {
    "another encoding": (f"{LINE}\n{LINE}\n".encode("latin-1"), ":1: byte 0xe4 is not UTF-8"),
    "another encoding further down": (f"{LINE}\n".encode() * 2 + f"{LINE}\n".encode("latin-1"), ":3: byte 0xe4"),
    "sixteen bits": (LINE.encode("utf-16"), ":1: byte 0xff is not UTF-8"),
    "a truncated line": (f"{LINE}\n{LINE[:-5]}".encode(), ":2: not JSON"),
    "a tab inside a string": (LINE.replace("Er ", "Er\t").encode(), ":1: not JSON"),
}


@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("name", BAD_BYTES)
def test_lines_that_are_no_json_in_utf_8_are_named(command, trained, tmp_path, monkeypatch, name, standard):
    content, complaint = BAD_BYTES[name]
    (tmp_path / "lines.jsonl").write_bytes(content)
    monkeypatch.setattr("sys.stdin", standard_input(content))
    words = [] if standard else ["--input", tmp_path / "lines.jsonl"]
    outcome = command("predict", trained("classification", "zero_shot"), *words, "--output", tmp_path / "out.jsonl")
    assert_one_line(outcome, complaint)
    assert ("standard input" if standard else "lines.jsonl") + complaint in outcome.err
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("standard", [False, True])
def test_a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_a_line(
    command, trained, tmp_path, monkeypatch, standard
):
    content = codecs.BOM_UTF8 + f"{LINE}\r\n\r\n{LINE}\r\n".encode()
    (tmp_path / "lines.jsonl").write_bytes(content)
    monkeypatch.setattr("sys.stdin", standard_input(content))
    words = [] if standard else ["--input", tmp_path / "lines.jsonl"]
    outcome = command("predict", trained("classification", "zero_shot"), *words)
    assert outcome.code == 0, outcome.err
    assert [json.loads(line)["id"] for line in outcome.out.splitlines()] == ["1", "1"]


def test_a_truncated_record_of_a_run_is_one_line(command, runs, tmp_path):
    import shutil

    run = shutil.copytree(runs("filter", "xnli"), tmp_path / "run")
    edit(run / "isogloss.json", "}", "")
    assert_one_line(command("evaluate", run), "isogloss.json is damaged")
