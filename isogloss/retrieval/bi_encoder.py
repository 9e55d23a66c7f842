"""Dense Passage Retrieval for Open-Domain Question Answering, in many languages.

Karpukhin et al., 2020, arXiv 2004.04906; across languages as in LAReQA, Roy et al., 2020, arXiv 2004.05484. One encoder
turns queries and documents into unit vectors, and their cosine ranks. It is trained so that a query's vector is closer
to that of a document which answers it than to those of all other documents of the batch. Documents are encoded before
any query is known, so a million of them can be searched.

Letters: B queries of a batch, D different documents of a batch, L tokens, H hidden size.

Where we differ, and why:
- One encoder for both sides, and the mean of a text's states: pretrained encoders of sentences are so, and a query in
  one language and a document in another share what was learned of either.
- A batch mixes pairs of languages. Whatever is known to answer a query, in any language, is hidden from its row of the
  batch; as negatives, translations of the answer would teach the encoder to tell languages apart.
- Large batches in little memory: `texts_at_once` encodes a part of the batch at a time and computes it again in the
  backward pass, which is gradient caching (Gao et al. 2021, arXiv 2101.06983) in PyTorch's own words.
- A negative in the batch is one of this process: several processes do not exchange their vectors.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from isogloss.encoders import load_encoder, load_tokenizer, quiet
from isogloss.encoders.sentence_vectors import POOLINGS, Encode, sentence_vectors, unit
from isogloss.encoders.visibility import encode, prepare
from isogloss.files import write_atomic
from isogloss.kinds import padding_id
from isogloss.losses import ranking_cross_entropy, weighted_mean
from isogloss.processes import divided, this_process
from isogloss.ranking_run import check_sanity, sanity_sample
from isogloss.recipe import build
from isogloss.retrieval._negatives import RANDOM, sampler
from isogloss.retrieval._ranker_card import ranker_card
from isogloss.retrieval._rows import padded, without_pooler
from isogloss.retrieval._sentence_transformers import NORMALIZE, pooling, tell_other_layout, write_layout
from isogloss.retrieval._training_queries import Example, Material, examples, gather
from isogloss.retrieval.dense import Dense
from isogloss.retrieval.ranker import Ranker
from isogloss.run_folder import read_manifest

if TYPE_CHECKING:
    from isogloss.runs import Job


SIDES = {"end": "right", "start": "left"}  # of a text that is cut, as tokenizers call them
TITLE = "An encoder whose vectors of queries and documents, in many languages, are compared by their cosine."
USE = """from sentence_transformers import SentenceTransformer

vectors = SentenceTransformer("THIS_FOLDER").encode(["a question", "a document"])"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of an encoder for queries and documents."""

    pooling: Literal["mean", "first"] = "mean"  # a text's vector is the mean of its states, or the first one
    temperature: PositiveFloat = 0.05  # divides the cosines
    symmetric: bool = False  # documents look for their query too, and count as much
    pairs: tuple[str, ...] = ()  # de-en ...: a query in German, a document in English; () = all pairs of languages
    negatives: str = RANDOM  # where further ones come from: random, given, or a ranker (bm25, a run, dense:tiny)
    hard_negatives: NonNegativeInt = 0  # for each query, beside the other documents of its batch
    band: tuple[int, int] = (10, 100)  # ranks in each language among which a ranker's negatives are drawn
    rounds: PositiveInt = 1  # times that each query is read with other negatives before they repeat
    cut: Literal["end", "start"] = "end"  # which end a text loses that is longer than max_length
    texts_at_once: NonNegativeInt = 0  # texts encoded at a time and computed again in the backward pass; 0 = all


class Prepared(NamedTuple):
    """What a job trains on, and the tokens of its texts by number."""

    material: Material
    queries: list[np.ndarray]
    documents: list[np.ndarray]


