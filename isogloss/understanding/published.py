"""The published FILTER checkpoints: read them into our models, and write ours in their layout.

Fang et al. 2020, arXiv 2009.05166; released checkpoints hold the encoder cut into three stacks (`filter.encoder.layer`,
`filter.fusion`, `filter.domain`) whose layers are the encoder's own, in order. `load` puts them back into one encoder;
`save` cuts it again. Traps of the files: `num_hidden_layers` is m, `pad_token_id` may be 0 though padding is always 1,
and `temperature` is a field that the library's configuration drops, so the JSON is read as it stands. They were trained
on lower-cased questions, white-space words and tags of words tokenised one by one: `isogloss convert` makes a run of
one that keeps to that (`isogloss.kinds.Features`).
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import XLMRobertaConfig, XLMRobertaModel

from isogloss.encoders.models import EncoderWithHead
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.understanding.filter import (
    FilterForQuestionAnswering,
    FilterForSequenceClassification,
    FilterForTokenClassification,
)

Tensors = dict[str, Tensor]
HEADS: dict[str, type[EncoderWithHead]] = {
    "output": FilterForSequenceClassification,
    "classifier": FilterForTokenClassification,
    "qa_outputs": FilterForQuestionAnswering,
}
PADDING = 1  # whatever pad_token_id a published config carries
CONFIG_FIELDS = (
    "hidden_size",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "layer_norm_eps",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
)


def load(path: str | Path) -> EncoderWithHead:
    """The FILTER model of a published folder, of the class its head says.

    The tensors are in pytorch_model.bin, as published, or in model.safetensors, as `save` writes them. The published
    fields alpha, temperature and first_loss_only are kept in `config.published`.

    Raises:
        UserError: a file is missing or damaged, or a tensor is missing or left over.
    """
    folder = Path(path)
    tensors = folder / ("model.safetensors" if (folder / "model.safetensors").is_file() else "pytorch_model.bin")
    for file in (folder / "config.json", tensors):
        if not file.is_file():
            raise UserError(f"{folder} is no published FILTER folder: it has no {file.name}")
    config = read_config(folder / "config.json")
    try:
        state = (
            load_file(tensors)
            if tensors.suffix == ".safetensors"
            else torch.load(tensors, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # a pickle can fail in any way; none of its code is run
        raise UserError(f"{tensors} cannot be read as plain tensors: {str(error).splitlines()[0]}") from None
    return from_state(state, config, where=str(folder))


def read_config(path: Path) -> dict[str, Any]:
    """The published configuration as it stands.

    Raises:
        UserError: it is damaged, or not of FILTER.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no UTF-8
        raise UserError(f"{path} is damaged: {error}; copy it again") from None
    if not isinstance(config, dict) or not {"filter_m", "filter_k"} <= config.keys():
        raise UserError(f"{path} is no configuration of a published FILTER: it has no filter_m and filter_k")
    return config


def from_state(state: Mapping[str, Tensor], config: Mapping[str, Any], where: str = "state") -> EncoderWithHead:
    """The model of published tensors and the published config."""
    local, fusion, domain = (count_layers(state, stack) for stack in ("encoder.layer", "fusion", "domain"))
    head = next((name for name in HEADS if any(key.startswith(f"{name}.") for key in state)), None)
    if head is None:
        raise UserError(f"{where}: none of the heads {', '.join(HEADS)} is among its tensors")
    if (local, fusion) != (config["filter_m"], config["filter_k"]):
        stated = f"m={config['filter_m']}, k={config['filter_k']}"
        raise UserError(f"{where}: its config says {stated}, its tensors m={local}, k={fusion}")
    encoder = XLMRobertaModel(
        XLMRobertaConfig(
            **{name: config[name] for name in CONFIG_FIELDS if name in config},
            num_hidden_layers=local + fusion + domain,
            pad_token_id=PADDING,
            bos_token_id=0,
            eos_token_id=2,
        ),
        add_pooling_layer=False,
    )
    last = max(key for key in state if key.startswith(f"{head}.") and key.endswith("bias"))
    model = HEADS[head].from_encoder(  # pyright: ignore[reportCallIssue]
        encoder, num_labels=len(state[last]), local_layers=local, fusion_layers=fusion
    )
    renamed = {to_ours(key, local, fusion): value for key, value in state.items() if ".pooler." not in key}
    missing, left = model.load_state_dict(renamed, strict=False)
    missing = [key for key in missing if not key.endswith("position_ids")]
    left = [key for key in left if not key.endswith("position_ids")]
    if missing or left:
        raise UserError(f"{where}: {len(missing)} tensors missing ({missing[:2]}), {len(left)} left over ({left[:2]})")
    labels = config.get("id2label") or {}
    if len(labels) == len(state[last]):
        model.config.id2label = {int(i): label for i, label in labels.items()}
        model.config.label2id = {label: int(i) for i, label in labels.items()}
    kept = ("alpha", "temperature", "first_loss_only", "multiplier")
    model.config.published = {name: config[name] for name in kept if name in config}
    return model.eval()


def to_state(model: EncoderWithHead) -> Tensors:
    """The model's tensors under their published names: the inverse of loading, but for the unused pooler.

    Raises:
        UserError: the encoder is not XLM-R, which alone has such names.
    """
    if model.prefix != "roberta":
        raise UserError(f"the published layout is for XLM-R; this model's encoder is {type(model.encoder).__name__}")
    fused = model.config.fused_layers
    local = fused[0] if fused else model.config.num_hidden_layers
    return {to_published(key, local, len(fused)): value for key, value in model.state_dict().items()}


def save(model: EncoderWithHead, path: str | Path) -> None:
    """Write a folder in the published layout; the tensors go to model.safetensors, never to a pickle."""
    folder, fused = Path(path), model.config.fused_layers
    folder.mkdir(parents=True, exist_ok=True)
    config = model.config.to_dict() | getattr(model.config, "published", {})
    local = fused[0] if fused else model.config.num_hidden_layers
    config |= {"filter_m": local, "filter_k": len(fused), "num_hidden_layers": local}
    config |= {"architectures": [type(model).__name__]}
    save_file({key: value.contiguous() for key, value in to_state(model).items()}, folder / "model.safetensors")
    write_atomic(folder / "config.json", json.dumps(config, indent=1))


def count_layers(state: Mapping[str, Tensor], stack: str) -> int:
    """How many layers a published stack has, from the keys."""
    found = {int(m[1]) for key in state if (m := re.match(rf"filter\.{re.escape(stack)}\.(\d+)\.", key))}
    return len(found)


def to_ours(key: str, local: int, fusion: int) -> str:
    """Our name of a published tensor: the three stacks in order are the encoder's layers."""
    for stack, first in (("encoder.layer", 0), ("fusion", local), ("domain", local + fusion)):
        match = re.match(rf"filter\.{re.escape(stack)}\.(\d+)\.(.*)", key)
        if match:
            return f"roberta.encoder.layer.{first + int(match[1])}.{match[2]}"
    return key.replace("filter.", "roberta.", 1) if key.startswith("filter.") else key


def to_published(key: str, local: int, fusion: int) -> str:
    """The published name of one of our tensors."""
    match = re.match(r"roberta\.encoder\.layer\.(\d+)\.(.*)", key)
    if match is None:
        return key.replace("roberta.", "filter.", 1) if key.startswith("roberta.") else key
    layer, rest = int(match[1]), match[2]
    if layer < local:
        return f"filter.encoder.layer.{layer}.{rest}"
    if layer < local + fusion:
        return f"filter.fusion.{layer - local}.{rest}"
    return f"filter.domain.{layer - local - fusion}.{rest}"
