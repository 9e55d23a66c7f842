"""Loading encoders and tokenizers: names, precision, completeness."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, RobertaConfig
from transformers.utils import logging

from isogloss import encoders
from isogloss.encoders import encoder_path, load_encoder, load_tokenizer, max_tokens, quiet
from isogloss.errors import UserError


@pytest.fixture
def own_folder(encoder_folder, tmp_path):
    """A copy of the tiny encoder that a test may damage."""
    for path in encoder_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def change_json(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def one_line(caught):
    return "\n" not in str(caught.value)


@pytest.mark.parametrize("architecture", ["xlm-roberta", "bert", "modernbert"])
def test_a_folder_gives_its_encoder_bit_for_bit(encoder_folders, make_encoder, architecture):
    found, made = (
        load_encoder(encoder_folders[architecture]).state_dict(),
        make_encoder(architecture).state_dict(),
    )
    assert all(torch.equal(found[name], made[name]) for name in made if "pooler" not in name)


def test_a_half_precision_checkpoint_is_read_in_float32(own_folder):
    tensors = {name: tensor.half() for name, tensor in load_file(own_folder / "model.safetensors").items()}
    save_file(tensors, own_folder / "model.safetensors", metadata={"format": "pt"})
    change_json(own_folder / "config.json", dtype="float16")
    encoder = load_encoder(own_folder)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}
    assert encoder.config.dtype == torch.float32


def test_a_missing_tensor_is_an_error_and_never_initialised(own_folder):
    tensors = load_file(own_folder / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.bias"]
    save_file(tensors, own_folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        UserError, match=r"lacks 1 tensors of XLMRobertaModel \(first: encoder.layer.1.output"
    ) as caught:
        load_encoder(own_folder)
    assert one_line(caught)


def test_a_pooler_may_be_missing_as_nothing_reads_it(own_folder, make_encoder):
    tensors = load_file(own_folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    assert len(kept) < len(tensors)
    save_file(kept, own_folder / "model.safetensors", metadata={"format": "pt"})
    assert load_encoder(own_folder)


@pytest.mark.parametrize("load", [load_encoder, load_tokenizer])
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("./nowhere", "no such folder; give a folder, a Hub name, or one of: tiny"),
        ("/nowhere/at/all", "no such folder"),
        ("tyni", r"was not found: the Hub is switched off \(HF_HUB_OFFLINE\).*the embedded one: tiny"),
    ],
)
def test_a_name_that_is_nothing_says_what_could_be_given(load, name, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        load(name)
    assert one_line(caught)


def test_without_a_network_the_cache_stands_in_and_a_wrong_name_fails_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(encoders.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(encoders, "hub_answers", lambda: False)
    with pytest.raises(UserError, match="encoder 'tinyy' was not found: the Hub cannot be reached; fetch it with"):
        encoder_path("tinyy")
    monkeypatch.setattr(encoders, "snapshot_download", lambda name, local_files_only: str(tmp_path / name))
    assert encoder_path("cached/encoder") == str(tmp_path / "cached/encoder")


def test_a_folder_without_a_configuration_is_no_encoder(tmp_path):
    with pytest.raises(UserError, match="holds no config.json"):
        encoder_path(tmp_path)


def test_a_damaged_weight_file_is_one_line(own_folder):
    (own_folder / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(UserError, match="cannot be read") as caught:
        load_encoder(own_folder)
    assert one_line(caught)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_damaged_file_of_a_folder_is_not_taken_for_a_missing_encoder(own_folder, name):
    (own_folder / name).write_text("{")
    with pytest.raises(UserError, match="cannot be read: .*; copy or save the folder again") as caught:
        load_tokenizer(own_folder)
    assert one_line(caught)


def test_an_unknown_architecture_is_one_line(own_folder):
    change_json(own_folder / "config.json", model_type="novel", architectures=["NovelModel"])
    with pytest.raises(UserError, match="novel") as caught:
        load_encoder(own_folder)
    assert one_line(caught)


def test_the_tokenizer_is_the_one_that_was_saved(encoder_folder, tokenizer, sentences):
    found = load_tokenizer(encoder_folder)
    for texts in sentences.values():
        assert found(list(texts))["input_ids"] == tokenizer(list(texts))["input_ids"]


def test_a_tokenizer_of_another_encoder_is_noticed(own_folder):
    change_json(own_folder / "config.json", vocab_size=50)
    with pytest.raises(
        UserError, match=r"its tokenizer has \d+ entries, its word table 50; they do not belong together"
    ):
        load_tokenizer(own_folder)


def test_a_tokenizer_that_lost_its_vocabulary_is_noticed(own_folder):
    content = json.loads((own_folder / "tokenizer.json").read_text())
    content["model"]["vocab"] = content["model"]["vocab"][:5]
    content["added_tokens"] = content["added_tokens"][:4]
    (own_folder / "tokenizer.json").write_text(json.dumps(content))
    change_json(own_folder / "tokenizer_config.json", mask_token=None)
    with pytest.raises(UserError, match="they do not belong together"):
        load_tokenizer(own_folder)


@pytest.mark.parametrize("role", ["cls_token", "sep_token"])
def test_a_special_token_that_is_the_unknown_one_is_noticed(own_folder, role):
    change_json(own_folder / "tokenizer_config.json", **{role: "<unk>"})
    with pytest.raises(UserError, match=f"its {role} '<unk>' maps to the unknown token; the tokenizer is broken"):
        load_tokenizer(own_folder)


def test_a_tokenizer_without_padding_is_noticed(own_folder):
    change_json(own_folder / "tokenizer_config.json", pad_token=None)
    with pytest.raises(UserError, match="no padding token"):
        load_tokenizer(own_folder)


def test_roberta_like_encoders_read_fewer_tokens_than_their_table_has_rows():
    assert max_tokens(RobertaConfig(max_position_embeddings=514, pad_token_id=1)) == 512
    assert max_tokens(BertConfig(max_position_embeddings=512)) == 512


def test_quiet_restores_what_it_found():
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with quiet():
        assert logging.get_verbosity() == logging.ERROR
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
