"""Encoder-decoder models of transformers: `hf:NAME_OR_FOLDER`, with `@REVISION` for a name on the Hub.

Marian and OPUS-MT, NLLB, M2M-100, mBART-50, MADLAD and what is shaped like them. Texts are sorted by length and read in
batches of tokens. A hypothesis's log-probability is the model's own, from a forward pass over the finished tokens: it
does not depend on how they were found, and is the same number that `score` gives. Attention is that of the first head
of the decoder's last layer, as CTranslate2 has it; the mean of all heads is so flat that coverage would tell nothing.

Samples of a text are drawn for it alone, with a seed made from its own words: they do not depend on its company.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForSeq2SeqLM, GenerationConfig

from isogloss.encoders import quiet
from isogloss.errors import UserError, nearest
from isogloss.files import new_folder, sha256, write_atomic
from isogloss.online import offline
from isogloss.resources import TRANSLATORS
from isogloss.run_folder import MANIFEST, WEIGHTS, WEIGHTS_SHA256, read_manifest
from isogloss.translation.decoding import search_exponent
from isogloss.translation.engines._sequences import (
    Candidate,
    batches_of_tokens,
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

BATCH_TOKENS = 4096  # source tokens, padding included, times the beam
STORED = {"float16": torch.float16, "float32": torch.float32}  # numbers in which a folder may hold the weights
TOLERANCE = 0.05  # nats per token by which half precision may move a log-probability
LOGITS = 2**27  # numbers that a forward pass may write at once: half a gigabyte


def load(rest: str) -> "HuggingFaceTranslator":
    """The model of a folder or of the Hub, in float32, on a GPU where there is one.

    Raises:
        UserError: it cannot be found or read, or is no translator.
    """
    return HuggingFaceTranslator(rest)


class HuggingFaceTranslator:
    """A translator by a model of transformers."""

    def __init__(self, rest: str) -> None:
        self.name, self._revision = _name_and_revision(rest)
        tokenizer, self.model = _read(rest, str(self.name), self._revision)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.eval().to(self.device)
        self.tagged = TaggedTokenizer(tokenizer, self.model.get_input_embeddings().weight.shape[0], rest)
        self._never = _never_written(self.model)
        self._start = self.model.generation_config.decoder_start_token_id
        if self._start is None:
            raise UserError(f"translator {rest}: its configuration does not say with which token its decoder starts")
        if any(self._start == token.id for token in self.tagged.tokens.values()):
            raise UserError(f"translator {rest}: its decoder starts with a language, as mBART-25's did; use mBART-50")
        # the checkpoint's own beam, lengths and forced endings are not ours
        self.model.generation_config = GenerationConfig(
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=self._start,
            bad_words_ids=[[i] for i in self._never] or None,
            renormalize_logits=True,
        )
        longest = longest_source(self.model.config, tokenizer)
        self.capabilities = Capabilities(
            scores=True, n_best=True, sampling=True, attention=True, max_source_tokens=longest
        )

    @cached_property
    def fingerprint(self) -> str:
        """The commit of a model on the Hub, or the hash of a folder's files."""
        return f"hf:{self._commit or content_hash(Path(self.name))}"

    @property
    def provenance(self) -> dict[str, Any]:
        """Engine, model, revision or content hash, and the licence that a folder's model card states."""
        folder = Path(self.name)
        stated = licence(folder) if folder.is_dir() else None
        return {"engine": "hf", "model": str(self.name), "revision": self.fingerprint[3:], "licence": stated}

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
            at_once = 1 if decoding.samples else BATCH_TOKENS // decoding.beam
            for part in batches_of_tokens([len(ids) for ids in sources], at_once):
                written = self._generate(sources[part], max(most[part]), forced, decoding)
                yield from self._candidates(sources[part], written, forced, bool(decoding.coverage))

        return translate_by(search, self.tagged, self.capabilities, texts, source, target, decoding)

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        """For each pair the log-probabilities of the translation's tokens, the end included, in nats.

        Raises:
            UserError: the direction is not to be had, or a side is empty or too long.
        """
        sources, targets = pair_ids(self.tagged, self.capabilities, pairs, source, target)
        forced = self.tagged.forced(target)
        order = sorted(range(len(pairs)), key=lambda i: -len(sources[i]))
        found: dict[int, tuple[float, ...]] = {}
        for part in batches_of_tokens([len(sources[i]) for i in order], BATCH_TOKENS):
            own = order[part]
            scored = self._forced([sources[i] for i in own], [[targets[i]] for i in own], forced, False)
            found |= {i: tuple(rows[0][0]) for i, rows in zip(own, scored, strict=True)}
        return [found[i] for i in range(len(pairs))]

    @torch.inference_mode()
    def _generate(
        self, sources: list[list[int]], most: int, forced: list[int], decoding: Decoding
    ) -> list[list[list[int]]]:
        """For each source the tokens of each hypothesis after what was forced, without padding."""
        ids, mask = self._padded(sources)
        options: dict[str, Any] = {"max_new_tokens": most + len(forced)}
        if forced:
            options["forced_bos_token_id"] = forced[0]
        if decoding.samples:
            options |= {"do_sample": True, "temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": 0}
            options["num_return_sequences"] = decoding.samples
        else:
            options |= {"do_sample": False, "num_beams": decoding.beam, "num_return_sequences": decoding.beam}
            options |= {"length_penalty": search_exponent(decoding)} if decoding.beam > 1 else {}
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), quiet():
            torch.manual_seed(seed_of(decoding.seed, sources[0]))
            written = self.model.generate(input_ids=ids, attention_mask=mask, **options)
        rows = [self._unpadded(row[1 + len(forced) :]) for row in written.tolist()]
        each = len(rows) // len(sources)
        return [rows[i * each : (i + 1) * each] for i in range(len(sources))]

    def _unpadded(self, row: list[int]) -> list[int]:
        """A row of tokens up to its end; without padding where it has none."""
        end = self.tagged.tokenizer.eos_token_id
        if end in row:
            return row[: row.index(end) + 1]
        return [i for i in row if i != self.tagged.tokenizer.pad_token_id]

    def _candidates(
        self, sources: list[list[int]], written: list[list[list[int]]], forced: list[int], attention: bool
    ) -> Iterator[list[Candidate]]:
        end = self.tagged.tokenizer.eos_token_id
        for rows, scored in zip(written, self._forced(sources, written, forced, attention), strict=True):
            yield [
                Candidate(ids, ids[-1:] == [end], sum(log_probabilities), attended)
                for ids, (log_probabilities, attended) in zip(rows, scored, strict=True)
            ]

    @torch.inference_mode()
    def _forced(
        self, sources: list[list[int]], targets: list[list[list[int]]], forced: list[int], attention: bool
    ) -> list[list[tuple[list[float], list[float] | None]]]:
        """For each source and each of its targets the tokens' log-probabilities, and the attention that they gave."""
        if attention:
            self.model.set_attn_implementation("eager")  # the others do not tell
        ids, mask = self._padded(sources)
        states = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        rows = [(i, target) for i, own in enumerate(targets) for target in own]
        width = self.model.get_output_embeddings().weight.shape[0]
        found: list[list[tuple[list[float], list[float] | None]]] = [[] for _ in sources]
        for part in batches_of_tokens([len(target) + 1 for _, target in rows], max(LOGITS // width, 1)):
            owners = [i for i, _ in rows[part]]
            own = [target for _, target in rows[part]]
            before, _ = self._padded([[self._start, *forced, *target[:-1]] for target in own])
            output = self.model(
                encoder_outputs=(states[owners],),
                attention_mask=mask[owners],
                decoder_input_ids=before,
                output_attentions=attention,
            )
            logits = output.logits[:, len(forced) :].float()
            logits[..., self._never] = -torch.inf
            wanted, _ = self._padded(own)
            chosen = logits.gather(-1, wanted[..., None])[..., 0] - logits.logsumexp(-1)
            for row, (i, target) in enumerate(zip(owners, own, strict=True)):
                attended = None
                if attention:
                    given = output.cross_attentions[-1][row, 0, len(forced) : len(forced) + len(target)]
                    attended = given.sum(0)[: len(sources[i])].tolist()
                found[i].append((chosen[row, : len(target)].tolist(), attended))
        return found

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows as a tensor (B, L), filled up on the right, and the mask of what is theirs."""
        length = max((len(row) for row in rows), default=0)
        pad = self.tagged.tokenizer.pad_token_id
        ids = torch.tensor([[*row, *[pad] * (length - len(row))] for row in rows], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows], device=self.device)
        return ids.reshape(len(rows), length), mask.reshape(len(rows), length)

    @cached_property
    def _commit(self) -> str | None:
        """The commit of a model on the Hub, as its place in the cache tells."""
        if Path(self.name).is_dir():
            return None
        config = try_to_load_from_cache(str(self.name), "config.json", revision=self._revision)
        return Path(config).parent.name if isinstance(config, str) else None


def convert(model: str, output: Path, precision: str = "float16") -> Path:
    """The new folder `output` with the model and its tokenizer as Hugging Face has them, the weights in that precision.

    The folder of a run stays one: its manifest states what the weights hash to, which `run:` looks at. The new model
    has to score a text as the original does, or nothing is written.

    Raises:
        UserError: the model cannot be read, or does not score as it did; the folder is there already.
    """
    if precision not in STORED:
        raise UserError(f"no precision {precision!r} of a Hugging Face folder; {nearest(precision, STORED)}")
    original = load(model)
    pair, (source, target) = ("isogloss 2026", "isogloss 2026"), original.tagged.a_direction()
    expected = original.score([pair], source, target)[0]
    name, revision = _name_and_revision(model)
    with new_folder(output) as folder:
        tokenizer, network = _read(model, str(name), revision)
        with quiet():
            network.to(STORED[precision]).save_pretrained(folder)
        (folder / WEIGHTS).chmod(0o644)  # the library leaves it to its owner alone
        tokenizer.save_pretrained(folder)
        _keep_run(Path(name), folder)
        found = load(str(folder)).score([pair], source, target)[0]
        off = sum(abs(a - b) for a, b in zip(expected, found, strict=True)) / len(expected)
        if not off < TOLERANCE:
            raise UserError(f"translator {model}: in {precision} it scores a text {off:.2f} nats per token otherwise")
    return output


def _keep_run(run: Path, folder: Path) -> None:
    """Nothing; what a run's folder holds beside its model is in the new one, with the hash of the new weights."""
    if (run / "README.md").is_file():
        shutil.copyfile(run / "README.md", folder / "README.md")
    if not (run / MANIFEST).is_file():
        return
    manifest = read_manifest(run)
    manifest["data"].pop("folder", None)  # a place on the machine that trained it
    stated = {WEIGHTS_SHA256: sha256(folder / WEIGHTS)}
    write_atomic(folder / MANIFEST, json.dumps(manifest | stated, indent=1, ensure_ascii=False))


def _read(rest: str, path: str, revision: str | None) -> tuple[Any, Any]:
    """The tokenizer and the model, in float32.

    Raises:
        UserError: they cannot be found or read, or are no encoder-decoder's, or lack weights.
    """
    options: dict[str, Any] = {"local_files_only": offline(), "trust_remote_code": False}
    options |= {"revision": revision} if revision else {}
    try:
        with quiet():
            config = AutoConfig.from_pretrained(path, **options)
            if not config.is_encoder_decoder:
                raise UserError(f"translator {rest}: {config.model_type} is no encoder-decoder; use llm: for it")
            tokenizer = load_tokenizer(path, **options)
            model, report = AutoModelForSeq2SeqLM.from_pretrained(
                path, **options, dtype=torch.float32, output_loading_info=True
            )
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:  # TypeError: tokenizer files lack
        raise _not_found(rest, error) from None
    if missing := sorted(report["missing_keys"]):
        raise UserError(
            f"translator {rest} lacks {len(missing)} tensors (first: {missing[0]}); nothing is initialised at random, "
            "so use a complete checkpoint"
        )
    return tokenizer, model


def _never_written(model: Any) -> list[int]:
    """Tokens that a model's own configuration forbids, and Marian's padding, with which it only begins."""
    forbidden = [words[0] for words in model.generation_config.bad_words_ids or [] if len(words) == 1]
    if model.config.model_type == "marian":
        forbidden.append(model.config.pad_token_id)
    return sorted(set(forbidden))


def _name_and_revision(rest: str) -> tuple[str | Path, str | None]:
    """The folder, or the name on the Hub with its revision.

    Raises:
        UserError: it is the name of a folder that is not there, or that holds no model.
    """
    folder = TRANSLATORS.get(rest) or Path(rest)
    if rest and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UserError(f"translator {rest}: the folder holds no config.json; give a Hugging Face model folder")
        if (folder / "model.bin").is_file():
            raise UserError(f"translator {rest}: this is a model of CTranslate2; write ctranslate2:{rest}")
        return folder, None
    name, _, revision = rest.partition("@")
    if not name or folder.is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise UserError(f"translator {rest or 'hf:'}: no such folder; give a folder, or a name on the Hub")
    return name, revision or None


def _not_found(name: str, error: Exception) -> UserError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    if Path(name).is_dir():
        return UserError(
            f"translator {name} cannot be read: {first}; copy or save the folder again, with its tokenizer"
        )
    reason = first
    if offline():
        reason = "the Hub is switched off (--offline, HF_HUB_OFFLINE)" if constants.HF_HUB_OFFLINE else "no network"
    repository = name.partition("@")[0]
    return UserError(
        f"translator {name!r} was not found: {reason}; fetch it with `hf download {repository}`, or give a folder"
    )
