"""Encoder-decoder models converted for CTranslate2: `ctranslate2:FOLDER`, the fastest engine on a processor.

A folder holds what CTranslate2's converter writes (model.bin, a vocabulary, config.json) and, in `tokenizer/`, the
Hugging Face tokenizer with the model's config.json; `convert` makes it whole. Folders converted by hand work as well,
once the tokenizer is copied there or beside model.bin. The library's silent limits (1024 tokens in, 256 out) are
switched off: a text that is too long and a translation that does not end are failures, as on every engine.

With int8 weights a translation depends a little on the texts that are read together with it (OpenNMT/CTranslate2#546).
"""

import json
import math
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from isogloss.errors import UserError, nearest
from isogloss.files import new_folder
from isogloss.translation.decoding import search_exponent
from isogloss.translation.engines._sequences import (
    Candidate,
    content_hash,
    licence,
    load_tokenizer,
    longest_source,
    pair_ids,
    seed_of,
    translate_by,
)
from isogloss.translation.language_tagging import TaggedTokenizer
from isogloss.translation.translator import Capabilities, Decoding, Translation

try:
    import ctranslate2
except ImportError:
    raise UserError("this engine needs CTranslate2: pip install 'isogloss[translate]'") from None

GPU_TOKENS = 2048  # source tokens that a GPU reads at once, padding included
# the same for a core, greedy and with a beam: more hypotheses than its cache holds cost it more than their company
# saves, and with small batches all cores are done at about the same time
CORE_TOKENS, CORE_TOKENS_OF_A_BEAM = 512, 256
WINDOW = 1024  # texts that are handed over together; the longest of them says how long outputs may become
QUANTIZATIONS = ("int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32")
# the library stops once as many hypotheses as the beam holds have ended, though a better one may still be growing; with
# twice as many it found the best ones in our tests, for a fifth to two thirds more time
PATIENCE = 2
TOLERANCE = 0.5  # nats per token by which int8 weights may move a log-probability; a wrong conversion is off by more
UNKNOWN_LIMIT = 1024  # tokens, where no configuration says what the model reads: what the library itself would read


def load(rest: str) -> "CTranslate2Translator":
    """The converted model of a folder, on a GPU where there is one.

    Raises:
        UserError: the folder holds no converted model or no tokenizer, or the two do not belong together.
    """
    return CTranslate2Translator(Path(rest))


