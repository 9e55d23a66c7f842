"""Uni-Encoder: A Fast and Accurate Response Selection Paradigm for Generation-Based Dialogue Systems.

Song, He, Yu, Fang, Cui, Lan, 2023, arXiv 2106.01263. One reading holds a context once and all its candidates, each of
which begins at the position where the context ends. A candidate sees the context and itself, so that every word of
either is compared with every word of the other as in a cross-encoder, which would read the context once for each. A
candidate's score is a linear function of the mean of its states.

Letters: B queries (contexts) of a batch, C candidates of a query, T tokens of all texts, H hidden size.

Where we differ, and why:
- The context does not see its candidates (`one_way`). Under the paper's `arrow` it passes on what it saw of one to the
  others, so that a score depends on the pool: those of two calls, or of pools of two sizes, cannot be compared. The
  paper's mask is a setting.
- The released code's `diag` scores a candidate that never saw the context. Here it is the inner product of both means.
  The other masks may score so too, or by the cosine (`score`): an encoder whose means say what a sentence means then
  begins with what it knows, where a linear function has to learn from nothing what of two means goes together.
- A token of another text may count less in attention than an own one (`cross_weight`). An encoder that was taught on
  texts alone loses half of what its means say when a text sees another at once; with a small weight, which training
  can make up for by larger keys, it begins nearly as if each were alone (decision 34).
- Its other ways to see are settings too: `square` or `arrow` with `alone` is a cross-encoder, `one_way` with
  `local_layers` lets a candidate see the context in the upper layers only, as a poly-encoder's last one does.
- A pool is the answer and `count` answers of other queries of the batch, whatever the batch's size. What is known to
  answer a query, or has the text of another candidate, is no negative. Negatives may come from elsewhere as well.
- The head that guesses hidden tokens is new, and is not kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from zlib import crc32

import numpy as np
import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from isogloss.encoders import load_tokenizer, quiet
from isogloss.encoders.candidates import keys_read
from isogloss.encoders.masked_tokens import TokenGuess, mask_tokens
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.kinds import Lengths
from isogloss.losses import IGNORED, cross_entropy, ranking_cross_entropy, weighted_mean
from isogloss.prediction import GPU
from isogloss.processes import divided, this_process
from isogloss.ranking_run import check_sanity, sanity_sample
from isogloss.recipe import build
from isogloss.retrieval._negatives import IN_BATCH, candidates, sampler
from isogloss.retrieval._pair_tokens import PairTokens
from isogloss.retrieval._pool_tokens import PoolTokens, pool_rows
from isogloss.retrieval._ranker_card import ranker_card
from isogloss.retrieval._rows import within
from isogloss.retrieval._training_queries import Example, Material, entries, examples, gather_tokens
from isogloss.retrieval._uni_network import UniEncoder, with_mask
from isogloss.run_folder import read_manifest

if TYPE_CHECKING:
    from isogloss.runs import Job

PAIRWISE = ("one_way", "diag")  # masks under which no candidate changes another's score


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of an encoder of candidates."""

    mask: Literal["one_way", "arrow", "diag", "square"] = "one_way"  # who sees whom, as `isogloss.encoders.candidates`
    score: Literal["linear", "inner_product", "cosine"] = "linear"  # of a candidate's mean state; or with the context's
    temperature: PositiveFloat = 0.05  # divides the cosines while training
    cross_weight: PositiveFloat = 1.0  # what a token of another text counts in attention, one's own being 1
    local_layers: NonNegativeInt = 0  # layers below that read each text alone
    fusion_layers: NonNegativeInt = 0  # layers above them that read by the mask, the rest alone again; 0 = all
    alone: bool = False  # each candidate is read with a context of its own
    pairs: tuple[str, ...] = ()  # de-en ...: a query in German, a document in English; () = all pairs of languages
    negatives: str = IN_BATCH  # in_batch, random, given, or a ranker that finds them (bm25, a run, dense:tiny)
    count: PositiveInt = 9  # negatives of a query; with its answer they are a pool
    band: tuple[int, int] = (10, 100)  # ranks in each language among which a ranker's negatives are drawn
    rounds: PositiveInt = 1  # times that each query is read with other negatives before they repeat
    cut: Literal["end", "start"] = "start"  # which end a query loses that is longer than max_question
    mlm_weight: NonNegativeFloat = 0.0  # of the loss of guessing hidden tokens
    masked: float = 0.15  # share of the tokens that are to be guessed, where they are
    keys_at_once: PositiveInt = 32_768  # keys that a layer reads when ranking, a query's once for each candidate
    split_pools: bool = False  # a pool with more of them is divided even if its scores then cannot be compared


