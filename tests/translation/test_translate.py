"""Data sets and lines: the same result however often a job was stopped, whoever shared its work, whatever failed."""

import json
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from isogloss.data.parallel_set import lines_of, read_parallel_set
from isogloss.data.parallel_set_check import defects
from isogloss.errors import UserError
from isogloss.records import Answer, Question, Sentence, Span, tagged_sentence
from isogloss.translation import translate as translate_module
from isogloss.translation.job import Work
from isogloss.translation.place import Place
from isogloss.translation.translate import translate_records

sys.path.append(str(Path(__file__).parent))
from fake_engine import Fake

ROWS, TARGETS = 1000, ("de", "sw", "th")


def assert_whole(folder):
    found = read_parallel_set(folder)
    assert defects(folder) == []
    for tag in TARGETS:
        assert [record.id for record in found.translations(tag, "en")] == [str(i) for i in range(ROWS)]
    assert found.translations("sw", "en")[7].text == "Row-sw 7-sw is-sw here.-sw It-sw is-sw short.-sw Twin-sw 3!-sw"


def logged(folder, name="log.txt"):
    return (folder / name).read_text(encoding="utf-8").splitlines()


def killed_at(process, size, at_least, patience=60):
    """Kill the process with -9 as soon as its store has so many bytes."""
    started = time.monotonic()
    while size() < at_least and process.poll() is None and time.monotonic() < started + patience:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_a_job_that_is_killed_three_times_leaves_what_an_undisturbed_one_does(
    tmp_path, start_job, run_job, content, keys_in, size_of
):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    undisturbed.mkdir()
    killed.mkdir()
    assert run_job(ROWS, undisturbed)[1] == 0
    total = size_of(undisturbed / "store")
    for share in sorted(random.Random(time.time_ns()).uniform(0.02, 0.95) for _ in range(3)):
        print(f"to be killed after {share:.3f} of the work")
        process = start_job(ROWS, killed, seconds=0.0003)
        assert killed_at(process, lambda: size_of(killed / "store"), share * total)
        assert not (killed / "set").exists()
    told, code = run_job(ROWS, killed)
    assert code == 0, told
    assert content(killed / "set") == content(undisturbed / "set")
    assert_whole(killed / "set")
    assert set(keys_in(killed / "store").values()) == {1}
    assert keys_in(killed / "store") == keys_in(undisturbed / "store")
    again = len(logged(killed)) - len(logged(undisturbed))  # at most one batch was lost each time
    assert 0 <= again <= 3 * 64


def test_a_full_disk_stops_a_job_with_one_line_and_it_goes_on_when_there_is_room(tmp_path, run_job, content, size_of):
    undisturbed, full = tmp_path / "undisturbed", tmp_path / "full"
    undisturbed.mkdir()
    full.mkdir()
    assert run_job(ROWS, undisturbed)[1] == 0
    for limit in (60_000, 130_000, 300_000):  # bytes that a file may have: first the index is stopped, then a shard
        told, code = run_job(ROWS, full, file_size=limit)
        assert code == 1 and "cannot use the" in told.splitlines()[-1] and "make room" in told.splitlines()[-1], told
        assert "Traceback" not in told
    assert size_of(full / "store") > 100_000
    assert run_job(ROWS, full)[1] == 0
    assert content(full / "set") == content(undisturbed / "set")


def test_two_workers_on_one_store_do_nothing_twice_for_the_result(tmp_path, start_job, run_job, content, keys_in):
    alone = tmp_path / "alone"
    alone.mkdir()
    assert run_job(ROWS, alone)[1] == 0
    both = tmp_path / "both"
    both.mkdir()
    workers = [start_job(ROWS, both, seconds=0.0002, output=f"set{n}", log=f"log{n}") for n in (1, 2)]
    for worker in workers:
        told = worker.communicate(timeout=120)[1]
        assert worker.returncode == 0, told
    assert content(both / "set1") == content(both / "set2") == content(alone / "set")
    assert keys_in(both / "store") == keys_in(alone / "store")


def test_shards_divide_the_texts_and_the_last_command_only_writes(tmp_path, start_job, run_job, content):
    alone, shards = tmp_path / "alone", tmp_path / "shards"
    alone.mkdir()
    shards.mkdir()
    assert run_job(ROWS, alone)[1] == 0
    workers = [start_job(ROWS, shards, shard=f"{n}/3", log=f"log{n}") for n in (0, 1, 2)]
    for worker in workers:
        told = worker.communicate(timeout=120)[1]
        assert worker.returncode == 0 and "the same command without --shard writes" in told
    texts = [line for n in (0, 1, 2) for line in logged(shards, f"log{n}")]
    assert sorted(texts) == sorted(logged(alone))
    assert all(0.25 < len(logged(shards, f"log{n}")) / len(texts) < 0.42 for n in (0, 1, 2))
    assert run_job(ROWS, shards)[1] == 0
    assert not (shards / "log.txt").exists()
    assert content(shards / "set") == content(alone / "set")


def sentences(*texts, language="en"):
    return [Sentence(id=str(i), language=language, text=text, label="a") for i, text in enumerate(texts)]


