"""The published layout on a model of our own; test_golden.py reads the official one."""

import json
import pickle

import pytest
import torch

from isogloss.errors import UserError
from isogloss.understanding import published
from isogloss.understanding.filter import (
    FilterForQuestionAnswering,
    FilterForSequenceClassification,
    FilterForTokenClassification,
)

CLASSES = (FilterForSequenceClassification, FilterForTokenClassification, FilterForQuestionAnswering)
SCHEDULES = [(1, 1), (0, 2), (2, 2), (4, 0), (1, 3)]
IDS, OTHER = torch.tensor([[0, 41, 52, 2]]), torch.tensor([[0, 9, 2]])


def model_of(make_encoder, cls=FilterForTokenClassification, m=1, k=1, architecture="xlm-roberta"):
    torch.manual_seed(0)
    encoder = make_encoder(architecture)
    return cls.from_encoder(encoder, local_layers=m, fusion_layers=k, num_labels=2).eval()


def logits(model):
    with torch.inference_mode():
        return model(IDS, translation_input_ids=OTHER).logits


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(("m", "k"), SCHEDULES)
def test_saving_and_loading_loses_nothing(make_encoder, tmp_path, cls, m, k):
    model = model_of(make_encoder, cls, m, k)
    published.save(model, tmp_path)
    again = published.load(tmp_path)
    assert type(again) is cls
    assert again.config.fused_layers == model.config.fused_layers
    assert torch.equal(logits(again), logits(model))


def test_the_stacks_have_their_published_names(make_encoder):
    names = published.to_state(model_of(make_encoder, m=1, k=2)).keys()
    assert [published.count_layers(names, stack) for stack in ("encoder.layer", "fusion", "domain")] == [
        1,
        2,
        1,
    ]
    assert all(name.startswith(("filter.", "classifier.")) for name in names)


def write_pickle(folder, model, state):
    published.save(model, folder)
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")


def test_the_published_file_is_read_with_its_traps(make_encoder, tmp_path):
    model = model_of(make_encoder, m=1, k=2)
    state = published.to_state(model) | {"filter.pooler.dense.weight": torch.zeros(32, 32)}
    write_pickle(tmp_path, model, state)
    config = json.loads((tmp_path / "config.json").read_text()) | {
        "pad_token_id": 0,
        "alpha": 0.5,
        "temperature": 6.0,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    again = published.load(tmp_path)
    assert again.config.num_hidden_layers == 4 and config["num_hidden_layers"] == 1
    assert again.config.pad_token_id == 1
    assert again.config.published == {"alpha": 0.5, "temperature": 6.0}
    assert torch.equal(logits(again), logits(model))


class Malicious:
    def __reduce__(self):
        return print, ("code of a pickle was run",)


def test_a_pickle_with_code_in_it_is_refused_unread(make_encoder, tmp_path, capsys):
    model = model_of(make_encoder)
    published.save(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Malicious()}))
    with pytest.raises(UserError, match="cannot be read as plain tensors") as caught:
        published.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda s: s.pop("filter.fusion.0.output.dense.bias"),
            r"1 tensors missing.*encoder\.layer\.1\.output\.dense\.bias",
        ),
        (lambda s: s.update({"extra.weight": torch.zeros(1)}), r"1 left over \(\['extra.weight'\]\)"),
        (lambda s: [s.pop(name) for name in list(s) if name.startswith("classifier")], "none of the heads"),
        (
            lambda s: [s.pop(name) for name in list(s) if ".fusion." in name],
            "its config says m=1, k=1, its tensors m=1, k=0",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_one_line(make_encoder, tmp_path, change, complaint):
    model = model_of(make_encoder)
    state = published.to_state(model)
    change(state)
    write_pickle(tmp_path, model, state)
    with pytest.raises(UserError, match=complaint):
        published.load(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(make_encoder, tmp_path, name):
    published.save(model_of(make_encoder), tmp_path)
    (tmp_path / name).unlink()
    expected = {"model.safetensors": "pytorch_model.bin"}.get(name, name)
    with pytest.raises(UserError, match=f"is no published FILTER folder: it has no {expected}"):
        published.load(tmp_path)


def test_an_encoder_without_such_names_is_refused(make_encoder, tmp_path):
    with pytest.raises(UserError, match="the published layout is for XLM-R; this model's encoder is BertModel"):
        published.save(model_of(make_encoder, architecture="bert"), tmp_path)