class CTranslate2Translator:
    """A translator by a model of CTranslate2."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"translator {folder}: no such folder; give the folder of a converted model")
        if not ctranslate2.contains_model(str(folder)):
            has = "a Hugging Face model" if (folder / "model.safetensors").is_file() else "no model.bin"
            raise UserError(
                f"translator {folder}: the folder holds {has}; `isogloss export` converts one, hf: reads it"
            )
        self.folder = folder
        tokenizer, config = _tokenizer(folder)
        self.tagged = TaggedTokenizer(tokenizer, _checked_rows(folder, tokenizer), str(folder))
        self.capabilities = Capabilities(
            scores=True,
            n_best=True,
            sampling=True,
            attention=True,
            max_source_tokens=longest_source(config, tokenizer) or UNKNOWN_LIMIT,
        )
        self._on_gpu = ctranslate2.get_cuda_device_count() > 0
        self._model = self._open()

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the folder's files."""
        return f"ctranslate2:{content_hash(self.folder)}"

    @property
    def provenance(self) -> dict[str, Any]:
        """Engine, folder, content hash, and what `convert` wrote down about the model."""
        written = self.folder / "provenance.json"
        origin = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
        own = {"engine": "ctranslate2", "model": str(self.folder), "revision": self.fingerprint.partition(":")[2]}
        return own | {"licence": licence(self.folder)} | origin

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
            forced = self.tagged.forced(target)
            window = 1 if decoding.samples else WINDOW
            for start in range(0, len(sources), window):
                part = slice(start, start + window)
                yield from self._search(sources[part], max(most[part]), forced, decoding)

        return translate_by(search, self.tagged, self.capabilities, texts, source, target, decoding)

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        """For each pair the log-probabilities of the translation's tokens, the end included, in nats.

        Raises:
            UserError: the direction is not to be had, or a side is empty or too long.
        """
        sources, targets = pair_ids(self.tagged, self.capabilities, pairs, source, target)
        forced = self.tagged.forced(target)
        scored = self._model.score_batch(
            [self._words(ids) for ids in sources],
            [self._words([*forced, *ids[:-1]]) for ids in targets],  # the end is added there
            max_batch_size=self._at_once(1),
            batch_type="tokens",
            max_input_length=0,
        )
        return [tuple(found.log_probs[-len(ids) :]) for found, ids in zip(scored, targets, strict=True)]

    def _search(
        self, sources: list[list[int]], most: int, forced: list[int], decoding: Decoding
    ) -> Iterator[list[Candidate]]:
        model, options = self._searcher(sources[0], decoding)
        prefix = self._words(forced)
        # 4.8.5 mixes up the attention of the first token of texts that are searched together; one that is forced has no
        # part in it
        alone = decoding.coverage and not forced
        results = model.translate_batch(
            [self._words(ids) for ids in sources],
            [prefix] * len(sources) if prefix else None,
            max_batch_size=1 if alone else self._at_once(decoding.beam),
            batch_type="examples" if alone else "tokens",
            max_input_length=0,
            max_decoding_length=most + len(prefix),
            min_decoding_length=0,
            return_scores=True,
            return_end_token=True,
            return_attention=bool(decoding.coverage),
            **options,
        )
        for ids, result in zip(sources, results, strict=True):
            yield self._candidates(ids, result, prefix, decoding)

    def _searcher(self, first: list[int], decoding: Decoding) -> tuple[Any, dict[str, Any]]:
        """The library's translator that searches, and how."""
        if not decoding.samples:
            options: dict[str, Any] = {"beam_size": decoding.beam, "num_hypotheses": decoding.beam}
            options |= {"length_penalty": _exponent(decoding)}
            return self._model, options | ({"patience": PATIENCE} if decoding.beam > 1 else {})
        # the library's generator is made with its thread and cannot be set back, so the draws for a text have threads
        # of their own; they take many times as long as opening a model
        ctranslate2.set_random_seed(seed_of(decoding.seed, first) % 2**32)
        options = {"beam_size": 1, "num_hypotheses": decoding.samples, "length_penalty": 0, "sampling_topk": 0}
        return self._open(), options | {
            "sampling_topp": decoding.top_p,
            "sampling_temperature": decoding.temperature,
        }

    def _candidates(self, source: list[int], result: Any, prefix: list[str], decoding: Decoding) -> list[Candidate]:
        """What the library found for a source, with the model's own log-probabilities and without what was forced."""
        end, skipped = self.tagged.tokenizer.eos_token, len(prefix)
        written = [words[skipped:] for words in result.hypotheses]
        if decoding.samples:  # scored by the probabilities that they were drawn from
            sums = self._sums(source, prefix, written)
        else:  # divided by the length, with what was forced
            lengths = [len(words) ** _exponent(decoding) for words in result.hypotheses]
            sums = [score * length for score, length in zip(result.scores, lengths, strict=True)]
        attention = [None] * len(written)
        if decoding.coverage:
            attention = [np.sum(rows[skipped:], axis=0).tolist() for rows in result.attention]
        return [
            Candidate(self.tagged.tokenizer.convert_tokens_to_ids(words), words[-1:] == [end], total, attended)
            for words, total, attended in zip(written, sums, attention, strict=True)
        ]

    def _sums(self, source: list[int], prefix: list[str], written: list[list[str]]) -> list[float]:
        """The model's own log-probability of each hypothesis; minus infinity for those that did not end."""
        end = self.tagged.tokenizer.eos_token
        whole = [row for row, words in enumerate(written) if words[-1:] == [end]]
        targets = [[*prefix, *written[row][:-1]] for row in whole]
        sources = [self._words(source)] * len(whole)
        scored = self._model.score_batch(sources, targets, max_input_length=0) if whole else []
        sums = dict(zip(whole, (sum(found.log_probs[len(prefix) :]) for found in scored), strict=True))
        return [sums.get(row, -math.inf) for row in range(len(written))]

    def _at_once(self, beam: int) -> int:
        """The source tokens of a batch that is searched with such a beam."""
        if self._on_gpu:
            return GPU_TOKENS
        return CORE_TOKENS if beam == 1 else CORE_TOKENS_OF_A_BEAM

    def _words(self, ids: Sequence[int]) -> list[str]:
        return self.tagged.tokenizer.convert_ids_to_tokens(list(ids))

    def _open(self) -> Any:
        """The library's translator, with a worker for each core: more texts at once pay more than faster ones."""
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        options = {"inter_threads": workers, "intra_threads": 1}
        if self._on_gpu:
            options = {"device": "cuda"}
        try:
            return ctranslate2.Translator(str(self.folder), **options)
        except RuntimeError as error:
            first = str(error).splitlines()[0]
            raise UserError(f"translator {self.folder} cannot be read: {first}; convert the model again") from None


