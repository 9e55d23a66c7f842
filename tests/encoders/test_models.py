"""Models as files and as functions: what is saved, who reads it back, and what the heads see."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForQuestionAnswering, AutoModelForTokenClassification
from transformers.utils import logging

from isogloss.encoders.models import (
    EncoderForQuestionAnswering,
    EncoderForSequenceClassification,
    EncoderForTokenClassification,
    dropout_probability,
)
from isogloss.errors import UserError

CLASSES = {
    "classification": (EncoderForSequenceClassification, 3),
    "tagging": (EncoderForTokenClassification, 5),
    "question_answering": (EncoderForQuestionAnswering, 2),
}
IDS = torch.tensor([[0, 41, 52, 63, 74, 2], [0, 30, 31, 2, 1, 1]])
OTHER = torch.tensor([[0, 20, 21, 2], [0, 90, 2, 1]])
SAME = {"rtol": 0, "atol": 0}
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture
def quiet_library():
    """transformers says in its log which tensors of a checkpoint it did not use."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    yield
    logging.set_verbosity_warning()
    logging.enable_progress_bar()


@pytest.fixture
def make_model(make_encoder):
    """A function to a model of a kind on a tiny encoder, layers 1 and 2 fused, the same weights every time."""

    def make(kind, architecture="xlm-roberta"):
        cls, classes = CLASSES[kind]
        encoder = make_encoder(architecture)
        torch.manual_seed(5)
        return cls(encoder, classes, fused_layers=(1, 2)).eval()

    return make


def inputs(ids=IDS, other=OTHER):
    return {
        "input_ids": ids,
        "attention_mask": (ids != 1).long(),
        "translation_input_ids": other,
        "translation_attention_mask": (other != 1).long(),
    }


def logits(model, **given):
    with torch.inference_mode():
        return model(**given).logits


@pytest.mark.parametrize("architecture", ["xlm-roberta", "bert", "modernbert"])
@pytest.mark.parametrize("kind", CLASSES)
def test_a_saved_model_gives_its_own_logits_bit_for_bit(make_model, kind, architecture, tmp_path):
    model = make_model(kind, architecture)
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert again.config.fused_layers == [1, 2]
    assert not again.training
    torch.testing.assert_close(logits(again, **inputs()), logits(model, **inputs()), **SAME)


@pytest.mark.parametrize("architecture", ["xlm-roberta", "bert", "modernbert"])
@pytest.mark.parametrize("kind", CLASSES)
def test_the_library_reads_the_encoder_out_of_a_saved_model(make_model, kind, architecture, tmp_path, quiet_library):
    model = make_model(kind, architecture)
    model.save_pretrained(tmp_path)
    encoder = AutoModel.from_pretrained(tmp_path)
    assert type(encoder) is type(model.encoder)
    found = encoder.state_dict()
    for name, tensor in model.encoder.state_dict().items():
        torch.testing.assert_close(found[name], tensor, **SAME)


@pytest.mark.parametrize(
    ("kind", "reader"),
    [("tagging", AutoModelForTokenClassification), ("question_answering", AutoModelForQuestionAnswering)],
)
def test_the_library_reads_tagger_and_answer_reader_with_equal_logits(make_model, kind, reader, tmp_path):
    model = make_model(kind)
    model.save_pretrained(tmp_path)
    plain = reader.from_pretrained(tmp_path).eval()
    given = {"input_ids": IDS, "attention_mask": (IDS != 1).long()}
    real = given["attention_mask"].bool()
    with torch.inference_mode():
        ours, theirs = model(**given), plain(**given)
    if kind == "tagging":
        torch.testing.assert_close(ours.logits[real], theirs.logits[real], **CLOSE)
    else:
        torch.testing.assert_close(ours.start_logits[real], theirs.start_logits[real], **CLOSE)
        torch.testing.assert_close(ours.end_logits[real], theirs.end_logits[real], **CLOSE)


