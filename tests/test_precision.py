"""A network in less precision: nearly the same logits, from the command line too; what cannot be had is said."""

import json

import numpy as np
import pytest
import torch
from helpers import assert_one_line
from torch import nn

from isogloss.data.task_data import read_split
from isogloss.encoders.models import EncoderForQuestionAnswering
from isogloss.errors import UserError
from isogloss.evaluation.results import read_result
from isogloss.kinds import examples
from isogloss.precision import PRECISIONS, check_precision, lower
from isogloss.runs import load

KINDS = ("classification", "tagging", "question_answering")
CLOSE = {"bfloat16": 2**-5, "int8": 2**-5}  # of the largest logit; the encoder is tiny and random


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", CLOSE)
def test_less_precision_gives_nearly_the_same_logits(precision, kind, trained, data):
    run = trained(kind, "filter")
    exact = load(run)
    records = read_split(exact.task, data, "test", ["de"])["de"]
    given = [example for record in records for example in examples(exact.reader.kind, [(record, *record.translations)])]
    expected, found = (
        np.concatenate([row.ravel() for row in load(run, precision=name).reader.logits(given)])
        for name in ("float32", precision)
    )
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < CLOSE[precision] * np.abs(expected).max()


def test_the_encoder_is_changed_and_the_head_stays(make_encoder):
    network = EncoderForQuestionAnswering(make_encoder(), 2, (1,)).eval()
    lower(network, "bfloat16")
    assert {p.dtype for p in network.encoder.parameters()} == {torch.bfloat16}
    assert network.qa_outputs.weight.dtype == torch.float32
    eighths = EncoderForQuestionAnswering(make_encoder(), 2, (1,)).eval()
    lower(eighths, "int8")
    assert [name for name, module in eighths.named_modules() if type(module) is nn.Linear] == ["qa_outputs"]


def test_float32_changes_nothing(make_encoder):
    network = EncoderForQuestionAnswering(make_encoder(), 2, (1,)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    lower(network, "float32")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_what_cannot_be_had_is_said():
    for precision in PRECISIONS:
        check_precision(precision, "cpu")
    with pytest.raises(UserError, match="no precision 'bfloat'; did you mean bfloat16"):
        check_precision("bfloat", "cpu")
    with pytest.raises(UserError, match="int8 is for processors, and the network is on cuda; take bfloat16"):
        check_precision("int8", "cuda")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_result_names_its_precision_unless_it_is_the_usual_one(precision, trained, command, tmp_path):
    run = trained("classification", "filter")
    assert command("evaluate", run, "--precision", precision, "--output", tmp_path / "result.json").code == 0
    named = {} if precision == "float32" else {"precision": precision}
    settings = read_result(tmp_path / "result.json").settings
    assert {name: value for name, value in settings.items() if name == "precision"} == named


def test_predictions_are_made_in_a_precision(trained, command, tmp_path):
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps({"id": "1", "language": "de", "text": "Tor in Rom"}) + "\n", encoding="utf-8")
    exact, half = (
        json.loads(command("predict", trained("classification", "filter"), "--input", lines, *words).out)
        for words in ((), ("--precision", "bfloat16"))
    )
    assert half["probabilities"] != exact["probabilities"]
    assert half["probabilities"] == pytest.approx(exact["probabilities"], abs=0.02)


def test_mistakes_are_one_line(trained, command):
    wrong = command("evaluate", trained("classification", "filter"), "--precision", "int4")
    assert_one_line(wrong, "no precision 'int4'; did you mean int8")
    assert_one_line(
        command("evaluate", "tiny", "--task", "tatoeba", "--precision", "int8"),
        "precision int8: task tatoeba is answered in float32; leave precision out",
    )
