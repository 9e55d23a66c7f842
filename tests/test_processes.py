"""Several processes of one command: the work is divided, the results are those of one process, and one speaks."""

import json
import runpy
import time

import numpy as np
import pytest

from isogloss import cli
from isogloss.processes import added, divided, read_by_first, told_by_first

TASKS = """
import json, os, sys
from pathlib import Path
from isogloss import processes
from isogloss.errors import UserError

done = []

def square(piece):
    done.append(piece[0])
    return piece[0] ** 2

def lines_of_the_first():
    assert processes.is_first(), "another process reads"
    yield from (f"{i}\\n" for i in range(2500))

squares = processes.divided([(i,) for i in range(301)], square)
nothing = processes.divided([], square)
told = processes.told_by_first(lambda: {"by": [processes.number()]})
sums = processes.added(processes.number() + 1, 10)
lines = list(processes.read_by_first(lines_of_the_first()))
try:
    processes.divided([(processes.number(),)], square)
    error = ""
except UserError as caught:
    error = str(caught)
found = {"squares": squares, "nothing": nothing, "done": done, "lines": lines, "error": error, "sums": sums}
found["told"] = told
Path(sys.argv[1], f"{processes.number()}.json").write_text(json.dumps(found))
"""


@pytest.fixture
def script(tmp_path):
    """A function from source code to its file."""

    def write(source):
        path = tmp_path / "script.py"
        path.write_text(source, encoding="utf-8")
        return path

    return write


def test_two_processes_do_half_of_the_work_each_and_both_have_all_of_it(two_processes, script, tmp_path):
    outcome = two_processes(tmp_path, script=script(TASKS))
    assert outcome.code == 0, outcome.err
    first, second = (json.loads((tmp_path / f"{number}.json").read_text()) for number in (0, 1))
    for found in (first, second):
        assert found["squares"] == [i**2 for i in range(301)] and found["nothing"] == []
        assert found["sums"] == [3, 20] and found["told"] == {"by": [0]}
        assert found["lines"] == [f"{i}\n" for i in range(2500)]
        assert "the processes have different texts to read" in found["error"]
    assert sorted(first["done"] + second["done"]) == list(range(301))
    assert (len(first["done"]), len(second["done"])) == (151, 150)


def test_one_process_does_everything_itself():
    assert divided([(3,), (1,)], lambda piece: piece[0]) == [3, 1]
    assert added(3, 1) == (3, 1) and told_by_first(lambda: "x") == "x"
    assert list(read_by_first(iter("ab"))) == ["a", "b"]


# Runs several command lines, and leaves how many batches and sentences this process has read.
COMMANDS = """
import json, sys
from contextlib import suppress
from pathlib import Path
from transformers import XLMRobertaModel
from isogloss import cli, prediction, processes

prediction.TOKENS_PER_BATCH = 64
read, forward, counts = prediction.Reader._read, XLMRobertaModel.forward, {"batches": 0, "calls": 0}

def counted_read(self, *args):
    counts["batches"] += 1
    return read(self, *args)

def counted_forward(self, *args, **kwargs):
    counts["calls"] += 1
    return forward(self, *args, **kwargs)

prediction.Reader._read, XLMRobertaModel.forward = counted_read, counted_forward
folder = Path(sys.argv[1])
for words in json.loads((folder / "commands.json").read_text()):
    counts["calls"] = 0
    sys.argv[1:] = words
    with suppress(SystemExit):
        cli.main()
(folder / f"{processes.number()}.json").write_text(json.dumps(counts))
"""


@pytest.fixture
def tatoeba(tmp_path, sentences):
    """A data folder with three German and English sentences."""
    for code, tag in (("deu", "de"), ("eng", "en")):
        (tmp_path / "data").mkdir(exist_ok=True)
        path = tmp_path / "data" / f"tatoeba.deu-eng.{code}"
        path.write_text("".join(f"{text}\n" for text in sentences[tag]), encoding="utf-8")
    return tmp_path / "data"


