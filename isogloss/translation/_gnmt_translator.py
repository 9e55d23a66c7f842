"""A trained GNMT as a translator, the folder it is read from, and its weights in 8 bits.

The folder holds model.safetensors, a config.json with the network's shape, and an ordinary Hugging Face tokenizer. In
8 bits each row of the LSTMs' and the softmax's weights has a scale of its own, max |W_i| / 127, as in the paper, which
leaves the attention as it is; what the weights are multiplied with is rounded to 8 bits while reading, a scale for each
batch, so that with int8 a translation depends a little on the texts that are read together with it.
"""

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.precision import FLOAT32, check_precision
from isogloss.translation._gnmt_network import LSTMTranslator, Shape
from isogloss.translation._gnmt_search import Words, beam_search
from isogloss.translation.engines._sequences import (
    Candidate,
    batches_of_tokens,
    content_hash,
    licence,
    load_tokenizer,
    pair_ids,
    translate_by,
)
from isogloss.translation.language_tagging import TaggedTokenizer
from isogloss.translation.translator import Capabilities, Decoding, Translation

WEIGHTS, CONFIG = "model.safetensors", "config.json"
ARCHITECTURE = "gnmt"
BATCH_TOKENS = 4096  # source tokens, padding included, times the beam
COUNTER = "batches"  # of the training; no part of what was learned


def write_folder(network: LSTMTranslator, tokenizer: Any, folder: Path) -> None:
    """Nothing; the folder holds all that a translator is read from."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.float().cpu() for name, value in network.state_dict().items() if name != COUNTER}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config = {"architecture": ARCHITECTURE, **asdict(network.shape)}
    write_atomic(folder / CONFIG, json.dumps(config, indent=1) + "\n")
    tokenizer.save_pretrained(folder)


def read_network(folder: Path) -> LSTMTranslator:
    """The network of a folder, in float32.

    Raises:
        UserError: a file is missing or damaged, or the two do not belong together.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict) or config.pop("architecture", None) != ARCHITECTURE:
            raise UserError(f"translator {folder} is no GNMT of isogloss; read it with hf: or ctranslate2:")
        shape = TypeAdapter(Shape).validate_python(config)
        network = LSTMTranslator(shape)
        weights = load_file(folder / WEIGHTS)
        network.load_state_dict(weights | {COUNTER: torch.zeros((), dtype=torch.long)})
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, SafetensorError, ValidationError, RuntimeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise UserError(
            f"translator {folder} cannot be read: {' '.join(lines[:2])}; copy the folder again, or train it again"
        ) from None
    return network.eval()


def to_int8(network: LSTMTranslator) -> None:
    """Nothing; the LSTMs and the softmax compute with weights of 8 bits, and can no longer be trained.

    Raises:
        UserError: not in this version of PyTorch.
    """
    try:
        from torch.ao.quantization import QConfig, default_dynamic_quant_observer, quantize_dynamic
        from torch.ao.quantization.observer import PerChannelMinMaxObserver
    except ImportError:
        raise UserError(f"precision int8 is no part of PyTorch {torch.__version__}; take {FLOAT32}") from None
    # from -127: with -128 the library's scale would be max |W_i| / 127.5
    rows = PerChannelMinMaxObserver.with_args(
        dtype=torch.qint8, qscheme=torch.per_channel_symmetric, quant_min=-127, quant_max=127
    )
    scheme = QConfig(activation=default_dynamic_quant_observer, weight=rows)
    lowered = ("directions", "encoder", "bottom", "decoder", "softmax")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is to be replaced by torchao; see isogloss.precision
        quantize_dynamic(network, dict.fromkeys(lowered, scheme), inplace=True)


