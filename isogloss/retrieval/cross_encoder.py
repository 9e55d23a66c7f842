"""Passage Re-ranking with BERT, in many languages.

Nogueira and Cho, 2019, arXiv 1901.04085. An encoder reads a query and a document side by side and gives their score, so
that every word of either is compared with every word of the other. That is better than comparing two vectors and costs
a pass for every pair: a first stage chooses the documents, and the cross-encoder ranks them anew.

Letters: B queries of a batch, C candidates of a query, R rows (pairs) of a batch, L tokens, H hidden size.

Where we differ, and why:
- The loss is by default the cross-entropy of the answer among sampled negatives, as later rerankers have it; the
  paper's, whether a pair belongs together, is `loss = "binary"`.
- The head is that of the house's classifiers. `score = "inner_product"` has none: the mean state of the query's tokens
  times that of the document's after reading both, as in ANNCUR (Yadav et al. 2022, arXiv 2210.12579), whose scores are
  closer to a matrix of low rank. There special tokens mark a mention and a title; a query has no such marks. `cosine`
  is that of the same means, over a temperature while training, as a bi-encoder's.
- A batch mixes pairs of languages, and what is known to answer a query in any language is never its negative.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from isogloss.encoders import load_encoder, load_tokenizer, quiet
from isogloss.encoders.models import EncoderForSequenceClassification
from isogloss.encoders.sentence_vectors import mean_of_tokens, similarity
from isogloss.encoders.visibility import encode, prepare
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.kinds import Lengths
from isogloss.losses import ranking_cross_entropy, relevance_cross_entropy, weighted_mean
from isogloss.prediction import GPU, TOKENS_PER_BATCH
from isogloss.processes import divided, this_process
from isogloss.ranking_run import check_sanity, sanity_sample
from isogloss.recipe import build
from isogloss.retrieval._negatives import IN_BATCH, RANDOM, candidates, sampler
from isogloss.retrieval._pair_tokens import DOCUMENT, QUERY, PairTokens
from isogloss.retrieval._ranker_card import ranker_card
from isogloss.retrieval._rows import padded, within, without_pooler
from isogloss.retrieval._sentence_transformers import dense, pooling, write_layout
from isogloss.retrieval._training_queries import Example, Material, entries, examples, gather_tokens
from isogloss.run_folder import read_manifest

if TYPE_CHECKING:
    from isogloss.runs import Job

Pair = tuple[int, int]  # a query and a document, by their numbers
PAIRS_AT_ONCE = 50_000  # pairs whose tokens are held at a time
Spread = Callable[[Sequence[tuple[Pair, ...]], Callable[[tuple[Pair, ...]], np.ndarray]], list[np.ndarray]]
TITLE = "It reads a query and a document, in many languages, side by side and gives their score."
USE = """from sentence_transformers import CrossEncoder

scores = CrossEncoder("THIS_FOLDER").predict([("a question", "a document")])"""
OWN_USE = """from isogloss.retrieval.cross_encoder import Method, Settings

scorer = Method(Settings(score="{score}")).scorer(Path("THIS_FOLDER"))
scores = scorer.scores(["a question"], [["a document"]])"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of an encoder of pairs."""

    score: Literal["linear", "inner_product", "cosine"] = "linear"  # the head's on the first token; or of the two means
    temperature: PositiveFloat = 0.05  # divides the cosines while training
    loss: Literal["softmax", "binary"] = "softmax"  # the answer among its negatives; or each pair by itself
    pairs: tuple[str, ...] = ()  # de-en ...: a query in German, a document in English; () = all pairs of languages
    negatives: str = RANDOM  # random, given, in_batch, or a ranker that finds them (bm25, a run, dense:tiny)
    count: PositiveInt = 4  # negatives of a query
    band: tuple[int, int] = (10, 100)  # ranks in each language among which a ranker's negatives are drawn
    rounds: PositiveInt = 1  # times that each query is read with other negatives before they repeat
    cut: Literal["end", "start"] = "end"  # which end a query loses that is longer than max_question


class Prepared(NamedTuple):
    """What a job trains on, and the tokens of its texts by number, without special ones."""

    tokens: PairTokens
    material: Material
    queries: list[np.ndarray]
    documents: list[np.ndarray]