def test_evaluation_is_divided_and_written_and_printed_once(
    command, two_processes, script, trained, tatoeba, encoder_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("isogloss.prediction.TOKENS_PER_BATCH", 64)
    run = ["evaluate", str(trained("tagging", "filter")), "--json", "--output"]
    encoder = ["evaluate", str(encoder_folder), "--task", "tatoeba", "--data", str(tatoeba), "--set", "batch_size=2"]
    encoder += ["--json", "--output"]
    for words, name in ((run, "run"), (encoder, "encoder")):
        assert command(*words, tmp_path / "one" / f"{name}.json").code == 0
    two = [[*run, str(tmp_path / "two" / "run.json")], [*encoder, str(tmp_path / "two" / "encoder.json")]]
    (tmp_path / "commands.json").write_text(json.dumps(two))
    outcome = two_processes(tmp_path, script=script(COMMANDS))
    assert outcome.code == 0, outcome.err
    printed = outcome.out.replace("}\n{", "}\n\n{").split("\n\n")
    for name, text in zip(("run", "encoder"), printed, strict=True):
        first, second = (json.loads((tmp_path / part / f"{name}.json").read_text()) for part in ("one", "two"))
        assert json.loads(text) == second
        assert first | {"seconds": 0} == second | {"seconds": 0}
        items = [(tmp_path / part / f"{name}.items.jsonl").read_bytes() for part in ("one", "two")]
        assert items[0] == items[1]
    assert outcome.err.count("which are left out") == 1
    shares = [json.loads((tmp_path / f"{number}.json").read_text()) for number in (0, 1)]
    assert abs(shares[0]["batches"] - shares[1]["batches"]) <= 1 < shares[1]["batches"]
    assert [share["calls"] for share in shares] == [2, 1]  # six sentences, two at a time


def test_predictions_of_two_processes_are_those_of_one(command, two_processes, trained, tmp_path):
    run, source = trained("classification", "filter"), tmp_path / "lines.jsonl"
    lines = [{"id": str(i), "language": "de", "text": f"Tor {i} " * (1 + i % 30)} for i in range(90)]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    one = command("predict", run, "--input", source)
    two = two_processes("predict", run, text=source.read_text())  # there is one standard input for both
    assert (one.code, two.code) == (0, 0), two.err
    assert two.out == one.out and len(one.out.splitlines()) == 90
    assert "texts are longer than max_length" in one.err
    assert two.err.count("texts are longer than max_length") == 1


def test_a_mistake_that_every_process_makes_is_told_once(two_processes, trained):
    outcome = two_processes("evaluate", trained("classification", "filter"), "--split", "tset")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.count("no split 'tset'; did you mean test?") == 1


FAILING = """
from isogloss import cli, prediction, processes
from isogloss.errors import UserError

def fail(self, *args):
    raise UserError("out of something")

prediction.TOKENS_PER_BATCH = 64
cli.PATIENCE = 1
if not processes.is_first():
    prediction.Reader._read = fail
cli.main()
"""


def test_where_one_process_fails_the_others_end_and_its_reason_is_told(two_processes, script, trained, tmp_path):
    started = time.monotonic()
    run = trained("classification", "filter")
    words = ["evaluate", run, "--output", tmp_path / "x.json"]
    outcome = two_processes(*words, launcher="torchrun", script=script(FAILING))
    assert (outcome.code, outcome.out) == (1, "")
    assert "isogloss: process 1: out of something" in outcome.err
    assert not (tmp_path / "x.json").exists()
    assert time.monotonic() - started < 90


def test_other_processes_than_the_first_are_silent_but_for_their_own_failure(command, monkeypatch):
    monkeypatch.setattr(cli, "PATIENCE", 0)
    monkeypatch.setenv("RANK", "1")
    assert command("list", "tasks").out == ""
    outcome = command("list", "taks")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "isogloss: process 1: nothing to list under 'taks'; did you mean tasks?\n"


# Trains on texts of one to seven tokens, in one process or several; leaves what it has read in every update.
TRAINING = '''
import json, os, sys
from contextlib import suppress
from pathlib import Path
import torch
from torch.nn import functional as F
from isogloss import processes
from isogloss.training import TrainSettings, fit

class Row(tuple):
    def __len__(self):
        return len(self[1])

def train(folder, stop_at=None):
    """The weights of a training of 24 updates, of which ten or so are an epoch."""
    draw, read = torch.Generator().manual_seed(5), []
    rows = [Row((str(i), torch.randn(1 + i % 7, 3, generator=draw), i % 2)) for i in range(90)]

    def collate(rows):
        read.append([row[0] for row in rows])
        xs = torch.stack([x.mean(0) for _, x, _ in rows])
        return {"ids": read[-1], "x": xs, "y": torch.tensor([y for *_, y in rows])}

    def loss(network, batch):
        if stop_at and len(read) > stop_at:
            read.pop()
            raise KeyboardInterrupt
        return F.cross_entropy(network(batch["x"]), batch["y"])

    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    settings = TrainSettings(updates=24, tokens_per_batch=40, learning_rate=0.1, save_every=12, log_every=1)
    with suppress(KeyboardInterrupt):
        fit(
            network, rows, collate=collate, loss=loss, settings=settings, seed=7, folder=folder, title="toy"
        )
    found = {"read": read, "weight": network.weight.tolist()}
    (folder / f"{stop_at}-{processes.number()}.json").write_text(json.dumps(found))
    return found

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    train(folder / "one_then_two")
    train(folder / "two_then_one", stop_at=12)
'''


def test_a_training_that_goes_on_in_more_or_fewer_processes_reads_the_same_in_every_update(
    two_processes, script, tmp_path
):
    """Stopped in the middle of the second epoch, whose order the library's own way of skipping forgets in two."""
    path = script(TRAINING)
    train = runpy.run_path(str(path))["train"]
    straight = train(tmp_path / "straight")
    train(tmp_path / "one_then_two", stop_at=12)
    outcome = two_processes(tmp_path, script=path)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("resuming at update 12") == 1
    train(tmp_path / "two_then_one")

    def found(folder, name):
        return json.loads((tmp_path / folder / name).read_text())

    def together(folder, name):
        shares = [found(folder, f"{name}-{number}.json")["read"] for number in (0, 1)]
        return [sorted(first + second) for first, second in zip(*shares, strict=True)]

    expected = [sorted(update) for update in straight["read"]]
    assert len(expected) == 24
    first, second = found("one_then_two", "12-0.json")["read"], together("one_then_two", "None")
    assert [sorted(update) for update in first] + second == expected
    first, second = together("two_then_one", "12"), found("two_then_one", "None-0.json")["read"]
    assert first + [sorted(update) for update in second] == expected
    for folder in ("one_then_two", "two_then_one"):
        assert np.allclose(found(folder, "None-0.json")["weight"], straight["weight"], atol=1e-5)
