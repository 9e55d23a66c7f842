import io
import json
import sys

import pytest
from helpers import standard_input

from isogloss import predict
from isogloss.errors import UserError
from isogloss.predict import predict_lines


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "lines.jsonl"
    rows = [{"id": str(i), "language": "de", "text": f"Tor {i}"} for i in (5, 3, 9, 1, 7)]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    return path


def test_lines_come_out_in_order_whatever_the_size_of_a_block(trained, lines, tmp_path, monkeypatch):
    run = trained("classification", "zero_shot")
    predict_lines(run, lines, tmp_path / "whole.jsonl")
    monkeypatch.setattr(predict, "BLOCK", 2)
    predict_lines(run, lines, tmp_path / "blocks.jsonl")
    whole, blocks = ((tmp_path / f"{name}.jsonl").read_text() for name in ("whole", "blocks"))
    assert [json.loads(line)["id"] for line in whole.splitlines()] == ["5", "3", "9", "1", "7"]
    for a, b in zip(map(json.loads, whole.splitlines()), map(json.loads, blocks.splitlines()), strict=True):
        assert a["probabilities"] == pytest.approx(b["probabilities"], abs=1e-5)


def test_an_interrupted_prediction_leaves_no_half_file(trained, lines, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "to_json", killed)
    with pytest.raises(KeyboardInterrupt):
        predict_lines(trained("classification", "zero_shot"), lines, tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["lines.jsonl"]


def test_packed_input_is_read(trained, lines, tmp_path):
    import gzip

    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(lines.read_bytes()))
    predict_lines(trained("classification", "zero_shot"), packed, tmp_path / "a.jsonl")
    predict_lines(trained("classification", "zero_shot"), lines, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_nothing_in_is_nothing_out(trained, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", standard_input(b""))
    predict_lines(trained("classification", "zero_shot"), None, None)
    assert capsys.readouterr() == ("", "")


def test_a_bad_line_of_standard_input_is_named(trained, monkeypatch):
    monkeypatch.setattr(sys, "stdin", standard_input(b'{"id": 1}\n'))
    with pytest.raises(UserError, match="standard input:1: "):
        predict_lines(trained("classification", "zero_shot"), None, None)


def test_answers_are_json_also_where_there_is_none(trained, tmp_path, capsys):
    source = tmp_path / "lines.jsonl"
    source.write_text(json.dumps({"id": "1", "language": "zh", "question": "?", "context": "\u200b"}) + "\n")
    predict_lines(trained("question_answering", "zero_shot"), source, None)

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line, parse_constant=refuse)["id"] == "1"


def test_a_reader_that_has_had_enough_ends_the_program_quietly(trained, lines, tmp_path, monkeypatch):
    with (tmp_path / "pipe").open("w") as file:

        class Closed(io.StringIO):
            def writelines(self, _):
                raise BrokenPipeError

            def fileno(self):
                return file.fileno()

        monkeypatch.setattr(sys, "stdout", Closed())
        predict_lines(trained("classification", "zero_shot"), lines, None)


def test_settings_of_decoding_are_for_runs_that_translate(command, trained):
    outcome = command("predict", trained("classification", "zero_shot"), "--set", "beam=4")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("isogloss: --set beam=4: a run keeps the settings it was trained with; ")
