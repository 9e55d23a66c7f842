"""The method on a toy language: two directions in one network, from the recipe to the translator, and its mistakes."""

import json

import pytest
import torch
import toy_language
from helpers import Stopped
from safetensors.torch import load_file
from toy_language import sentences, toy_job

from isogloss.errors import UserError
from isogloss.losses import IGNORED
from isogloss.translation.gnmt import Method, Settings
from isogloss.translation.translator import Decoding

SMALL = {
    "vocabulary": 60, "layers": 2, "hidden": 32, "dropout": 0.0, "check_languages": False, "leave_out_tested": False,
}  # fmt: skip


def trained(folder, made, **train):
    """What the training left in the folder of a run."""
    job = toy_job(folder, settings=made.settings, languages=("de", "en"), **train)
    return toy_language.trained(job, made)


def test_a_toy_language_is_learned_both_ways(tmp_path):
    made = Method(Settings(**SMALL))
    network, report = trained(tmp_path, made, updates=200, learning_rate=2e-2)
    assert report.curve[0][1] > 2 and report.loss < 0.3
    assert network.batches == 200
    translator = made.translator(tmp_path)
    for source, target in (("en", "de"), ("de", "en")):
        # what it was shown; fifty sentences are too few to tell it the rest, which `test_gnmt_translator` sees to
        texts, wanted = ([each.text for each in sentences("train", tag)] for tag in (source, target))
        found = translator.translate(texts, source, target, Decoding())
        assert sum(f.text == w for f, w in zip(found, wanted, strict=True)) >= 45, (source, target)


def test_a_run_that_was_stopped_goes_on_with_the_same_bound(tmp_path):
    made, calls = Method(Settings(**SMALL)), []
    whole, _ = trained(tmp_path / "whole", made, updates=6, save_every=2)

    class Stopping(Method):
        def loss(self, network, batch):
            if len(calls) == 4:
                raise Stopped
            calls.append(network.bound)
            return super().loss(network, batch)

    with pytest.raises(Stopped):
        trained(tmp_path / "stopped", Stopping(made.settings), updates=6, save_every=2)
    again, _ = trained(tmp_path / "stopped", made, updates=6, save_every=2)
    assert calls == pytest.approx([8 - 7 * number / 6 for number in range(4)])
    assert whole.batches == again.batches == 6
    for name, weight in load_file(tmp_path / "whole" / "model.safetensors").items():
        torch.testing.assert_close(load_file(tmp_path / "stopped" / "model.safetensors")[name], weight)


def test_the_loss_is_the_mean_cross_entropy_of_the_target_tokens(tmp_path):
    made, job = Method(Settings(**SMALL)), toy_job(tmp_path, settings=Settings(**SMALL))
    examples = made.examples(job)
    batch, network = made.collate(job)(examples[:5]), made.build(job).eval()
    nats = []
    for example in examples[:5]:
        alone = made.collate(job)([example])
        outputs = network(alone["input_ids"], alone["attention_mask"], alone["decoder_input_ids"])
        steps = network.logits(outputs)[0].log_softmax(-1)
        nats += [-steps[i, token].item() for i, token in enumerate(example.target.tolist())]
    assert len(nats) == (batch["labels"] != IGNORED).sum()
    assert made.loss(network, batch).item() == pytest.approx(sum(nats) / len(nats), rel=1e-5)


def test_its_folder_says_what_it_is(tmp_path):
    made = Method(Settings(**SMALL, query="previous", residual=False))
    trained(tmp_path, made)
    said = json.loads((tmp_path / "config.json").read_text())
    assert {key: said[key] for key in ("architecture", "layers", "hidden", "query", "residual", "bound")} == {
        "architecture": "gnmt", "layers": 2, "hidden": 32, "query": "previous", "residual": False, "bound": 1.0,
    }  # fmt: skip
    card = (tmp_path / "README.md").read_text()
    assert "en-de" in card and "run:THIS_FOLDER" in card and "hf:" not in card and "library_name" not in card
    assert made.translator(tmp_path, precision="int8").provenance["precision"] == "int8"


@pytest.mark.parametrize(
    ("wrong", "train", "encoder", "complaint"),
    [
        ({"layers": 1}, {}, "new", "layers = 1"),
        ({"dropout": 1.0}, {}, "new", "dropout = 1.0 is a share"),
        ({"bound": 9.0}, {}, "new", "first_bound = 8.0, bound = 9.0"),
        ({"first_bound": 0.0}, {}, "new", "first_bound = 0.0, bound = 1.0"),
        ({}, {"epochs": 1.0}, "new", "give updates in the place of epochs"),
        ({}, {}, "tiny", "trains a network of its own, not tiny"),
        ({"directions": ("en-sw",)}, {}, "new", "no direction 'en-sw'"),
    ],
)
def test_a_setting_that_cannot_be_is_told(tmp_path, wrong, train, encoder, complaint):
    settings = Settings(**(SMALL | wrong))
    with pytest.raises(UserError, match=complaint):
        Method(settings).examples(toy_job(tmp_path, settings=settings, encoder=encoder, **train))


def test_without_bounds_it_can_be_trained_for_epochs(tmp_path):
    made = Method(Settings(**SMALL, first_bound=0.0, bound=0.0))
    network, report = trained(tmp_path, made, epochs=1.0)
    assert report.updates == 4 and network.bound == float("inf")
