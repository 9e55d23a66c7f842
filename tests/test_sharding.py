"""Networks that are divided over processes. Two processes without GPUs stand for two GPUs, so that FSDP2 runs."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from isogloss.errors import UserError
from isogloss.runs import train
from isogloss.sharding import advice, twin
from isogloss.training import TrainSettings, check_settings

# Trains a recipe that stops before it writes the run, goes on from the middle, and then from the end.
SCRIPT = """
import os, shutil, sys
os.environ |= {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
}
from pathlib import Path
from accelerate import state
from accelerate.utils import DistributedType
from torch.distributed.fsdp import FSDPModule
from isogloss import processes, runs, training
from isogloss.recipe import read_recipe, resolve

begin, fit, finish = state.PartialState.__init__, runs.fit, runs.finish

def as_with_gpus(self, *args, **kwargs):
    begin(self, *args, **kwargs)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU

divided = []

def seen(objective, trainer):
    divided.extend(type(m).__name__ for m in trainer.model.modules() if isinstance(m, FSDPModule))
    take_back(objective, trainer)

state.PartialState.__init__ = as_with_gpus
take_back, training.take_back = training.take_back, seen
folder = Path(sys.argv[1])
recipe = resolve(read_recipe(folder / "recipe.toml"), {"output": folder / "two"})
runs.finish = lambda *_: None
runs.train(recipe)
processes.done_by_first(lambda: shutil.rmtree(folder / "two" / "checkpoints" / "checkpoint-4"))
runs.train(recipe)
runs.finish = finish
runs.train(recipe)
assert divided == ["FSDPObjective", *["FSDPXLMRobertaLayer"] * 4] * 2, divided
"""


def test_a_divided_training_gives_the_run_of_one_process_and_resumes(
    tmp_path, two_processes, recipe, make_encoder, tokenizer
):
    encoder = make_encoder()
    encoder.config.hidden_dropout_prob = encoder.config.attention_probs_dropout_prob = 0.0
    encoder.save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    one = replace(recipe("classification", "filter", tmp_path / "one"), encoder=str(tmp_path / "encoder"))
    train(one)
    settings = {"updates": 4, "batch_size": 4, "learning_rate": 1e-3, "save_every": 2, "log_every": 1}
    lines = [f'method = "filter"\ntask = "sib200"\nlanguages = ["en", "de"]\nencoder = "{one.encoder}"']
    lines += [f'data = "{one.data}"\n[lengths]\nmax_length = 32\n[train]']
    lines += [f"{name} = {value}" for name, value in settings.items()]
    (tmp_path / "recipe.toml").write_text("\n".join(lines))
    (tmp_path / "script.py").write_text(SCRIPT)
    outcome = two_processes(tmp_path, script=tmp_path / "script.py")
    assert outcome.code == 0, outcome.err
    assert "resuming at update 2" in outcome.err and "all 4 updates were made before" in outcome.err
    first, second = (json.loads((tmp_path / part / "isogloss.json").read_text()) for part in ("one", "two"))
    assert second["loss_curve"] == [[step, pytest.approx(value, abs=1e-5)] for step, value in first["loss_curve"]]
    weights = load_file(tmp_path / "two" / "model.safetensors")
    for name, weight in load_file(tmp_path / "one" / "model.safetensors").items():
        other = weights.pop(name)
        if not name.endswith("key.bias"):  # their gradients are 0 but for rounding, which AdamW makes large
            torch.testing.assert_close(other, weight, rtol=0, atol=1e-4, msg=name)
    assert not weights


def test_a_large_network_on_several_gpus_is_advised_to_be_divided(monkeypatch):
    with torch.device("meta"):
        small, large = nn.Linear(1000, 1000), nn.Linear(60_000, 60_000)
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert advice(small, 8) == advice(large, 1) == ""
    said = advice(large, 8)
    assert said.startswith("every GPU holds all of 3.6 thousand million parameters") and "--fsdp_version 2 " in said
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert advice(large, 8) == ""
    with pytest.raises(UserError, match="leave compile out"):
        check_settings(TrainSettings(compile=True), processes=8)


def test_a_twin_computes_the_same_with_parameters_of_its_own(make_encoder):
    encoder = make_encoder()
    encoder.embeddings.requires_grad_(False)
    other = twin(encoder)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(other(ids).last_hidden_state, encoder(ids).last_hidden_state)
    assert [p.requires_grad for p in other.parameters()] == [p.requires_grad for p in encoder.parameters()]
    assert not {id(p) for p in other.parameters()} & {id(p) for p in encoder.parameters()}
    before = encoder(ids).last_hidden_state
    other.to("meta")
    assert torch.equal(encoder(ids).last_hidden_state, before)
