"""Numbers from running the official FILTER code: logits, losses, the published checkpoint layout."""

import json

import pytest
import torch
from helpers import GOLDEN
from safetensors import safe_open

from isogloss.errors import UserError
from isogloss.understanding import published
from isogloss.understanding.filter import pair_loss
from isogloss.understanding.released_losses import released_loss

VECTORS = GOLDEN / "filter"
CASES = [f"{head}_m{m}_k{k}" for head in ("cls", "tag", "qa") for m, k in ((1, 1), (1, 20))]
TOLERANCE = {"atol": 1e-5, "rtol": 0}

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no golden vectors at {VECTORS} (set ISOGLOSS_GOLDEN)"),
]


def read_case(name):
    """Tensors by prefix, and the metadata, of one golden file."""
    groups = {}
    with safe_open(VECTORS / f"{name}.safetensors", framework="pt") as file:
        for key in file.keys():  # noqa: SIM118 - not a dict
            prefix, _, rest = key.partition("/")
            groups.setdefault(prefix, {})[rest] = file.get_tensor(key)
        return groups, file.metadata()


@pytest.fixture(scope="module", params=CASES)
def case(request):
    groups, metadata = read_case(request.param)
    model = published.from_state(groups["weights"], json.loads(metadata["config"]))
    return model, groups["inputs"], groups["expected"], groups["derived"]


def make_batch(inputs):
    """A golden file's inputs as the batch that our loop would make of them."""
    batch = {
        "input_ids": inputs["target_input_ids"],
        "attention_mask": inputs["target_attention_mask"],
        "translation_input_ids": [inputs["english_input_ids"]],
        "translation_attention_mask": [inputs["english_attention_mask"]],
    }
    if "labels" in inputs:
        sides = [inputs["labels"], inputs["labels"]]
        teacher = inputs["teacher_logits"]
    elif "target_labels" in inputs:
        sides = [inputs["target_labels"], inputs["english_labels"]]
        teacher = inputs["target_teacher_logits"]
    else:
        sides = []
        for side in ("target", "english"):
            positions = torch.stack([inputs[f"{side}_start_positions"], inputs[f"{side}_end_positions"]], 1)
            sides.append(torch.where(positions < inputs[f"{side}_input_ids"].shape[1], positions, -100))
        teacher = torch.stack([inputs["target_teacher_start_logits"], inputs["target_teacher_end_logits"]], -1)
    return batch | {"labels": sides[0], "translation_labels": [sides[1]]}, teacher


def run(model, batch, **given):
    with torch.inference_mode():
        return model(**{k: v for k, v in batch.items() if not k.endswith("labels")}, **given)


def test_states_and_logits_equal_the_official_ones(case):
    model, inputs, expected, _ = case
    batch, _ = make_batch(inputs)
    output = run(model, batch)
    real = batch["attention_mask"].bool()
    real_english = batch["translation_attention_mask"][0].bool()
    length = real.shape[1]
    target, english = expected["hidden_final"].split([length, real_english.shape[1]], 1)
    states = run(model, batch, padded=True).side_states
    torch.testing.assert_close(states[0][real], target[real], **TOLERANCE)
    torch.testing.assert_close(states[1][real_english], english[real_english], **TOLERANCE)
    if "start_logits" in expected:
        torch.testing.assert_close(output.start_logits[real], expected["start_logits"][real], **TOLERANCE)
        torch.testing.assert_close(output.end_logits[real], expected["end_logits"][real], **TOLERANCE)
    elif "logits_all_positions" in expected:
        torch.testing.assert_close(output.logits, expected["logits"], **TOLERANCE)
    else:
        torch.testing.assert_close(output.logits[real], expected["logits"][real], **TOLERANCE)
        logits = output.side_logits[1][real_english]
        torch.testing.assert_close(logits, expected["logits_english"][real_english], **TOLERANCE)


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
@pytest.mark.parametrize("first_loss_only", [False, True])
def test_released_losses_equal_the_official_ones(case, alpha, first_loss_only):
    model, inputs, expected, _ = case
    name = f"loss_alpha{alpha}" + ("_first_loss_only" if first_loss_only else "")
    if name not in expected:
        pytest.skip("the official tagging loss has no first_loss_only")
    batch, teacher = make_batch(inputs)
    with torch.inference_mode():
        loss = released_loss(
            model, batch | {"teacher_logits": teacher}, alpha=alpha, temperature=2.0, first_loss_only=first_loss_only
        )
    torch.testing.assert_close(loss, expected[name].reshape(()), **TOLERANCE)


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_default_losses_equal_the_corrected_ones(case, alpha):
    model, inputs, _, derived = case
    batch, teacher = make_batch(inputs)
    if alpha:
        batch["teacher_logits"] = teacher
    with torch.inference_mode():
        loss = pair_loss(model, batch, self_teaching=alpha, temperature=2.0)
    if "ce_target" in derived:
        kl, target, english = derived["kd_T2"], derived["ce_target"], derived["ce_english"]
    elif "kd_batchmean_T2" in derived:
        kl, target, english = (derived[k] for k in ("kd_batchmean_T2", "ce_target_first", "ce_english_first"))
    else:
        kl, target, english = (derived[k] for k in ("kd_per_example_T2", "ce_target_padmasked", "ce_english_padmasked"))
    torch.testing.assert_close(loss, ((1 - alpha) * target + alpha * kl + english).reshape(()), **TOLERANCE)
    if f"loss_fixed_alpha{alpha}" in derived:
        torch.testing.assert_close(loss, derived[f"loss_fixed_alpha{alpha}"].reshape(()), **TOLERANCE)


def test_renaming_to_the_published_layout_and_back_loses_nothing():
    for name in CASES:
        groups, metadata = read_case(name)
        model = published.from_state(groups["weights"], json.loads(metadata["config"]))
        again = published.to_state(model)
        unused = {key for key in groups["weights"] if ".pooler." in key}
        assert groups["weights"].keys() - again.keys() == unused
        assert not again.keys() - groups["weights"].keys()
        assert all(torch.equal(groups["weights"][key], again[key]) for key in again)


def test_a_published_folder_is_read_with_all_its_traps():
    folder = VECTORS / "checkpoint_tag_m1_k1"
    model = published.load(folder)
    groups, _ = read_case("tag_m1_k1")
    batch, _ = make_batch(groups["inputs"])
    real = batch["attention_mask"].bool()
    logits = run(model, batch).logits
    torch.testing.assert_close(logits[real], groups["expected"]["logits"][real], **TOLERANCE)
    config = json.loads((folder / "config.json").read_text())
    assert config["num_hidden_layers"] == 1 and model.config.num_hidden_layers == 24
    assert model.config.pad_token_id == 1
    assert model.config.published["temperature"] == config["temperature"]


def test_a_missing_tensor_is_an_error_and_never_initialised():
    groups, metadata = read_case("tag_m1_k1")
    weights = dict(groups["weights"])
    del weights["filter.fusion.0.output.dense.bias"]
    with pytest.raises(UserError, match=r"1 tensors missing.*encoder\.layer\.1\.output\.dense\.bias"):
        published.from_state(weights, json.loads(metadata["config"]))