class Prepared(NamedTuple):
    """What a job trains on, and the tokens of its texts by number, without special ones."""

    tokens: PoolTokens
    material: Material
    queries: list[np.ndarray]
    documents: list[np.ndarray]


@dataclass
class Method:
    """An encoder that reads a query and all its candidates at once."""

    settings: Settings
    _prepared: Prepared | None = field(default=None, init=False, repr=False)

    def prepared(self, job: "Job") -> Prepared:
        """Texts and tokens of the job, made once.

        Raises:
            UserError: a setting does not fit the task or the encoder, or a text is empty.
        """
        if self._prepared is None:
            tokens = PairTokens(job.tokenizer, job.recipe.lengths, self.settings.cut)
            self._prepared = Prepared(PoolTokens(tokens), *gather_tokens(job, self.settings.pairs, tokens))
        return self._prepared

    def examples(self, job: "Job") -> list[Example]:
        """Every query with each of its answers and its negatives; as long as the keys that it reads."""
        s, (tokens, found, queries, documents) = self.settings, self.prepared(job)
        batch_gives = s.negatives == IN_BATCH

        def size(example: Example) -> int:
            own = [documents[number] for number in (example.answer, *example.negatives)]
            sizes = tokens.sizes(queries[example.query], own)
            sizes += sizes[1:] * (s.count * batch_gives)  # the others' answers are about as long as its own
            return keys_read(sizes, s.mask) if not s.alone else sum(keys_read((sizes[0], n), s.mask) for n in sizes[1:])

        draw = sampler(s.negatives, s.count, s.band, found, job.recipe.seed)
        return examples(found, draw, size, s.rounds)

    def build(self, job: "Job") -> UniEncoder:
        """The encoder under its head, and under that of hidden tokens if they count."""
        s = self.settings
        if s.mlm_weight and job.tokenizer.mask_token_id is None:
            raise UserError(
                f"mlm_weight = {s.mlm_weight}: encoder {job.recipe.encoder} has no token that hides others; set it to 0"
            )
        network = with_mask(
            job.load_encoder(), s.mask, s.local_layers, s.fusion_layers, score=s.score, cross_weight=s.cross_weight
        )
        if s.mlm_weight:
            network.guess = TokenGuess(network.config.hidden_size, network.config.vocab_size)
        return network

    def collate(self, job: "Job") -> Callable[[Sequence[Example]], dict[str, Any]]:
        """The function that lays out the pools of a batch end to end, a query's answer first of its C candidates."""
        tokens, found, queries, documents = self.prepared(job)
        s, hide = self.settings, self._hiding(job)

        def collate(batch: Sequence[Example]) -> dict[str, Any]:
            read = candidates(batch, found, s.negatives, s.count)
            pools = [
                (queries[example.query], [documents[number] for number in own])
                for example, row in zip(batch, read, strict=True)
                for own in ([[number] for number in row] if s.alone else [row])
            ]
            rows = pool_rows(tokens, pools)
            rows["attention_mask"] = torch.ones_like(rows["input_ids"])  # the loop counts tokens by it
            beside = entries(batch, read)
            return hide(rows, crc32(",".join(beside["ids"]).encode())) | beside

        return collate

    def _hiding(self, job: "Job") -> Callable[[dict[str, Any], int], dict[str, Any]]:
        """A function from rows and a number to rows with hidden tokens and their labels; nothing if they do not count.

        The same batch is always hidden the same way.
        """
        s, tokenizer, seed = self.settings, job.tokenizer, job.recipe.seed
        if not s.mlm_weight:
            return lambda rows, number: rows
        mask_id: Any = tokenizer.mask_token_id
        special = torch.tensor([i for i in tokenizer.all_special_ids if i != tokenizer.unk_token_id])

        def hide(rows: dict[str, Any], number: int) -> dict[str, Any]:
            shown, labels = mask_tokens(
                rows["input_ids"],
                torch.isin(rows["input_ids"], special),
                masked=s.masked,
                mask_id=mask_id,
                pieces=len(tokenizer),
                generator=torch.Generator().manual_seed(seed * 1_000_003 + number),
            )
            return rows | {"input_ids": shown, "labels": labels}

        return hide

    def loss(self, network: UniEncoder, batch: Mapping[str, Any]) -> Tensor:
        """Cross-entropy of each query's answer among its candidates in nats, weighted mean; and that of hidden tokens.

        The latter is a mean over tokens, times `mlm_weight`.
        """
        hidden, labels = batch["hidden"], batch.get("labels")
        asked = None if labels is None else labels != IGNORED
        scores, places, states = network.scores(batch["input_ids"], batch["lengths"], asked)
        if self.settings.score == "cosine":
            scores = scores / self.settings.temperature
        scores = scores.new_zeros(hidden.shape).masked_scatter(~hidden, scores)  # (candidates,) -> (B, C)
        answer = torch.zeros(len(hidden), dtype=torch.long, device=hidden.device)
        loss = weighted_mean(ranking_cross_entropy(scores, answer, hidden), batch["weights"])
        if labels is None or asked is None:
            return loss
        reached = asked[places]
        guessed = cross_entropy(network.guesses(states[reached]), labels[places[reached]])
        return loss + self.settings.mlm_weight * guessed

    def save(self, network: UniEncoder, job: "Job", folder: Path) -> dict[str, Any]:
        """What the manifest is to say of it."""
        tokens, found, *_ = self.prepared(job)
        network.guess = None
        with quiet():
            network.save_pretrained(folder)
        job.tokenizer.save_pretrained(folder)
        write_atomic(folder / "README.md", ranker_card(network, job, TITLE, USE, pipeline="text-ranking"))
        alone = PoolScorer(
            job.recipe.method, network, tokens, self.settings, lambda work, read: [read(each) for each in work]
        )
        return {"sanity": sanity_sample(found.sample(), alone.scores)}

    def scorer(self, folder: Path) -> "PoolScorer":
        """The scorer of a finished run.

        Raises:
            UserError: its files are not its own.
        """
        lengths = build(Lengths, read_manifest(folder)["lengths"], "lengths")
        network = UniEncoder.from_pretrained(folder).to(this_process().device)
        tokens = PoolTokens(PairTokens(load_tokenizer(folder), lengths, self.settings.cut))
        made = PoolScorer(str(folder), network, tokens, self.settings)
        check_sanity(folder, made.scores)
        return made


