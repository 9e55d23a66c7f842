"""`isogloss translate` from the command line: data sets, tasks and pipes, with a fake engine; mistakes are one line."""

import json
import sys
from pathlib import Path

import pytest
from helpers import assert_one_line, standard_input

from isogloss.data.parallel_set import read_parallel_set
from isogloss.translation import options

sys.path.append(str(Path(__file__).parent))
from fake_engine import Fake


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    """Engines by the names that were asked for."""
    made = {}

    def load(name):
        made[name] = Fake(one_way=name == "one-way")
        return made[name]

    monkeypatch.setattr(options, "load_translator", load)
    return made


def test_a_task_becomes_a_parallel_data_set_and_the_same_command_goes_on(command, data, tmp_path, engines):
    words = ["translate", "--task", "sib200", "--data", data, "--to", "de,swh_Latn", "--engine", "fake:1"]
    first = command(*words, "--output", tmp_path / "set", "--gates", "none")
    assert first.code == 0, first.err
    assert "de: 100.0% of 12 accepted" in first.out and "travel" in first.out
    assert "sw: 12 rows at" in first.err
    found = read_parallel_set(tmp_path / "set")
    assert (found.sources, found.languages) == (("en",), ("de", "sw"))
    assert found.manifest["provenance"]["engine"]["engine"] == "fake"
    assert found.translations("sw", "en")[0].text == "The-sw train-sw is-sw big.-sw"
    assert (tmp_path / "set.store" / "store.json").exists()

    again = command(*words, "--output", tmp_path / "other", "--store", tmp_path / "set.store", "--json")
    assert again.code == 0 and engines["fake:1"].calls == []
    assert json.loads(again.out)["translations"].keys() == {"de", "sw"}
    assert "12 were known" in again.err
    assert command("data", "check", tmp_path / "other").code == 0


def test_a_squad_file_is_translated_by_two_shards(command, data, tmp_path):
    words = ["translate", data / "xquad" / "xquad.en.json", "--from", "eng_Latn", "--to", "de", "--engine", "fake:1"]
    words += ["--output", tmp_path / "set", "--gates", "none"]
    for shard in ("1/2", "2/2"):
        assert command(*words, "--shard", shard).code == 0
        assert not (tmp_path / "set").exists()
    assert command(*words).code == 0
    assert len(read_parallel_set(tmp_path / "set").translations("de", "en")) == 15


def test_lines_go_through_a_pipe(command, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", standard_input("Grüße. Ja.\n\nEnde".encode()))
    outcome = command("translate", "--from", "de", "--to", "en", "--engine", "fake:1")
    assert (outcome.code, outcome.out, outcome.err) == (0, "Grüße.-en Ja.-en\n\nEnde-en\n", "")
    (tmp_path / "in.txt").write_text("Ja.\n")
    words = ["translate", tmp_path / "in.txt", "--from", "de", "--to", "en", "--engine", "fake:1"]
    assert command(*words, "--output", tmp_path / "out.txt").code == 0
    assert (tmp_path / "out.txt").read_text() == "Ja.-en\n"


def test_json_lines_come_out_where_there_is_no_output(command, tmp_path):
    (tmp_path / "notes.jsonl").write_text('{"id": 1, "language": "de", "text": "Ja. Nein.", "label": "x"}\n')
    words = ["translate", tmp_path / "notes.jsonl", "--to", "en", "--engine", "fake:1"]
    outcome = command(*words, "--gates", "none")
    assert json.loads(outcome.out) == {"id": "1", "language": "en", "text": "Ja.-en Nein.-en", "label": "x"}


@pytest.mark.parametrize(
    "words, complaint",
    [
        (["--to", "de"], "lines do not say what language they are in"),
        (["--from", "en", "--to", "de,sw"], "lines go into one language"),
        (["--from", "en", "--to", "de", "--shard", "1/2"], "lines go into one language, by one worker"),
        (["--from", "en", "--to", "germn"], "did you mean"),
        (["--from", "en", "--to", "fi"], "fake does not translate fi"),
        (["--from", "de", "--to", "de"], "everything is in de already"),
        (["--from", "en", "--to", "de", "--decoding", "beem=1"], "did you mean beam"),
        (["FILE.jsonl", "--task", "sib200", "--to", "de"], "give the one or the other"),
        (["--task", "sib200", "--to", "de", "--gates", "emtpy"], "no gate 'emtpy'"),
        (["--task", "sib200", "--to", "de", "--shard", "3/2"], "write 2/8 for the second of eight workers"),
        (["--task", "sib200", "--to", "de", "--gates", "round_trip"], "gate round_trip needs --reverse ENGINE"),
        (["--task", "sib200", "--to", "de", "--reverse", "one-way"], "fake translates from en alone"),
        (["--task", "sib200", "--to", "de", "--gates", "quality", "--quality", "/no/comet x"], "'/no/comet'"),
    ],
)
def test_a_mistake_is_one_line(command, data, words, complaint, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", standard_input(b"Hello.\n"))
    more = ["--data", data, "--output", tmp_path / "set"] if "--task" in words else []
    assert_one_line(command("translate", *words, "--engine", "fake:1", *more), complaint)
    assert not (tmp_path / "set").exists()


def test_an_engine_that_is_not_there_is_named(command, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdin", standard_input(b"Hello.\n"))
    outcome = command("translate", "--from", "en", "--to", "de", "--engine", "ctranslat2:x")
    assert_one_line(outcome, "no translation engine 'ctranslat2'")


def test_help_names_every_option(command):
    outcome = command("translate", "--help")
    assert outcome.code == 0
    for name in ("--to", "--from", "--engine", "--store", "--shard", "--ray", "--memory", "--gates", "--decoding"):
        assert name in outcome.out


def test_several_processes_share_the_work_and_the_first_writes(two_processes, command, monkeypatch, tmp_path, content):
    monkeypatch.undo()  # the engine is a translation memory, which every process can load
    pairs = [(f"Sentence number {i}.", f"Satz Nummer {i}.") for i in range(40)]
    memory, notes = tmp_path / "memory.tsv", tmp_path / "notes.jsonl"
    memory.write_text("en\tde\n" + "".join(f"{a}\t{b}\n" for a, b in pairs))
    lines = ({"id": i, "language": "en", "text": pair[0]} for i, pair in enumerate(pairs))
    notes.write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ["translate", notes, "--to", "de", "--engine", f"memory:{memory}", "--gates", "none", "--output"]
    done = two_processes(*words, tmp_path / "two")
    assert done.code == 0, done.err
    assert "de: 100.0% of 40 accepted" in done.out
    assert len(list((tmp_path / "two.store" / "shards").iterdir())) == 2
    assert command(*words, tmp_path / "one").code == 0
    assert content(tmp_path / "two") == content(tmp_path / "one")
