"""Google's Multilingual Neural Machine Translation System: Enabling Zero-Shot Translation.

Johnson et al., 2017, arXiv 1611.04558. One encoder-decoder translates in all directions: a token in front of the source
says into which language. The languages share one vocabulary and all weights, small directions are read more often than
they are large, and a batch mixes directions; so a direction that was never trained can be asked for as well.

Letters: B pairs, S source tokens, T target tokens, V vocabulary, N target tokens that count.

Where we differ, and why:
- Any encoder-decoder of transformers in the place of the LSTM (`translation/gnmt.py`): with fresh weights in the shape
  of Marian, M2M-100 or T5, or a pretrained one with `--encoder`. Where that is an encoder alone, the translator begins
  with what it knows, and has a decoder to learn.
- A direction of n pairs is read in proportion to n^(1/T), as later models do: T = 1 is the paper's natural proportion,
  T = inf its equal one.
- The token may begin the target instead, or both sides (`tag`), as in later models; without it on the source, the
  encoder does not know into which language it is to be translated.
- A direction is read in whole passes; the rest of it is drawn once, not anew in every pass.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from isogloss.data.directions import Direction
from isogloss.encoders import load_config, quiet
from isogloss.errors import UserError, nearest
from isogloss.files import write_atomic
from isogloss.losses import IGNORED
from isogloss.records import Bitext
from isogloss.resources import TRANSLATORS
from isogloss.translation._fresh_network import FAMILIES, fresh_network
from isogloss.translation._training_pairs import Chosen, tell_left_out, training_pairs
from isogloss.translation._translator_card import translator_card
from isogloss.translation._vocabulary import build_tokenizer, train_pieces
from isogloss.translation._warm_network import warm_network
from isogloss.translation.engines import hf
from isogloss.translation.language_tagging import TaggedTokenizer
from isogloss.translation.translator import Translator, load_translator

if TYPE_CHECKING:
    from isogloss.runs import Job

BACKBONE = NEW = "new"  # of a recipe that names no encoder: a fresh network, as the settings say
TAGS = {"encoder": ">>{}<<", "decoder": "<<{}>>", "both": ">>{}>>"}  # as `language_tagging` knows them


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a translator for many directions."""

    directions: tuple[str, ...] = ()  # en-de ...; () = both ways between the training language and every other one
    temperature: float = 5.0  # T: a direction of n pairs is read in proportion to n^(1/T)
    label_smoothing: float = 0.1  # share of a target token's probability that all tokens share
    longest: int = 128  # tokens of a side, language and end counted; longer pairs are left out
    sources: tuple[str, ...] = ()  # of task parallel_text, by their names in isogloss.data.parallel_text; () = all
    leave_out_tested: bool = True  # pairs with a side that occurs in the task's test split
    tested_on: tuple[str, ...] = ()  # further translation tasks whose test splits are left out
    check_languages: bool = True  # stop where the lines of a language seem to be in another one
    # of a fresh network; `hidden` and `heads` are an encoder's own where one is given
    tag: str = "encoder"  # where the target's language token goes: encoder, decoder or both
    vocabulary: int = 8000  # pieces, of all languages together
    vocabulary_lines: int = 100_000  # lines that the pieces are learned from, drawn with the same temperature
    family: str = "marian"  # whose shape it has: marian, m2m100 or t5
    encoder_layers: int = 3  # of a given encoder its lowest
    decoder_layers: int = 3
    hidden: int = 256  # size of a state
    heads: int = 4
    feed_forward: int = 1024  # of a given encoder only its decoder's
    dropout: float = 0.1  # share of states


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A pair as token ids: what the encoder reads, and what the decoder writes after `forced` language tokens.

    Its length is twice that of its longer side: in a batch of one length both sides are padded to about that.
    """

    key: str
    source: np.ndarray
    target: np.ndarray
    forced: int

    def __len__(self) -> int:
        return 2 * max(len(self.source), len(self.target))


class Prepared(NamedTuple):
    """The pairs of a job by direction, and a tokenizer that knows its languages; the network, if it is pretrained."""

    pairs: dict[Direction, list[Bitext]]
    tagged: TaggedTokenizer
    network: PreTrainedModel | None


def mixture(sizes: Sequence[int], temperature: float, seed: int) -> list[np.ndarray]:
    """For each direction the numbers of its pairs that are read in one pass over the largest, in proportion to n^(1/T).

    A small direction's pairs are repeated, all of them equally often but for the rest that is drawn.
    """
    random, most = np.random.default_rng(seed), max(sizes)
    found = []
    for size in sizes:
        whole, rest = divmod(round(most * (size / most) ** (1 / temperature)), size)
        found.append(np.concatenate([np.tile(np.arange(size), whole), random.permutation(size)[:rest]]))
    return found


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float, never: Sequence[int] = ()) -> Tensor:
    """Cross-entropy in nats, mean over the N tokens, against 1 - smoothing on the label and the rest on all V evenly.

    logits (..., V), labels (...), IGNORED where a token does not count: it costs less to compute it than to leave it
    out of so wide a matrix. never: tokens that no translation has; they are given none of the rest.
    """
    logits, counted = logits.float(), labels != IGNORED
    right = logits.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    others = logits.sum(-1) - sum(logits[..., token] for token in never)
    evenly = others / (logits.shape[-1] - len(never))
    losses = logits.logsumexp(-1) - (1 - smoothing) * right - smoothing * evenly
    return losses.where(counted, 0).sum() / counted.sum()


@dataclass
class Method:
    """One translator for all directions that a recipe names."""

    settings: Settings
    # tokenizer and network of a recipe's encoder, for a method whose networks are none of transformers
    given: "Callable[[Job], tuple[TaggedTokenizer, PreTrainedModel | None]] | None" = None
    _prepared: Prepared | None = field(default=None, init=False, repr=False)

    def prepared(self, job: "Job") -> Prepared:
        """Pairs, tokenizer and pretrained network of the job, made once.

        Raises:
            UserError: a setting or a direction is not to be had, or something is wrong with the data.
        """
        if self._prepared is None:
            s = self.settings
            check_settings(s)
            pairs = training_pairs(
                job, Chosen(s.directions, s.sources, s.leave_out_tested, s.tested_on, s.check_languages)
            )
            self._prepared = Prepared(pairs, *self._begun(job, pairs))
            for direction in pairs:
                self._prepared.tagged.check(*direction)
        return self._prepared

    def _begun(
        self, job: "Job", pairs: Mapping[Direction, Sequence[Bitext]]
    ) -> tuple[TaggedTokenizer, PreTrainedModel | None]:
        """The tokenizer, and the network where it begins with another one."""
        name = job.recipe.encoder
        if name == NEW:
            return self._vocabulary(job, pairs, self.settings.family), None
        if self.given is not None:
            return self.given(job)
        if name in TRANSLATORS or load_config(name.partition("@")[0]).is_encoder_decoder:
            engine = hf.load(name)
            return engine.tagged, engine.model
        tagged = self._vocabulary(job, pairs, "bart")
        encoder = job.load_encoder()
        return tagged, warm_network(encoder, job.tokenizer, tagged.tokenizer, self.settings, job.recipe.seed)

    def _vocabulary(self, job: "Job", pairs: Mapping[Direction, Sequence[Bitext]], family: str) -> TaggedTokenizer:
        """A tokenizer with a vocabulary of the pairs' own and the languages they are translated into."""
        s = self.settings
        lines = vocabulary_lines(pairs, s.temperature, s.vocabulary_lines, job.recipe.seed)
        languages = [TAGS[s.tag].format(tag) for tag in sorted({direction.target for direction in pairs})]
        tokenizer = build_tokenizer(train_pieces(lines, s.vocabulary), languages, family, s.longest)
        return TaggedTokenizer(tokenizer, len(tokenizer), f"{job.recipe.method}/{job.recipe.task}")

    def examples(self, job: "Job") -> list[Example]:
        """The pairs of all directions as tokens, those of small directions repeated."""
        pairs, tagged, _ = self.prepared(job)
        found = {direction: tokenised(tagged, direction, pairs[direction]) for direction in pairs}
        kept = {direction: self._fitting(found[direction]) for direction in found}
        long = sum(map(len, found.values())) - sum(map(len, kept.values()))
        reason = f"a side of more than {self.settings.longest} tokens"
        tell_left_out(job.task.name, {f"with {reason}": long} if long else {}, sum(map(len, kept.values())))
        if empty := [str(direction) for direction in kept if not kept[direction]]:
            raise UserError(f"{empty[0]}: every pair has {reason}; set longest higher")
        drawn = mixture([len(each) for each in kept.values()], self.settings.temperature, job.recipe.seed)
        return [each[i] for each, numbers in zip(kept.values(), drawn, strict=True) for i in numbers.tolist()]

    def _fitting(self, examples: Sequence[Example]) -> list[Example]:
        longest = self.settings.longest
        return [example for example in examples if max(len(example.source), len(example.target)) <= longest]

    def build(self, job: "Job") -> PreTrainedModel:
        """A fresh network, or the pretrained one."""
        _, tagged, network = self.prepared(job)
        return network if network is not None else fresh_network(tagged.tokenizer, self.settings)

    def collate(self, job: "Job") -> Callable[[Sequence[Example]], dict[str, Any]]:
        """The function that pads pairs to source and target tokens, (B, S) and (B, T)."""
        _, tagged, network = self.prepared(job)
        pad, end = tagged.tokenizer.pad_token_id, tagged.tokenizer.eos_token_id
        start = end if self.settings.family == "m2m100" else pad
        if network is not None:
            start = network.generation_config.decoder_start_token_id  # pyright: ignore[reportOptionalMemberAccess]

        def collate(examples: Sequence[Example]) -> dict[str, Any]:
            source = _padded([example.source for example in examples], pad)
            target = _padded([example.target for example in examples], pad)
            lengths = torch.tensor([len(example.target) for example in examples])[:, None]
            forced = torch.tensor([example.forced for example in examples])[:, None]
            place = torch.arange(target.shape[1])
            # not told by the padding: T5's is also its start
            own = torch.tensor([len(example.source) for example in examples])[:, None]
            return {
                "ids": [example.key for example in examples],
                "input_ids": source,
                "attention_mask": (torch.arange(source.shape[1]) < own).long(),
                "decoder_input_ids": nn.functional.pad(target, (1, -1), value=start),
                "decoder_attention_mask": (place < lengths).long(),
                "labels": target.masked_fill((place >= lengths) | (place < forced), IGNORED),
            }

        return collate

    def loss(self, network: PreTrainedModel, batch: Mapping[str, Any]) -> Tensor:
        """Smoothed cross-entropy of the target tokens in nats, mean over tokens; the language token costs nothing."""
        logits = network(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            decoder_input_ids=batch["decoder_input_ids"],  # causal, so that padding on the right needs no mask
            use_cache=False,
        ).logits
        never = [network.config.pad_token_id] if network.config.model_type == "marian" else []
        return smoothed_cross_entropy(logits, batch["labels"], self.settings.label_smoothing, never)

    def save(self, network: PreTrainedModel, job: "Job", folder: Path) -> None:
        """Write the translator's folder, which `hf:` and `isogloss export` read."""
        pairs, tagged, _ = self.prepared(job)
        with quiet():
            network.save_pretrained(folder)
        tagged.tokenizer.save_pretrained(folder)
        counts = Counter({direction: len(bitexts) for direction, bitexts in pairs.items()})
        write_atomic(folder / "README.md", translator_card(network, job, counts))

    def translator(self, folder: Path) -> Translator:
        """The translator of a finished run."""
        return load_translator(f"hf:{folder}")