TITLE = "An encoder that reads a query and all its candidates at once, and scores these."
USE = """from isogloss.ranking_run import load_ranking

rankings = load_ranking("THIS_FOLDER").predict(records)  # of isogloss.records.RankedQuery"""


Part = tuple[int, tuple[int, ...]]  # a query, and the places of some of its documents, by number


class PoolScorer:
    """Scores the documents of a query by a network that reads them together, or in parts that are read like the whole.

    Documents of equal length stand together in a reading, which attention takes as one.
    """

    def __init__(
        self, name: str, network: UniEncoder, tokens: PoolTokens, settings: Settings, spread: Callable = divided
    ):
        self.name, self.network, self.tokens, self.settings = name, network.eval(), tokens, settings
        self.pairwise = settings.mask in PAIRWISE or settings.alone
        self.device, self.spread = next(network.parameters()).device, spread

    def scores(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The scores (D,) of each query's own documents, the higher the better.

        How many texts are cut is told. Where a command has several processes, each reads a share of the pools.

        Raises:
            UserError: a text is empty, a pool is too large for a mask whose scores depend on the pool, or a score is
                not a finite number.
        """
        for number, (query, own) in enumerate(zip(queries, documents, strict=True), 1):
            if not query.strip() or not all(map(str.strip, own)):
                raise UserError(
                    f"{self.name}: query {number} or one of its documents is empty; fill it in or take it out"
                )
        asked = {text: number for number, text in enumerate(dict.fromkeys(queries))}
        read = {text: number for number, text in enumerate(dict.fromkeys(chain.from_iterable(documents)))}
        query_ids, document_ids = self.tokens.tokens.queries(list(asked)), self.tokens.tokens.documents(list(read))
        pools = [
            (query_ids[asked[query]], [document_ids[read[text]] for text in own])
            for query, own in zip(queries, documents, strict=True)
        ]
        room = self.tokens.room
        self.tokens.tokens.tell_cut(sum(len(ids) > room(query) for query, own in pools for ids in own))
        found = [np.full(len(own), np.nan, np.float32) for _, own in pools]
        parts = [(i, part) for i, pool in enumerate(pools) for part in self._parts(queries[i], *pool)]
        for (i, places), scores in zip(parts, self._read(parts, pools), strict=True):
            found[i][list(places)] = scores
        for query, row in zip(queries, found, strict=True):
            if not np.isfinite(row).all():
                raise UserError(
                    f"{self.name}: a score of query {query[:60]!r} is no finite number; its weights are damaged"
                )
        return found

    @property
    def _keys_at_once(self) -> int:
        return self.settings.keys_at_once * (GPU if self.device.type == "cuda" else 1)

    def _parts(self, text: str, query: np.ndarray, documents: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
        """The places of the documents that are read together: all of them, if there is room for so many keys."""
        own, *sizes = self.tokens.sizes(query, documents)
        order = sorted(range(len(sizes)), key=sizes.__getitem__)
        if self.settings.alone:
            return [(place,) for place in order]
        s = self.settings
        first = keys_read((own,), s.mask)
        costs = [keys_read((own, size), s.mask) - first for size in sizes]  # each adds its own
        if first + sum(costs) > self._keys_at_once and not self.pairwise and not s.split_pools:
            raise UserError(
                f"{self.name}: the {len(sizes)} documents of query {text[:60]!r} are {first + sum(costs)} keys, and "
                f"{self._keys_at_once} are read at once; under the mask {s.mask} their scores depend on each other: "
                "give fewer, or train with keys_at_once set higher, or with split_pools if scores of parts will do"
            )
        return [tuple(part) for part in within(np.array(order), np.array(costs), self._keys_at_once - first)]

    def _read(
        self, parts: Sequence[Part], pools: Sequence[tuple[np.ndarray, Sequence[np.ndarray]]]
    ) -> Iterator[np.ndarray]:
        """The scores of each part, in their order; those with the most keys are read first."""
        s, keys = self.settings, []
        for query, places in parts:
            ids, documents = pools[query]
            keys.append(keys_read(self.tokens.sizes(ids, [documents[place] for place in places]), s.mask))
        order = sorted(range(len(parts)), key=lambda i: -keys[i])
        work = [tuple(parts[i] for i in batch) for batch in within(np.array(order), np.array(keys), self._keys_at_once)]

        def read(batch: Sequence[Part]) -> np.ndarray:
            rows = pool_rows(
                self.tokens, [(pools[i][0], [pools[i][1][place] for place in places]) for i, places in batch]
            )
            with torch.inference_mode():
                return self.network.scores(rows["input_ids"].to(self.device), rows["lengths"]).scores.cpu().numpy()

        scores = np.concatenate([np.zeros(0, np.float32), *self.spread(work, read)])
        ends = np.cumsum([len(parts[i][1]) for i in order])[:-1]
        by_part = dict(zip(order, np.split(scores, ends), strict=True))
        return (by_part[i] for i in range(len(parts)))
