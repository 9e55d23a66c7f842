"""`isogloss submit`, from test files without labels to the folder that XTREME's scorer reads."""

import json

import pytest

from isogloss.evaluation.benchmarks import XTREME
from isogloss.evaluation.submit import pairing_of, settings_of, sources_by_task
from isogloss.tasks.tatoeba import FILES

SENTENCES = ("we sleep", "Dogs bark", "the train is late", "a big room")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_pawsx(folder):
    """Labelled training pairs in English, unlabelled test pairs in all languages; one was never translated."""
    rows = [f"{a}\t{b}\t{int(a == b)}\n" for a in SENTENCES for b in SENTENCES[:2]]
    write(folder / "train-en.tsv", "".join(rows))
    for tag in XTREME.tasks["pawsx"].languages:
        pairs = [(f"{tag} {a}", a) for a in SENTENCES]
        pairs[1] = ("NS", "NS") if tag == "de" else pairs[1]
        write(folder / f"test-{tag}.tsv", "".join(f"{a}\t{b}\n" for a, b in pairs))


def write_panx(folder):
    """A labelled training file in English, and two unlabelled sentences in every language."""
    write(folder / "train-en.tsv", "Rome\tB-LOC\nis\tO\nbig\tO\n\nAnna\tB-PER\nSmith\tI-PER\n\nUN\tB-ORG\n\n")
    for tag in XTREME.tasks["panx"].languages:
        write(folder / f"test-{tag}.tsv", "Anna\nsees\nRome\n\nUN\n\n")


def write_tatoeba(folder):
    """Bitexts in which both sides say the same, so that any encoder finds the translation."""
    for tag in XTREME.tasks["tatoeba"].languages:
        for side in (FILES[tag], "eng"):
            write(folder / f"tatoeba.{FILES[tag]}-eng.{side}", "".join(f"{text}\n" for text in SENTENCES))


def write_bucc(folder):
    """Corpora in which three sentences are in both; the pairs of the test split are hidden."""
    for tag in XTREME.tasks["bucc2018"].languages:
        for split in ("dev", "test"):
            for side, other in ((tag, "he reads"), ("en", "mathematics is hard")):
                rows = [f"{side}-{i}\t{text}\n" for i, text in enumerate([*SENTENCES[:3], other], 1)]
                write(folder / f"{tag}-en.{split}.{side}", "".join(rows))
        write(folder / f"{tag}-en.dev.gold", "".join(f"{tag}-{i}\ten-{i}\n" for i in (1, 2, 3)))


@pytest.fixture(scope="module")
def xtreme(tmp_path_factory):
    """Four of XTREME's tasks in all their languages, the test splits unlabelled; not to be changed."""
    root = tmp_path_factory.mktemp("xtreme")
    write_pawsx(root / "pawsx")
    write_panx(root / "panx")
    write_tatoeba(root / "tatoeba")
    write_bucc(root / "bucc2018")
    return root


@pytest.fixture(scope="module")
def runs(xtreme, encoder_folder, tmp_path_factory):
    """Runs of PAWS-X and PAN-X by task."""
    from isogloss.recipe import resolve
    from isogloss.runs import train

    made = {}
    for task in ("pawsx", "panx"):
        content = {
            "method": "filter",
            "task": task,
            "languages": ["en"],
            "train": {"updates": 2, "batch_size": 4},
            "lengths": {"max_length": 32},
        }
        folder = tmp_path_factory.mktemp("runs") / task
        made[task] = train(resolve(content, {"output": folder, "data": xtreme, "encoder": encoder_folder}))
    return made


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refused(outcome, complaint):
    assert (outcome.code, outcome.out) == (1, ""), outcome
    assert complaint in outcome.err.splitlines()[-1], outcome.err