def convert(model: str, output: Path, quantization: str = "int8") -> Path:
    """The new folder `output` with the converted model of a Hugging Face folder or name and its tokenizer.

    The converted model has to score a text as the original does, or nothing is written.

    Raises:
        UserError: the model cannot be read or converted, or does not score as it did; the folder is there already.
    """
    if quantization not in QUANTIZATIONS:
        raise UserError(f"no quantization {quantization!r}; {nearest(quantization, QUANTIZATIONS)}")
    from isogloss.translation.engines import hf

    original = hf.load(model)
    pair, (source, target) = ("isogloss 2026", "isogloss 2026"), original.tagged.a_direction()
    expected = original.score([pair], source, target)[0]
    with new_folder(output) as folder:
        try:
            _converter(original).convert(str(folder), quantization=quantization, force=True)
        except (AttributeError, KeyError, NotImplementedError, RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise UserError(
                f"translator {model} cannot be converted for CTranslate2: {first}; use hf: for it"
            ) from None
        _name_a_beginning(folder / "config.json")
        original.tagged.tokenizer.save_pretrained(folder / "tokenizer")
        original.model.config.save_pretrained(folder / "tokenizer")
        origin = {"original": original.provenance, "quantization": quantization, "ctranslate2": ctranslate2.__version__}
        (folder / "provenance.json").write_text(json.dumps(origin, indent=1) + "\n", encoding="utf-8")
        found = CTranslate2Translator(folder).score([pair], source, target)[0]
        off = sum(abs(a - b) for a, b in zip(expected, found, strict=True)) / len(expected)
        if off > TOLERANCE:
            raise UserError(
                f"translator {model}: converted it scores a text {off:.2f} nats per token otherwise than before; "
                "CTranslate2's converter does not know this model well, use hf: for it"
            )
    return output


def _exponent(decoding: Decoding) -> float:
    """The exponent of the length while searching; a single hypothesis is compared with none."""
    return search_exponent(decoding) if decoding.beam > 1 else 0.0


def _converter(original: Any) -> Any:
    """CTranslate2's converter for a model that is loaded already, told what transformers 5 no longer writes down."""
    config = original.model.config
    if hasattr(config, "scale_decoder_outputs"):  # T5: the converter reads it from a field that is always true now
        config.tie_word_embeddings = config.scale_decoder_outputs
    if config.model_type == "mbart":
        config.normalize_before, config.tokenizer_class = True, type(original.tagged.tokenizer).__name__

    class Loaded(ctranslate2.converters.TransformersConverter):
        def load_model(self, *_: Any, **__: Any) -> Any:
            return original.model

        def load_tokenizer(self, *_: Any, **__: Any) -> Any:
            return original.tagged.tokenizer

    return Loaded(str(original.name))


def _name_a_beginning(config: Path) -> None:
    """Nothing; mBART-50 has no token for the beginning, and needs none, but the library cannot read null."""
    said = json.loads(config.read_text(encoding="utf-8"))
    said["bos_token"] = said.get("bos_token") or said["eos_token"]
    config.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _tokenizer(folder: Path) -> tuple[Any, Any]:
    """The tokenizer of a converted model, and what is known of the model's configuration."""
    place = next((p for p in (folder / "tokenizer", folder) if (p / "tokenizer_config.json").is_file()), None)
    if place is None:
        raise UserError(
            f"translator {folder}: no tokenizer in it; copy the tokenizer files and config.json of the Hugging Face "
            f"model into {folder / 'tokenizer'}"
        )
    try:
        tokenizer = load_tokenizer(str(place), local_files_only=True)
        config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    except Exception as error:  # a damaged tokenizer.json raises a bare Exception
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"translator {folder}: its tokenizer cannot be read: {first}; copy it again") from None
    return tokenizer, SimpleNamespace(**config)


def _checked_rows(folder: Path, tokenizer: Any) -> int:
    """How many tokens the model has, which are the tokenizer's in its order.

    Raises:
        UserError: they are others.
    """
    files = sorted(folder.glob("shared_vocabulary.*")) or sorted(folder.glob("source_vocabulary.*"))
    if not files:
        raise UserError(f"translator {folder}: no vocabulary beside model.bin; convert the model again")
    text = files[0].read_text(encoding="utf-8")
    words = json.loads(text) if files[0].suffix == ".json" else text.splitlines()
    own = tokenizer.convert_ids_to_tokens(list(range(min(len(words), len(tokenizer)))))
    for number, (word, expected) in enumerate(zip(words, own, strict=False)):
        if word != expected:
            raise UserError(
                f"translator {folder}: token {number} is {word!r} to the model and {expected!r} to its tokenizer; they "
                "do not belong together, convert the model again"
            )
    # Marian's padding is the last entry of the tokenizer, and the converter leaves it out
    return len(words) + (tokenizer.pad_token_id == len(words))