class LSTMEngine:
    """A translator by a folder of GNMT."""

    def __init__(self, folder: Path, precision: str = FLOAT32, margin: float = math.inf) -> None:
        """
        precision: float32, bfloat16 or int8. margin: of the search's pruning, in nats.

        Raises:
            UserError: the folder cannot be read, or the precision is not to be had.
        """
        self.folder, self.precision, self.margin = folder, precision, margin
        self.device = torch.device("cuda" if torch.cuda.is_available() and precision != "int8" else "cpu")
        check_precision(precision, self.device.type)
        self.network = read_network(folder).to(self.device)
        if precision == "bfloat16":
            self.network.to(torch.bfloat16)
        elif precision == "int8":
            to_int8(self.network)
        try:
            tokenizer = load_tokenizer(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"translator {folder} cannot be read: its tokenizer: {first}; copy the folder again"
            ) from None
        self.tagged = TaggedTokenizer(tokenizer, self.network.shape.pieces, str(folder))
        self.words = words_of(self.tagged)
        longest = tokenizer.model_max_length
        self.capabilities = Capabilities(
            scores=True, n_best=True, attention=True, max_source_tokens=longest if longest < 10**6 else None
        )

    @cached_property
    def _content(self) -> str:
        return content_hash(self.folder)

    @property
    def fingerprint(self) -> str:
        """The hash of the folder's files, and how they are read."""
        return f"gnmt:{self._content} {self.precision} {self.margin}"

    @property
    def provenance(self) -> dict[str, Any]:
        """Engine, folder, content hash, precision, and the licence that the model card states."""
        return {
            "engine": "gnmt",
            "model": str(self.folder),
            "revision": self._content,
            "precision": self.precision,
            "licence": licence(self.folder),
        }

    def check(self, source: str, target: str) -> None:
        """Nothing, if the model translates from the one language to the other.

        Raises:
            UserError: it does not.
        """
        self.tagged.check(source, target)

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: Decoding) -> list[Translation]:
        """One translation for each text, in their order.

        Raises:
            UserError: the direction, or something in the decoding, is not to be had.
        """

        def search(sources: list[list[int]], most: list[int]) -> Iterator[list[Candidate]]:
            for part in batches_of_tokens([len(ids) for ids in sources], BATCH_TOKENS // decoding.beam):
                found = beam_search(self.network, sources[part], most[part], self.words, decoding, self.margin)
                yield from found

        return translate_by(search, self.tagged, self.capabilities, texts, source, target, decoding)

    @torch.inference_mode()
    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        """For each pair the log-probabilities of the translation's tokens, the end included, in nats.

        Raises:
            UserError: the direction is not to be had, or a side is empty or too long.
        """
        sources, targets = pair_ids(self.tagged, self.capabilities, pairs, source, target)
        lengths = [len(a) + len(b) for a, b in zip(sources, targets, strict=True)]
        order = sorted(range(len(pairs)), key=lambda i: -lengths[i])
        found: dict[int, tuple[float, ...]] = {}
        for part in batches_of_tokens([lengths[i] for i in order], BATCH_TOKENS):
            own = order[part]
            ids, mask = self.words.padded([sources[i] for i in own], self.device)
            wanted, _ = self.words.padded([targets[i] for i in own], self.device)
            before, _ = self.words.padded([[self.words.start, *targets[i][:-1]] for i in own], self.device)
            steps = self.words.log_probabilities(self.network.logits(self.network(ids, mask, before)))
            rows = steps.gather(-1, wanted[..., None])[..., 0].tolist()
            found |= {i: tuple(row[: len(targets[i])]) for i, row in zip(own, rows, strict=True)}
        return [found[i] for i in range(len(pairs))]


def words_of(tagged: TaggedTokenizer) -> Words:
    """The ids of a tokenizer that are no pieces; a translation begins with padding, as Marian's do."""
    tokenizer = tagged.tokenizer
    languages = [token.id for token in tagged.tokens.values()]
    never = sorted({tokenizer.pad_token_id, *languages} - {tokenizer.eos_token_id})
    return Words(tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tuple(never))