def test_tasks_that_are_named_are_written_in_all_their_languages(command, runs, xtreme, encoder_folder, tmp_path):
    words = ["submit", *runs.values(), "--data", xtreme, "--output", tmp_path / "out", "--encoder", encoder_folder]
    outcome = command(*words, "--tasks", "pawsx,panx,bucc2018,tatoeba")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'out'}\n"), outcome.err
    expected = [
        f"{task}/test-{tag}.tsv" for task in ("pawsx", "panx", "bucc2018", "tatoeba") for tag in languages(task)
    ]
    assert files(tmp_path / "out") == sorted(expected)
    for tag in languages("pawsx"):
        labels = (tmp_path / "out" / "pawsx" / f"test-{tag}.tsv").read_text().splitlines()
        assert len(labels) == len(SENTENCES) and set(labels) <= {"0", "1"}  # a line for the untranslated pair too
    for tag in languages("panx"):
        text = (tmp_path / "out" / "panx" / f"test-{tag}.tsv").read_text()
        assert [len(block.split()) for block in text.split("\n\n")] == [3, 1]
    for tag in languages("tatoeba"):
        numbers = (tmp_path / "out" / "tatoeba" / f"test-{tag}.tsv").read_text().split()
        assert [SENTENCES[int(number)] for number in numbers] == sorted(SENTENCES)
    for tag in languages("bucc2018"):
        pairs = (tmp_path / "out" / "bucc2018" / f"test-{tag}.tsv").read_text().splitlines()
        assert pairs == [f"{tag}-{i}\ten-{i}" for i in (1, 2, 3)]


def languages(task):
    return XTREME.tasks[task].languages


