"""A server that fails at everything stops the job with one line; one that fails at some texts does not."""

import json
import threading
import time

import pytest
from language_model import blocks, language_model  # noqa: F401 - a fixture

from isogloss.data.parallel_set import read_parallel_set
from isogloss.errors import UserError
from isogloss.records import Sentence
from isogloss.translation.engines._breaker import IN_A_ROW, Breaker
from isogloss.translation.engines.llm import Settings, load
from isogloss.translation.job import Work
from isogloss.translation.place import Place
from isogloss.translation.translate import translate_records
from isogloss.translation.translator import Decoding, Stopped

ROWS = 60
GREEDY = Decoding(beam=1)


def records():
    return [Sentence(id=str(i), language="en", text=f"text number {i}") for i in range(ROWS)]


def engine(server, **settings):
    return load(server.spec, Settings(**{"retries": 0, "concurrency": 4} | settings))


def test_failures_are_counted_from_the_last_answer_on():
    asked, breaker = [], Breaker("x")

    def alive():
        asked.append(1)
        return False

    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            breaker.failed("500", alive)
        breaker.answered()
    assert asked == []
    for _ in range(IN_A_ROW - 1):
        breaker.failed("500", alive)
    with pytest.raises(Stopped, match=rf"x failed {IN_A_ROW} times in a row \(500\)"):
        breaker.failed("500", alive)
    for _ in range(3):  # it is not asked again by the threads that come later
        with pytest.raises(Stopped, match="in a row"):
            breaker.failed("500", alive)
        with pytest.raises(Stopped, match="in a row"):
            breaker.require()
    assert asked == [1]
    breaker.begin()
    breaker.require()


def test_others_wait_while_the_server_is_asked_for_a_sign_of_life():
    breaker, waiting, answer = Breaker("x"), threading.Event(), threading.Event()
    for _ in range(IN_A_ROW - 1):
        breaker.failed("500", lambda: True)

    def alive():
        waiting.set()
        return answer.wait(5)

    first = threading.Thread(target=breaker.failed, args=("500", alive))
    first.start()
    waiting.wait(5)
    second = threading.Thread(target=breaker.require)
    second.start()
    second.join(0.1)
    assert second.is_alive()
    answer.set()
    for thread in (first, second):
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize("fault", ["500", "429", "garbage", "break"])
def test_a_server_that_fails_at_everything_is_given_up(language_model, fault):  # noqa: F811
    made = engine(language_model)
    language_model.broken = fault
    with pytest.raises(Stopped, match=rf"stand-in at {language_model.url} failed 8 times in a row \("):
        made.translate([f"text {i}" for i in range(ROWS)], "en", "de", GREEDY)
    assert IN_A_ROW <= len(language_model.requests) < 2 * IN_A_ROW + 4


def test_a_server_that_hangs_is_given_up_soon(language_model):  # noqa: F811
    made = engine(language_model, timeout=0.2)
    language_model.broken = "hang"
    started = time.monotonic()
    with pytest.raises(Stopped, match=r"\(no answer within 0.2 s"):
        made.translate([f"text {i}" for i in range(200)], "en", "de", GREEDY)
    assert time.monotonic() - started < 5  # 200 texts would have taken 10 s


def test_a_server_that_fails_at_many_texts_in_a_row_and_answers_others_goes_on(language_model):  # noqa: F811
    language_model.faults = {"bad": ["500"] * 100}
    texts = [f"bad {i}" for i in range(3 * IN_A_ROW)] + ["good"]
    made = engine(language_model).translate(texts, "en", "de", GREEDY)
    assert [each.failure for each in made[:-1]] == ["the server answered 500, asked 1 times"] * 3 * IN_A_ROW
    assert made[-1].text == "good"
    probes = [body for body in language_model.requests if blocks(body)[-1]["source"] == ""]
    assert 1 <= len(probes) <= 3 and {body["max_tokens"] for body in probes} == {1}


def test_a_job_says_what_is_kept_and_the_same_call_does_the_rest(language_model, tmp_path):  # noqa: F811
    language_model.broken, language_model.breaks_at = "500", 30
    place, work = Place(tmp_path / "set"), Work(tokens=30)
    with pytest.raises(UserError) as raised:
        translate_records(records(), engine(language_model), ["de"], place, decoding=GREEDY, work=work)
    told = str(raised.value)
    assert "failed 8 times in a row (the server answered 500" in told and "\n" not in told
    kept = sum(
        "failure" not in json.loads(line)
        for path in (tmp_path / "set.store" / "shards").iterdir()
        for line in path.read_text().split("\n")
        if line
    )
    assert 20 <= kept <= 30 and f"; {kept} of 60 rows into de are done and kept; the same command goes on" in told
    language_model.broken = ""
    before = len(language_model.requests)
    translate_records(records(), engine(language_model), ["de"], place, decoding=GREEDY, work=work)
    assert len(language_model.requests) - before == ROWS - kept
    assert len(read_parallel_set(tmp_path / "set").translations("de", "en")) == ROWS


def test_the_command_ends_with_one_line(language_model, command, tmp_path, monkeypatch):  # noqa: F811
    lines = tmp_path / "in.txt"
    lines.write_text("".join(f"text {i}\n" for i in range(ROWS)))
    language_model.broken = "500"
    words = ["translate", lines, "--from", "en", "--to", "de", "--engine", f"llm:{language_model.spec}"]
    outcome = command(*words, "--output", tmp_path / "out.txt")
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1, outcome.err
    assert "0 rows into de were done; with --store DIR they would be kept" in outcome.err
    kept = command(*words, "--output", tmp_path / "out.txt", "--store", tmp_path / "store")
    assert kept.err.rstrip().endswith("0 rows into de are done and kept; the same command goes on")
    language_model.broken = ""
    assert command(*words, "--output", tmp_path / "out.txt", "--store", tmp_path / "store").code == 0
    assert len((tmp_path / "out.txt").read_text().splitlines()) == ROWS