@dataclass
class Method:
    """An encoder whose vectors of queries and documents are compared by their cosine."""

    settings: Settings
    _prepared: Prepared | None = field(default=None, init=False, repr=False)

    def prepared(self, job: "Job") -> Prepared:
        """Texts and tokens of the job, made once.

        Raises:
            UserError: a setting does not fit the task or the encoder.
        """
        if self._prepared is None:
            job.check_lengths()
            found = gather(job, self.settings.pairs)
            read = partial(tokens_of, job.tokenizer, max_length=job.recipe.lengths.max_length, cut=self.settings.cut)
            queries = read([asked.text for asked in found.queries])
            self._prepared = Prepared(found, queries, read([document.text for document in found.documents]))
        return self._prepared

    def examples(self, job: "Job") -> list[Example]:
        """Every query with each of its answers and its further negatives."""
        s, (found, queries, documents) = self.settings, self.prepared(job)

        def tokens(example: Example) -> int:
            read = (example.answer, *example.negatives)
            return len(queries[example.query]) + sum(len(documents[number]) for number in read)

        draw = sampler(s.negatives, s.hard_negatives, s.band, found, job.recipe.seed)
        return examples(found, draw, tokens, s.rounds)

    def build(self, job: "Job") -> PreTrainedModel:
        """The encoder."""
        tell_other_layout(job.recipe.encoder, self.settings.pooling)
        return prepare(without_pooler(job.load_encoder()))

    def collate(self, job: "Job") -> Callable[[Sequence[Example]], dict[str, Any]]:
        """The function that lays out queries, then the batch's different documents, (B + D, L)."""
        found, queries, documents = self.prepared(job)
        pad = padding_id(job.tokenizer)

        def collate(batch: Sequence[Example]) -> dict[str, Any]:
            numbers = list(dict.fromkeys(n for example in batch for n in (example.answer, *example.negatives)))
            columns = {number: column for column, number in enumerate(numbers)}
            rows = [queries[example.query] for example in batch] + [documents[number] for number in numbers]
            known = [[n in found.queries[example.query].known for n in numbers] for example in batch]
            return padded(rows, pad) | {
                "ids": [example.key for example in batch],
                "answers": torch.tensor([columns[example.answer] for example in batch]),
                "known": torch.tensor(known),
                "weights": torch.tensor([example.weight for example in batch]),
            }

        return collate

    def loss(self, network: PreTrainedModel, batch: Mapping[str, Any]) -> Tensor:
        """Cross-entropy of each query's answer among the documents of the batch, in nats, weighted mean."""
        answers, known = batch["answers"], batch["known"]
        vectors = self._vectors(network, batch["input_ids"], batch["attention_mask"])
        queries, documents = vectors[: len(answers)], vectors[len(answers) :]
        with torch.autocast(vectors.device.type, enabled=False):  # half precision would blur what the temperature shows
            scores = queries.float() @ documents.float().T / self.settings.temperature  # (B, H) @ (H, D) -> (B, D)
        losses = ranking_cross_entropy(scores, answers, known)
        if self.settings.symmetric:
            own = torch.arange(len(answers), device=answers.device)
            back = ranking_cross_entropy(scores[:, answers].T, own, known[:, answers].T)  # (B answers, B queries)
            losses = (losses + back) / 2
        return weighted_mean(losses, batch["weights"])

    def _vectors(self, network: PreTrainedModel, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unit vectors (B + D, H)."""
        size = self.settings.texts_at_once
        if not size or size >= len(input_ids):
            return vectors_of(network, input_ids, attention_mask, self.settings.pooling)
        parts = zip(input_ids.split(size), attention_mask.split(size), strict=True)
        return torch.cat(
            [checkpoint(vectors_of, network, *part, self.settings.pooling, use_reentrant=False) for part in parts]
        )

    def save(self, network: PreTrainedModel, job: "Job", folder: Path) -> dict[str, Any]:
        """What the manifest is to say of it; the encoder's folder also opens as a `SentenceTransformer`."""
        s, tokenizer, found = self.settings, job.tokenizer, self.prepared(job).material
        tokenizer.model_max_length = job.recipe.lengths.max_length
        tokenizer.truncation_side = SIDES[s.cut]
        with quiet():
            network.eval().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        parts = [pooling(s.pooling, network.config.hidden_size), NORMALIZE]
        write_layout(folder, parts, "SentenceTransformer", similarity_fn_name="cosine")
        card = ranker_card(network, job, TITLE, USE, pipeline="sentence-similarity", library="sentence-transformers")
        write_atomic(folder / "README.md", card)
        encode = partial(sentence_vectors, network, tokenizer, pooling=s.pooling, max_length=tokenizer.model_max_length)
        return {"sanity": sanity_sample(found.sample(), partial(cosines, encode))}

    def ranker(self, folder: Path) -> Ranker:
        """The ranker of a finished run: documents by the cosine of their vectors with the query's."""
        return Dense("bi_encoder", text_encoder(folder))


def text_encoder(folder: str | Path) -> Encode:
    """The function from texts, queries or documents, to their unit vectors (texts, H) by a finished run.

    Raises:
        UserError: it is no finished run of this method, or its files are not its own.
    """
    manifest = read_manifest(Path(folder))
    settings = build(Settings, manifest["config"], "config")
    encoder, tokenizer = load_encoder(folder), load_tokenizer(folder)
    encoder.eval().to(this_process().device)  # pyright: ignore[reportCallIssue,reportArgumentType]
    tokenizer.truncation_side = SIDES[settings.cut]
    length = manifest["lengths"]["max_length"]
    read = partial(sentence_vectors, encoder, tokenizer, pooling=settings.pooling, max_length=length)
    check_sanity(Path(folder), partial(cosines, read))
    return partial(read, spread=divided)


def cosines(encode: Encode, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """The cosines (D,) of each query with its own documents."""
    vectors = encode([*queries, *chain.from_iterable(documents)])
    _, *parts = np.split(vectors, np.cumsum([len(queries), *map(len, documents[:-1])]))
    return [part @ query for query, part in zip(vectors[: len(queries)], parts, strict=True)]


def tokens_of(tokenizer: Any, texts: Sequence[str], *, max_length: int, cut: str) -> list[np.ndarray]:
    """The token ids of each text with special ones, at most `max_length`; how many texts are cut is told."""
    tokenizer.truncation_side = SIDES[cut]
    ids = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
    full = [text for text, row in zip(texts, ids, strict=True) if len(row) == max_length]
    if longer := sum(len(tokenizer(text, verbose=False)["input_ids"]) > max_length for text in full):
        print(f"{longer} texts are longer than max_length ({max_length} tokens) and lose their {cut}", file=sys.stderr)
    return [np.array(row, dtype=np.int64) for row in ids]


def vectors_of(encoder: PreTrainedModel, input_ids: Tensor, attention_mask: Tensor, how: str) -> Tensor:
    """Unit vectors (rows, H) of rows of tokens (rows, L)."""
    wanted = [attention_mask.bool() & (attention_mask.cumsum(1) == 1)] if how == "first" else None
    (states,) = encode(encoder, [(input_ids, attention_mask)], wanted=wanted)
    return unit(POOLINGS[how](states, attention_mask))