def check_settings(s: Settings) -> None:
    """Nothing, if the settings describe a translator.

    Raises:
        UserError: naming the setting, its value and what it may be.
    """
    for name, value, known in (("tag", s.tag, TAGS), ("family", s.family, FAMILIES)):
        if value not in known:
            raise UserError(f"{name} = {value!r}; {nearest(value, known)}")
    if not s.temperature > 0 or not 0 <= s.label_smoothing < 1:
        raise UserError(
            f"temperature = {s.temperature}, label_smoothing = {s.label_smoothing}: set them above 0, and to 0 or more "
            "and below 1"
        )
    if s.hidden % s.heads or s.hidden % 2:
        raise UserError(f"hidden = {s.hidden} cannot be divided by heads = {s.heads} or by 2; choose a multiple")


def vocabulary_lines(
    pairs: Mapping[Direction, Sequence[Bitext]], temperature: float, lines: int, seed: int
) -> list[str]:
    """At most so many different lines, from each language with n of them in proportion to n^(1/T)."""
    texts: dict[str, dict[str, None]] = {}
    for direction, bitexts in pairs.items():
        texts.setdefault(direction.source, {}).update(dict.fromkeys(pair.text for pair in bitexts))
        texts.setdefault(direction.target, {}).update(dict.fromkeys(pair.translation for pair in bitexts))
    random = np.random.default_rng(seed)
    weights = np.array([len(each) ** (1 / temperature) for each in texts.values()])
    found = []
    for each, share in zip(texts.values(), weights / weights.sum(), strict=True):
        known = list(each)
        found += [known[i] for i in random.permutation(len(known))[: round(lines * share)]]
    return found


def tokenised(tagged: TaggedTokenizer, direction: Direction, pairs: Sequence[Bitext]) -> list[Example]:
    """The pairs as tokens, written just as the engines read and write them."""
    sources = tagged.source_ids([pair.text for pair in pairs], *direction)
    targets = tagged.target_ids([pair.translation for pair in pairs])
    forced = tagged.forced(direction.target)
    examples = []
    for pair, source, target in zip(pairs, sources, targets, strict=True):
        written = np.array([*forced, *target], np.int32)
        examples.append(Example(f"{direction}/{pair.id}", np.array(source, np.int32), written, len(forced)))
    return examples


def _padded(rows: Sequence[np.ndarray], pad: int) -> Tensor:
    return pad_sequence([torch.from_numpy(row).long() for row in rows], batch_first=True, padding_value=pad)