class PairScorer:
    """Scores pairs by a network that reads both texts together; equal pairs are read once, whatever stands beside."""

    pairwise = True

    def __init__(self, name: str, network: nn.Module, tokens: PairTokens, spread: Spread = divided):
        self.name, self.network, self.tokens, self.spread = name, network.eval(), tokens, spread
        self.device = next(network.parameters()).device

    def scores(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The scores (D,) of each query's own documents, the higher the better.

        How many pairs are cut is told. Where a command has several processes, each reads a share of the pairs.

        Raises:
            UserError: a text is empty, or a score is not a finite number.
        """
        asked = {text: number for number, text in enumerate(dict.fromkeys(queries))}
        read = {text: number for number, text in enumerate(dict.fromkeys(chain.from_iterable(documents)))}
        if not all(map(str.strip, chain(asked, read))):
            raise UserError(f"{self.name}: a query or a document is empty; fill it in or take it out")
        texts = self.tokens.queries(list(asked)), self.tokens.documents(list(read))
        pairs = [[(asked[query], read[text]) for text in own] for query, own in zip(queries, documents, strict=True)]
        found: list[np.ndarray] = []
        cut = 0
        for own in blocks(pairs):
            distinct = list(dict.fromkeys(chain.from_iterable(own)))
            cut += sum(not self.tokens.fits(texts[0][query], texts[1][document]) for query, document in distinct)
            scores = dict(zip(distinct, self._read(distinct, *texts), strict=True))
            found += [np.array([scores[pair] for pair in row], dtype=np.float32) for row in own]
        self.tokens.tell_cut(cut)
        for query, row in zip(queries, found, strict=True):
            if not np.isfinite(row).all():
                raise UserError(f"{self.name}: a score of {query[:60]!r} is no finite number; its weights are damaged")
        return found

    def _read(
        self, pairs: Sequence[Pair], queries: Sequence[np.ndarray], documents: Sequence[np.ndarray]
    ) -> Iterator[float]:
        """The scores of pairs of numbers, in their order; read longest first."""
        sizes = np.array([self.tokens.size(queries[query], documents[document]) for query, document in pairs])
        order = np.argsort(-sizes, kind="stable")
        budget = TOKENS_PER_BATCH * (GPU if self.device.type == "cuda" else 1)
        work = [tuple(pairs[i] for i in batch) for batch in within(order, sizes, budget)]

        def read(batch: Sequence[Pair]) -> np.ndarray:
            rows = pair_rows(self.tokens, [(queries[query], documents[document]) for query, document in batch])
            with torch.inference_mode():
                given = {name: value.to(self.device) for name, value in rows.items()}
                return pair_scores(self.network, given).float().cpu().numpy()

        scores = np.empty(len(pairs), np.float32)
        scores[order] = np.concatenate([np.zeros(0, np.float32), *self.spread(work, read)])
        return iter(scores.tolist())


@dataclass
class Method:
    """An encoder that reads a query and a document together."""

    settings: Settings
    _prepared: Prepared | None = field(default=None, init=False, repr=False)

    def prepared(self, job: "Job") -> Prepared:
        """Texts and tokens of the job, made once.

        Raises:
            UserError: a setting does not fit the task or the encoder, or a query has no text.
        """
        if self._prepared is None:
            tokens = PairTokens(job.tokenizer, job.recipe.lengths, self.settings.cut)
            self._prepared = Prepared(tokens, *gather_tokens(job, self.settings.pairs, tokens))
        return self._prepared

    def examples(self, job: "Job") -> list[Example]:
        """Every query with each of its answers and its negatives."""
        s, (tokens, found, queries, documents) = self.settings, self.prepared(job)
        batch_gives = s.negatives == IN_BATCH

        def size(example: Example) -> int:
            read = (example.answer, *example.negatives)
            sizes = [tokens.size(queries[example.query], documents[number]) for number in read]
            return sum(sizes) * (1 + s.count * batch_gives)  # the others' answers are about as long as its own

        draw = sampler(s.negatives, s.count, s.band, found, job.recipe.seed)
        return examples(found, draw, size, s.rounds)

    def build(self, job: "Job") -> nn.Module:
        """The encoder, under a head if the score is linear."""
        if self.settings.score == "linear":
            return EncoderForSequenceClassification.from_encoder(job.load_encoder(), num_labels=1)
        encoder = prepare(without_pooler(job.load_encoder()))
        encoder.config.pair_score = self.settings.score
        return encoder

    def collate(self, job: "Job") -> Callable[[Sequence[Example]], dict[str, Any]]:
        """The function that lays out the pairs of a batch, (R, L), a query's answer first of its C candidates."""
        s, (tokens, found, queries, documents) = self.settings, self.prepared(job)

        def collate(batch: Sequence[Example]) -> dict[str, Any]:
            read = candidates(batch, found, s.negatives, s.count)
            pairs = [(queries[e.query], documents[n]) for e, row in zip(batch, read, strict=True) for n in row]
            return pair_rows(tokens, pairs) | entries(batch, read)

        return collate

    def loss(self, network: nn.Module, batch: Mapping[str, Any]) -> Tensor:
        """The loss of each query's candidates in nats, weighted mean."""
        hidden = batch["hidden"]
        scores = pair_scores(network, batch)
        if self.settings.score == "cosine":
            scores = scores / self.settings.temperature
        scores = scores.new_zeros(hidden.shape).masked_scatter(~hidden, scores)  # (R,) -> (B, C)
        answer = torch.zeros(len(hidden), dtype=torch.long, device=hidden.device)
        if self.settings.loss == "softmax":
            losses = ranking_cross_entropy(scores, answer, hidden)
        else:
            losses = relevance_cross_entropy(scores, nn.functional.one_hot(answer, hidden.shape[1]), hidden)
        return weighted_mean(losses, batch["weights"])

    def save(self, network: Any, job: "Job", folder: Path) -> dict[str, Any]:
        """What the manifest is to say of it; with a head the folder also opens as a `CrossEncoder`."""
        tokens, found, *_ = self.prepared(job)
        tokenizer = job.tokenizer
        tokenizer.model_max_length = job.recipe.lengths.max_length
        tokenizer.model_input_names = ["input_ids", "attention_mask"]  # the kinds of texts are not told apart
        with quiet():
            network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        library = ""
        if isinstance(network, EncoderForSequenceClassification):
            library = "sentence-transformers"
            inner, last = (layer for layer in network.output if isinstance(layer, nn.Linear))
            head = [dense(inner, nn.ReLU, "sentence_embedding"), dense(last, nn.Identity, "scores")]
            parts = [pooling("first", network.config.hidden_size), *head]
            write_layout(folder, parts, "CrossEncoder", activation_fn="torch.nn.modules.linear.Identity")
        use = USE if library else OWN_USE.format(score=self.settings.score)
        card = ranker_card(network, job, TITLE, use, pipeline="text-ranking", library=library)
        write_atomic(folder / "README.md", card)
        alone = PairScorer(job.recipe.method, network, tokens, lambda work, read: [read(each) for each in work])
        return {"sanity": sanity_sample(found.sample(), alone.scores)}

    def scorer(self, folder: Path) -> PairScorer:
        """The scorer of a finished run.

        Raises:
            UserError: its files are not its own.
        """
        lengths = build(Lengths, read_manifest(folder)["lengths"], "lengths")
        if self.settings.score == "linear":
            network: nn.Module = EncoderForSequenceClassification.from_pretrained(folder)
        else:
            network = prepare(load_encoder(folder))
        nn.Module.to(network, this_process().device)
        made = PairScorer(str(folder), network, PairTokens(load_tokenizer(folder), lengths, self.settings.cut))
        check_sanity(folder, made.scores)
        return made


def pair_rows(tokens: PairTokens, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Tensor]:
    """input_ids, attention_mask and the parts of the rows of pairs, each (R, L)."""
    parts = padded([tokens.parts(*pair) for pair in pairs], 0)["input_ids"]
    return padded([tokens.row(*pair) for pair in pairs], tokens.pad_token_id) | {"parts": parts}


def pair_scores(network: Any, rows: Mapping[str, Tensor]) -> Tensor:
    """The score of each row, (R,): the head's, or without one the inner product or cosine of the texts' mean states."""
    if isinstance(network, EncoderForSequenceClassification):
        return network(rows["input_ids"], rows["attention_mask"]).logits[:, 0].float()
    (states,) = encode(network, [(rows["input_ids"], rows["attention_mask"])])
    query, document = (mean_of_tokens(states, rows["parts"] == part) for part in (QUERY, DOCUMENT))
    return similarity(query, document, getattr(network.config, "pair_score", "inner_product"))


def blocks(pairs: Sequence[Sequence[Pair]]) -> Iterator[Sequence[Sequence[Pair]]]:
    """The pairs of queries that are scored together, so many that their tokens take little memory."""
    begin = count = 0
    for end, row in enumerate(pairs):
        if count and count + len(row) > PAIRS_AT_ONCE:
            yield pairs[begin:end]
            begin, count = end, 0
        count += len(row)
    if begin < len(pairs):
        yield pairs[begin:]