def test_another_process_than_the_first_writes_nothing(command, runs, xtreme, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    words = ["--data", xtreme, "--output", tmp_path / "out", "--tasks", "pawsx"]
    outcome = command("submit", runs["pawsx"], *words)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert not (tmp_path / "out").exists()


def test_labels_that_are_there_make_no_difference(command, runs, xtreme, tmp_path):
    """Place-holders, true labels or labels that the task does not have: none is read."""
    for name, label in (("none", ""), ("placeholder", "\t0"), ("unknown", "\t?")):
        data = tmp_path / name / "pawsx"
        for path in (xtreme / "pawsx").iterdir():
            rows = path.read_text(encoding="utf-8").splitlines()
            write(data / path.name, "".join(f"{row}{label if 'test' in path.name else ''}\n" for row in rows))
        words = ["--data", tmp_path / name, "--output", tmp_path / f"{name}-out", "--tasks", "pawsx"]
        assert command("submit", runs["pawsx"], *words).code == 0
    contents = [
        {name: (tmp_path / f"{kind}-out" / name).read_bytes() for name in files(tmp_path / f"{kind}-out")}
        for kind in ("none", "placeholder", "unknown")
    ]
    assert contents[0] == contents[1] == contents[2] and len(contents[0]) == 7


def test_answers_to_questions_whose_own_answers_were_taken_out(command, trained, tmp_path):
    """XTREME leaves one empty answer everywhere; a run of another task of the kind may answer, if it is named."""
    for tag in languages("xquad"):
        questions = [
            {"id": f"q{i}", "question": f"Where is {i}?", "answers": [{"text": "", "answer_start": 0}]} for i in (1, 2)
        ]
        paragraph = {"context": f"1 is in {tag}. 2 is in Rome.", "qas": questions}
        content = {"version": "1.1", "data": [{"title": "", "paragraphs": [paragraph]}]}
        write(tmp_path / "data" / "xquad" / f"xquad.{tag}.json", json.dumps(content))
    run = trained("question_answering", "filter")
    words = ["--data", tmp_path / "data", "--output", tmp_path / "out", "--tasks", "xquad"]
    outcome = command("submit", f"xquad={run}", *words)
    assert outcome.code == 0, outcome.err
    assert files(tmp_path / "out") == sorted(f"xquad/test-{tag}.json" for tag in languages("xquad"))
    for tag in languages("xquad"):
        answers = json.loads((tmp_path / "out" / "xquad" / f"test-{tag}.json").read_text())
        assert list(answers) == ["q1", "q2"]
        assert all(text and text in f"1 is in {tag}. 2 is in Rome." for text in answers.values())


def test_predictions_in_a_file_are_written_as_they_are(command, runs, xtreme, tmp_path):
    lines = [
        {"id": str(i), "language": tag, "label": str(i % 2)}
        for tag in languages("pawsx")
        for i in range(len(SENTENCES), 0, -1)
    ]
    path = tmp_path / "predictions.jsonl"
    write(path, "".join(json.dumps(line) + "\n" for line in lines))
    words = ["submit", f"pawsx={path}", "--data", xtreme, "--output", tmp_path / "out", "--tasks", "pawsx"]
    assert command(*words).code == 0
    assert (tmp_path / "out" / "pawsx" / "test-zh.tsv").read_text() == "1\n0\n1\n0\n"
    write(path, "".join(json.dumps(line) + "\n" for line in lines[1:]))
    refused(command(*words[:-4], "--output", tmp_path / "other", "--tasks", "pawsx"), "1 of 4 items have no prediction")
    assert not (tmp_path / "other").exists()


def test_an_incomplete_submission_is_refused_and_what_is_missing_is_named(command, runs, xtreme, tmp_path):
    words = ["submit", runs["pawsx"], "--data", xtreme, "--output", tmp_path / "out"]
    refused(
        command(*words),
        "nothing to answer xnli, udpos, panx, xquad, mlqa, tydiqa, bucc2018, tatoeba with; give a run for each",
    )
    assert not (tmp_path / "out").exists()


def test_missing_languages_are_named_before_anything_is_predicted(command, runs, xtreme, encoder_folder, tmp_path):
    data = tmp_path / "data"
    for path in (path for path in xtreme.rglob("*") if path.is_file()):
        if path.name not in ("test-ja.tsv", "test-sw.tsv", "tatoeba.fra-eng.fra"):
            write(data / path.relative_to(xtreme), path.read_text(encoding="utf-8"))
    words = ["submit", *runs.values(), "--data", data, "--output", tmp_path / "out", "--encoder", encoder_folder]
    outcome = command(*words, "--tasks", "pawsx,panx")
    refused(outcome, "has no test files of pawsx in ja; panx in ja, sw; get them")
    assert len(outcome.err.splitlines()) == 1
    refused(command(*words, "--tasks", "tatoeba"), "has no test files of tatoeba in fr; get them")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_empty_is_left_alone(command, runs, xtreme, tmp_path):
    write(tmp_path / "out" / "mine", "yesterday")
    words = ["submit", runs["pawsx"], "--data", xtreme, "--output", tmp_path / "out", "--tasks", "pawsx"]
    refused(command(*words), "is not an empty folder")
    assert files(tmp_path) == ["out/mine"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--tasks", "pawxs"], "XTREME has no task 'pawxs'; did you mean pawsx"),
        (["nowhere"], "nowhere: no such folder; give a run"),
        (["sib=x"], "x: XTREME has no task 'sib'"),
        (["--tasks", "pawsx", "--set", "pawxs.layer=1"], "--set: XTREME has no task 'pawxs'"),
        (["--tasks", "pawsx", "--pairing", "pawxs=self"], "--pairing: XTREME has no task 'pawxs'"),
        (["--tasks", "pawsx", "--pairing", "slef"], "no pairing 'slef'; did you mean self?"),
        (["panx=PAWSX", "--tasks", "panx"], "the run answers classification, task 'panx' is tagging"),
        (["pawsx=PAWSX", "--tasks", "pawsx"], "both answer pawsx; give one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_word_is_told_in_one_line(command, runs, xtreme, tmp_path, words, complaint):
    words = [word.replace("PAWSX", str(runs["pawsx"])) for word in words]
    outcome = command("submit", runs["pawsx"], *words, "--data", xtreme, "--output", tmp_path / "out")
    refused(outcome, complaint)
    assert not (tmp_path / "out").exists()


def test_a_run_of_another_task_is_refused_without_a_name(command, trained, xtreme, tmp_path):
    words = ["submit", trained("classification", "filter"), "--data", xtreme, "--output", tmp_path / "out"]
    refused(command(*words), "XTREME has no task 'sib200'")


def test_settings_and_pairings_may_be_of_one_task():
    given = ["layer=14", "bucc2018.layer=8", "bucc2018.pooling=first"]
    assert settings_of("tatoeba", given) == ["layer=14"]
    assert settings_of("bucc2018", given) == ["layer=14", "layer=8", "pooling=first"]
    assert pairing_of("xnli", []) == "translation"
    assert [pairing_of(task, ["self", "tydiqa=machine"]) for task in ("xnli", "tydiqa")] == ["self", "machine"]


def test_one_task_of_retrieval_may_have_an_encoder_of_its_own():
    assert sources_by_task(["tatoeba=large"], "tiny") == {"tatoeba": "large", "bucc2018": "tiny"}
