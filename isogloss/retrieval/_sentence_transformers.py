"""The files beside a model by which the library sentence-transformers opens its folder; written without the library."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from isogloss.files import write_atomic

# names that its versions have all understood, but for `Dense` with scores, which is of version 6
MODULES = "sentence_transformers.models"
MODES = {"first": "cls", "mean": "mean"}  # its names of our poolings
OLD_KEYS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}  # of versions before 6


class Part(NamedTuple):
    """One of the modules that a text goes through after the encoder: its class and its configuration."""

    name: str
    config: dict[str, Any]
    weights: nn.Linear | None = None


def pooling(mode: str, hidden: int) -> Part:
    """The mean of a text's states, or the first one."""
    return Part("Pooling", {"embedding_dimension": hidden, "pooling_mode": MODES[mode]})


def dense(layer: nn.Linear, activation: type[nn.Module], gives: str) -> Part:
    """A linear layer and what follows on it; `gives` is the name of the result."""
    config = {
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "bias": True,
        "activation_function": f"{activation.__module__}.{activation.__name__}",
        "module_input_name": "sentence_embedding",
        "module_output_name": gives,
    }
    return Part("Dense", config, layer)


NORMALIZE = Part("Normalize", {})


def write_layout(folder: Path, parts: Sequence[Part], model: str, **config: Any) -> None:
    """Nothing; the folder of an encoder and its tokenizer opens as a `model` of sentence-transformers."""
    from safetensors.torch import save_file

    modules = [{"idx": 0, "name": "0", "path": "", "type": f"{MODULES}.Transformer"}]
    for number, part in enumerate(parts, 1):
        path = f"{number}_{part.name}"
        modules.append({"idx": number, "name": str(number), "path": path, "type": f"{MODULES}.{part.name}"})
        write_atomic(folder / path / "config.json", json.dumps(part.config, indent=1))
        if part.weights is not None:
            weights = {f"linear.{name}": value.contiguous() for name, value in part.weights.state_dict().items()}
            save_file(weights, folder / path / "model.safetensors")
    write_atomic(folder / "modules.json", json.dumps(modules, indent=1))
    write_atomic(folder / "sentence_bert_config.json", json.dumps({"transformer_task": "feature-extraction"}))
    write_atomic(folder / "config_sentence_transformers.json", json.dumps({"model_type": model} | config, indent=1))


def tell_other_layout(encoder: str, mode: str) -> None:
    """Say on standard error what a folder of that library did with a text's states that will not be done now.

    Its vectors are then not those that training begins with.
    """
    for path in sorted(Path(encoder).glob("[0-9]*_*/config.json")):
        config = json.loads(path.read_text(encoding="utf-8"))
        if path.parent.name.endswith("_Pooling"):
            old = [name for key, name in OLD_KEYS.items() if config.get(key)]
            own = config.get("pooling_mode", old[0] if old else "another")
            if own != MODES[mode]:
                said = {name: chosen for chosen, name in MODES.items()}.get(own)
                advice = f"; --set pooling={said} keeps that" if said else ""
                print(f"{encoder} pools by {own}, now the pooling is {mode}{advice}", file=sys.stderr)
        elif not path.parent.name.endswith("_Normalize"):
            print(f"{encoder}: {path.parent.name} is left out; the encoder's own states are trained", file=sys.stderr)
