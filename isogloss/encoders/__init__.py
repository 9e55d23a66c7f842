"""Encoders by name: `tiny` (embedded), a local folder, or a Hub name; always in float32, with their tokenizers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from isogloss.errors import UserError
from isogloss.online import hub_answers
from isogloss.resources import EMBEDDED


def encoder_path(name: str | Path) -> str:
    """Where the encoder is: the embedded folder, the given folder, or the Hub name unchanged.

    Where the Hub cannot be reached, the name stands for the folder in its cache.

    Raises:
        UserError: the name is a path that does not exist, a folder without config.json, or cannot be fetched.
    """
    if str(name) in EMBEDDED:
        return str(EMBEDDED[str(name)])
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UserError(f"encoder {name}: the folder holds no config.json; give a Hugging Face model folder")
        return str(folder)
    if folder.is_absolute() or str(name).startswith(".") or str(name).count("/") > 1:
        raise UserError(f"encoder {name}: no such folder; give a folder, a Hub name, or one of: {', '.join(EMBEDDED)}")
    if constants.HF_HUB_OFFLINE or hub_answers():
        return str(name)
    try:
        return snapshot_download(str(name), local_files_only=True)
    except LocalEntryNotFoundError:
        raise UserError(_missing(name, OSError("the Hub cannot be reached"))) from None


def load_encoder(name: str | Path) -> PreTrainedModel:
    """The pretrained encoder without any head, in float32.

    Raises:
        UserError: it cannot be found, or the checkpoint lacks tensors of the encoder.
    """
    path = encoder_path(name)
    try:
        with quiet():  # what is missing is checked below, and a fraction of a second needs no progress bar
            # float32 whatever the file holds: transformers 5 would keep a half-precision checkpoint in half precision
            model, report = AutoModel.from_pretrained(path, dtype=torch.float32, output_loading_info=True)
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(_missing(name, error)) from None
    missing = [key for key in report["missing_keys"] if "pooler" not in key]
    if missing:
        raise UserError(
            f"encoder {name} lacks {len(missing)} tensors of {type(model).__name__} (first: {missing[0]}); "
            "nothing is initialised at random, so use a complete checkpoint"
        )
    return model


def load_config(name: str | Path) -> PreTrainedConfig:
    """The encoder's configuration.

    Raises:
        UserError: it cannot be found.
    """
    path = encoder_path(name)
    try:
        return AutoConfig.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise UserError(_missing(name, error)) from None


def load_tokenizer(name: str | Path) -> PreTrainedTokenizerBase:
    """The encoder's fast tokenizer, checked against the encoder's configuration.

    Raises:
        UserError: it cannot be found, has no offsets, or its special tokens map to the unknown token.
    """
    path = encoder_path(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        config = AutoConfig.from_pretrained(path)
    except Exception as error:  # a damaged tokenizer.json raises a bare Exception
        raise UserError(_missing(name, error)) from None
    if not tokenizer.is_fast:
        raise UserError(f"encoder {name}: its tokenizer gives no character offsets; save a tokenizer.json beside it")
    # a vocabulary file that was not found leaves a handful of entries, and no warning
    if len(tokenizer) < 10 or len(tokenizer) > config.vocab_size:
        raise UserError(
            f"encoder {name}: its tokenizer has {len(tokenizer)} entries, its word table {config.vocab_size}; "
            "they do not belong together"
        )
    for role in ("bos_token", "cls_token", "pad_token", "sep_token", "eos_token"):
        token = getattr(tokenizer, role)
        if token and tokenizer.unk_token and tokenizer.convert_tokens_to_ids(token) == tokenizer.unk_token_id:
            raise UserError(f"encoder {name}: its {role} {token!r} maps to the unknown token; the tokenizer is broken")
    if tokenizer.pad_token_id is None:
        raise UserError(f"encoder {name}: its tokenizer has no padding token")
    return tokenizer


@contextmanager
def quiet() -> Iterator[None]:
    """Silences transformers' log lines and progress bars inside the block, and restores them after it."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def max_tokens(config: PreTrainedConfig) -> int:
    """The longest text an encoder reads, in tokens with special ones; RoBERTa-like tables lose the padding rows."""
    length = getattr(config, "max_position_embeddings", 512)
    reserved = (config.pad_token_id or 0) + 1 if config.model_type in ROBERTA_LIKE else 0
    return length - reserved


ROBERTA_LIKE = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text"}


def _missing(name: str | Path, error: Exception) -> str:
    if str(name) in EMBEDDED or Path(name).is_dir():
        return f"encoder {name} cannot be read: {str(error).splitlines()[0]}; copy or save the folder again"
    reason = "the Hub is switched off (HF_HUB_OFFLINE)" if constants.HF_HUB_OFFLINE else str(error).splitlines()[0]
    return (
        f"encoder {str(name)!r} was not found: {reason}; fetch it with `hf download {name}`, "
        f"give a folder, or use the embedded one: {', '.join(EMBEDDED)}"
    )