def damage(folder, change):
    """Change the tensors of a saved model."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda t: t.pop("roberta.encoder.layer.2.output.dense.bias"),
            "roberta.encoder.layer.2.output.dense.bias",
        ),
        (lambda t: t.pop("classifier.weight"), "classifier.weight"),
        (
            lambda t: t.update({"roberta.encoder.layer.9.output.dense.bias": torch.zeros(3)}),
            "encoder.layer.9",
        ),
        (lambda t: t.update({"classifier.bias": torch.zeros(7)}), "classifier.bias"),
    ],
    ids=["a layer's tensor missing", "the head's tensor missing", "a tensor too many", "another shape"],
)
def test_a_checkpoint_that_does_not_fit_names_the_tensor_and_initialises_nothing(make_model, tmp_path, change, named):
    make_model("tagging").save_pretrained(tmp_path)
    damage(tmp_path, change)
    with pytest.raises(UserError, match=named) as caught:
        EncoderForTokenClassification.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_other_tensors_beside_a_model_are_not_taken_for_it(make_model, tmp_path):
    make_model("tagging").save_pretrained(tmp_path)
    save_file({"values": torch.zeros(3)}, tmp_path / "logits.safetensors")
    EncoderForTokenClassification.from_pretrained(tmp_path)


@pytest.mark.parametrize("left", [None, b"", b"half of a file"])
def test_a_missing_or_damaged_weight_file_is_one_line(make_model, tmp_path, left):
    make_model("tagging").save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    if left is not None:
        (tmp_path / "model.safetensors").write_bytes(left)
    with pytest.raises(UserError, match="does not fit EncoderForTokenClassification") as caught:
        EncoderForTokenClassification.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_half_precision_checkpoint_becomes_float32(make_model, tmp_path):
    make_model("tagging").save_pretrained(tmp_path)
    damage(tmp_path, lambda tensors: tensors.update({name: tensor.half() for name, tensor in tensors.items()}))
    again = EncoderForTokenClassification.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in again.parameters()} == {torch.float32}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_translation_changes_the_logits_and_its_absence_is_the_text_alone(make_model, kind):
    model = make_model(kind)
    real = (IDS != 1) if kind != "classification" else slice(None)
    alone = logits(model, input_ids=IDS, attention_mask=(IDS != 1).long())[real]
    masked = inputs() | {"translation_attention_mask": torch.zeros_like(OTHER)}
    torch.testing.assert_close(logits(model, **masked)[real], alone, **CLOSE)
    assert (logits(model, **inputs())[real] - alone).abs().max() > 1e-4


@pytest.mark.parametrize("kind", CLASSES)
def test_padding_on_the_left_changes_no_logit(make_model, kind):
    model = make_model(kind)
    left = torch.nn.functional.pad(IDS, (3, 0), value=1)
    expected, found = logits(model, **inputs()), logits(model, **inputs(ids=left))
    if kind != "classification":
        expected, found = expected[IDS != 1], found[left != 1]
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("kind", CLASSES)
def test_further_sides_may_come_as_a_list(make_model, kind):
    model = make_model(kind)
    given = inputs()
    listed = given | {name: [given[name]] for name in given if name.startswith("translation")}
    torch.testing.assert_close(logits(model, **listed), logits(model, **given), **SAME)
    with torch.inference_mode():
        further = {"translation_input_ids": [OTHER, OTHER], "translation_attention_mask": None}
        three = model(**listed | further, padded=True)
    assert [len(side) for side in (three.side_logits, three.side_states)] == [3, 3]


def test_the_loss_is_the_sum_over_the_sides_that_have_labels(make_model):
    model = make_model("classification")
    labels = torch.tensor([0, 2])
    one = model(**inputs(), labels=labels).loss
    both = model(**inputs(), labels=labels, translation_labels=[labels]).loss
    ignored = model(**inputs(), labels=labels, translation_labels=[torch.full_like(labels, -100)]).loss
    torch.testing.assert_close(ignored, one, **SAME)
    second = model.hard_loss(model(**inputs()).side_logits[1], labels, None)
    torch.testing.assert_close(both, one + second, **CLOSE)


def test_every_parameter_learns(make_model):
    for kind in CLASSES:
        model = make_model(kind).train()
        labels = {
            "classification": [0, 1],
            "tagging": [[0] * 6, [1] * 6],
            "question_answering": [[1, 2], [0, 0]],
        }[kind]
        model(**inputs(), labels=torch.tensor(labels)).loss.backward()
        assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_a_prepared_model_holds_no_pooler(make_model):
    assert not any("pooler" in name for name, _ in make_model("tagging", "bert").named_parameters())


def test_fused_layers_outside_the_encoder_are_refused(make_encoder):
    with pytest.raises(UserError, match=r"fused layers \[4\] lie outside this encoder's 4 layers"):
        EncoderForTokenClassification(make_encoder(), 5, fused_layers=(4,))


def test_an_answer_head_has_two_outputs(make_encoder):
    with pytest.raises(UserError, match=r"2 outputs \(start, end\), not 3"):
        EncoderForQuestionAnswering(make_encoder(), 3)


def test_the_heads_share_the_dropout_of_the_encoder(make_encoder):
    config = make_encoder().config
    config.hidden_dropout_prob = 0.25
    assert dropout_probability(config) == 0.25
    assert EncoderForSequenceClassification(make_encoder(), 3).output[0].p == make_encoder().config.hidden_dropout_prob
