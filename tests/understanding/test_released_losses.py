"""The released losses by closed forms; test_golden.py compares them with the official code's own numbers."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from isogloss.understanding.filter import (
    FilterForQuestionAnswering,
    FilterForSequenceClassification,
    FilterForTokenClassification,
    pair_loss,
)
from isogloss.understanding.released_losses import released_loss

IDS, OTHER = torch.tensor([[0, 41, 52, 2], [0, 30, 2, 1]]), torch.tensor([[0, 9, 2], [0, 8, 2]])
CLASSES = {
    "cls": FilterForSequenceClassification,
    "tag": FilterForTokenClassification,
    "qa": FilterForQuestionAnswering,
}


def batch_of(**more):
    return {
        "input_ids": IDS,
        "attention_mask": (IDS != 1).long(),
        "translation_input_ids": [OTHER],
        "translation_attention_mask": [torch.ones_like(OTHER)],
    } | more


def model_of(make_encoder, name):
    torch.manual_seed(0)
    return CLASSES[name].from_encoder(make_encoder(), num_labels=2).eval()


def test_the_english_class_is_read_from_the_second_target_token(make_encoder):
    model = model_of(make_encoder, "cls")
    labels = torch.tensor([0, 1])
    batch = batch_of(labels=labels, translation_labels=[labels])
    output = model(**batch_of(), padded=True)
    expected = F.cross_entropy(output.logits, labels) + F.cross_entropy(
        model.output(output.side_states[0][:, 1]), labels
    )
    found = released_loss(model, batch, alpha=0.0, temperature=1.0)
    torch.testing.assert_close(found, expected)
    assert (found - pair_loss(model, batch, self_teaching=0.0, temperature=1.0)).abs() > 1e-4
    first = released_loss(model, batch, alpha=0.0, temperature=1.0, first_loss_only=True)
    torch.testing.assert_close(first, F.cross_entropy(output.logits, labels))


def test_the_class_kl_is_divided_by_the_number_of_classes(make_encoder):
    model = model_of(make_encoder, "cls")
    labels, teacher = torch.tensor([0, 1]), torch.tensor([[2.0, -1.0], [0.0, 3.0]])
    batch = batch_of(labels=labels, translation_labels=[labels], teacher_logits=teacher)
    ours = pair_loss(model, batch, self_teaching=1.0, temperature=2.0)
    english = pair_loss(
        model, batch | {"teacher_logits": model(**batch_of()).logits}, self_teaching=1.0, temperature=2.0
    )
    released = released_loss(model, batch, alpha=1.0, temperature=2.0, first_loss_only=True)
    torch.testing.assert_close(released, (ours - english) / 2, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["cls", "qa"])
def test_a_teacher_so_sure_that_a_probability_vanishes_gives_a_number(make_encoder, name):
    """At the released temperature of 0.1 a difference of eleven in the logits is enough."""
    model = model_of(make_encoder, name)
    labels = torch.tensor([0, 1]) if name == "cls" else torch.tensor([[1, 2], [0, 1]])
    shape = (2, 2) if name == "cls" else (2, 4, 2)
    teacher = torch.zeros(shape)
    teacher[:, 0] = 30.0
    if name == "cls":
        teacher = torch.tensor([[30.0, 0.0], [0.0, 30.0]])
    batch = batch_of(labels=labels, translation_labels=[labels], teacher_logits=teacher)
    loss = released_loss(model, batch, alpha=0.5, temperature=0.1)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_padding_takes_part_in_the_answers(make_encoder):
    """Uniform logits: the logarithm of the padded length, where ours has that of the real one."""
    model = model_of(make_encoder, "qa")
    torch.nn.init.zeros_(model.qa_outputs.weight)
    torch.nn.init.zeros_(model.qa_outputs.bias)
    labels = torch.tensor([[1, 1], [1, 1]])
    batch = batch_of(labels=labels, translation_labels=[labels])
    released = released_loss(model, batch, alpha=0.0, temperature=1.0, first_loss_only=True)
    assert released.item() == pytest.approx(math.log(4))
    ours = pair_loss(model, batch, self_teaching=0.0, temperature=1.0)
    assert ours.item() == pytest.approx((math.log(4) + math.log(3)) / 2 + math.log(3))


def test_tagging_trains_on_english_alone_until_there_is_a_teacher(make_encoder):
    model = model_of(make_encoder, "tag")
    labels, english = torch.zeros_like(IDS), torch.ones_like(OTHER)
    batch = batch_of(labels=labels, translation_labels=[english])
    output = model(**batch_of(), padded=True)
    expected = F.cross_entropy(output.side_logits[1].flatten(0, 1), english.flatten())
    torch.testing.assert_close(released_loss(model, batch, alpha=0.5, temperature=1.0), expected)
    both = released_loss(model, batch | {"teacher_logits": output.logits.detach()}, alpha=0.5, temperature=1.0)
    target = F.cross_entropy(output.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(both, expected + target / 2)


def test_nothing_but_the_setting_leads_to_the_released_losses(make_encoder, monkeypatch):
    from isogloss.understanding import filter as method

    monkeypatch.setattr(method, "released_loss", lambda *_, **__: "released")
    monkeypatch.setattr(method, "pair_loss", lambda *_, **__: "ours")
    for released, found in ((False, "ours"), (True, "released")):
        assert method.Method(method.Settings(released_losses=released)).loss(SimpleNamespace(), {}) == found