def test_failures_are_rows_with_a_reason_and_are_tried_again_in_the_next_runs_but_not_for_ever(tmp_path):
    engine = Fake(failing="Bad")
    records = sentences("Good one. Bad one.", "Fine.", "Bad one. Good.")

    def run(number):
        engine.calls.clear()
        place = Place(tmp_path / f"set{number}", tmp_path / "s")
        translate_records(records, engine, ["de"], place, work=Work(attempts=3))
        return sorted(text for call in engine.calls for text in call)

    assert run(1) == ["Bad one.", "Fine.", "Good one.", "Good."]
    assert run(2) == run(3) == ["Bad one."]
    assert run(4) == []
    rejected = list(lines_of(tmp_path / "set4" / "rejected" / "de.parquet"))
    assert [(row["id"], row["reason"], row["detail"]) for row in rejected] == [
        ("0", "engine", "reached the output limit"),
        ("2", "engine", "reached the output limit"),
    ]
    engine.failing = "\0"
    translate_records(records, engine, ["de"], Place(tmp_path / "set5", tmp_path / "s"), work=Work(attempts=4))
    assert [r.id for r in read_parallel_set(tmp_path / "set5").translations("de", "en")] == ["0", "1", "2"]


def test_every_kind_of_record_comes_across_with_its_white_space(tmp_path):
    context = "Mr. Smith lives\there.  He is from Rome. Yes!\n\nThe end."
    question = Question(
        id="q", language="en", question="Where from?", context=context, answers=(Answer("Rome", context.index("Rome")),)
    )
    translate_records([question], Fake(), ["de"], Place(tmp_path / "qa"))
    (made,) = read_parallel_set(tmp_path / "qa").translations("de", "en")
    assert made.context == "Mr.-de Smith-de lives-de\there.-de  He-de is-de from-de Rome.-de Yes!-de\n\nThe-de end.-de"
    assert [made.context[a.start : a.start + len(a.text)] for a in made.answers] == [made.answers[0].text]
    assert "Rome" in made.answers[0].text and "[" not in made.context

    tagged = tagged_sentence("t", "en", "Go to St. Paul. Now.", [Span(6, 15, "LOC")])
    pair = Sentence(id="s", language="en", text="One.\tTwo.", text_pair=" Three. ", label="x")
    for record in (tagged, pair):
        translate_records([record], Fake(), ["de", "sw"], Place(tmp_path / record.id))
        assert defects(tmp_path / record.id) == []
    (made,) = read_parallel_set(tmp_path / "s").translations("sw", "en")
    assert (made.text, made.text_pair, made.label) == ("One.-sw\tTwo.-sw", " Three.-sw ", "x")


def test_records_of_several_languages_go_into_those_that_they_are_not_in(tmp_path):
    records = [*sentences("Hello there."), *sentences("Hallo.", "Ja.", language="de")]
    translate_records(records, Fake(), ["de", "en"], Place(tmp_path / "set"))
    found = read_parallel_set(tmp_path / "set")
    assert [r.text for r in found.translations("de", "en")] == ["Hello-de there.-de"]
    assert [r.text for r in found.translations("en", "de")] == ["Hallo.-en", "Ja.-en"]
    assert defects(tmp_path / "set") == []


def test_what_cannot_be_done_is_said_before_anything_is_translated(tmp_path):
    engine = Fake()
    records = sentences("Hello.")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file").touch()
    for target, output, complaint in (
        ("de", tmp_path / "set", "is there and is not an empty folder"),
        ("fi", tmp_path / "new", "fake does not translate fi"),
        ("en", tmp_path / "new", "everything is in en already"),
    ):
        with pytest.raises(UserError, match=complaint):
            translate_records(records, engine, [target], Place(output))
    with pytest.raises(UserError, match="2 texts are not translated into de yet; let the other shards end"):
        next(_put_together_from_nothing(tmp_path, engine))
    assert engine.calls == []


def _put_together_from_nothing(tmp_path, engine):
    from isogloss.translation.job import Job, put_together
    from isogloss.translation.store import Store
    from isogloss.translation.translator import Decoding

    with Store(tmp_path / "empty") as store:
        yield from put_together(
            Job(engine, store, translate_module.RECORDS, Decoding()), sentences("One. Two."), ["de"]
        )


def test_an_engine_that_stops_answering_loses_no_batch_before(tmp_path):
    class Breaking(Fake):
        def translate(self, texts, *rest):
            if len(self.calls) == 3:
                raise UserError("the server does not answer")
            return super().translate(texts, *rest)

    records = sentences(*(f"This is the sentence of number {i}." for i in range(100)))
    breaking, whole = Breaking(), Fake()
    with pytest.raises(UserError, match="does not answer"):
        translate_records(records, breaking, ["de"], Place(tmp_path / "set"), work=Work(tokens=64))
    assert not (tmp_path / "set").exists()
    translate_records(records, whole, ["de"], Place(tmp_path / "set"), work=Work(tokens=64))
    done, left = ([text for call in engine.calls for text in call] for engine in (breaking, whole))
    assert len(done) > 10 and sorted(done + left) == sorted(record.text for record in records)


def test_without_an_output_accepted_records_are_lines_of_json(tmp_path, capsys):
    records = sentences("Hello there.", "Bad one.")
    assert translate_records(records, Fake(failing="Bad"), ["de", "sw"]) is None
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": "0", "language": "de", "text": "Hello-de there.-de", "label": "a"},
        {"id": "0", "language": "sw", "text": "Hello-sw there.-sw", "label": "a"},
    ]
    assert "left out: 2 engine (reached the output limit)" in err
