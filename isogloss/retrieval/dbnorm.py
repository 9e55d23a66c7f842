"""Bank normalisation: a document that is close to everything has to come closer than that to be an answer.

Wang, Jian and Xue 2023, "Balance Act: Mitigating Hubness in Cross-Modal Retrieval with Query and Gallery Banks", arXiv
2310.11612. Nearest neighbours among learned vectors suffer from hubs, documents that are found for nearly every query.
A *bank* of training texts tells them: how similar they are to a document, exponentiated and added up, is what its
similarity with a query is divided by. One bank is of queries (inverted softmax, Smith et al. 2017, arXiv 1702.03859;
the dynamic form is QB-Norm's, Bogolin et al. 2022, arXiv 2112.12777), the other of documents (the gallery).

All of them are one thing in logs: a slope times the similarity, minus one number per document. So a correction is also
one more dimension of an inner-product index. What `corrected` and `folded` give differs by rounding.

csls is the control, Conneau et al. 2018, arXiv 1710.04087: twice the cosine minus the document's mean cosine with its
neighbours in the bank. The margin of `retrieval/bitext_retrieval.py` is the ratio in the place of that difference.

Letters: Q queries, D documents, M texts of a bank, H hidden size.

Where we differ, and why:
- The released code exponentiates, which overflows beyond 88, and its function never reads the test queries'
  similarities; everything here is in logs.
- In the dynamic forms a query whose nearest document no bank has for its nearest keeps the raw similarities. They are
  multiplied by the slope, which changes no ranking, so that a query can choose in the folded index by its last number.
  Rows of both sorts cannot be compared with each other: `corrected` refuses them where rows are.
- csls leaves out the query's own mean, which is the same for all its documents.
- Texts of a bank that are queries or documents of the test themselves are taken out and told.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from isogloss.encoders.sentence_vectors import Encode
from isogloss.errors import UserError
from isogloss.metrics.hubness import FIRST, Hubness, hubness
from isogloss.recipe import assigned
from isogloss.records import Document, RankedQuery, RankingPrediction
from isogloss.retrieval import rankers
from isogloss.retrieval._banks import bank_of, documents_of, read_bank, texts_of_queries
from isogloss.retrieval.nearest import blocks, nearest_neighbours
from isogloss.retrieval.ranker import Ranker

GRID = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)  # betas that dev chooses from
BANKS = {  # the banks that a correction asks
    "raw": (),
    "is": ("query",),
    "dis": ("query",),
    "csls": ("query",),
    "gallery_is": ("gallery",),
    "dual_is": ("query", "gallery"),
    "dual_dis": ("query", "gallery"),
}
DYNAMIC = ("dis", "dual_dis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How similarities are corrected, and what the banks are."""

    correction: Literal["raw", "is", "dis", "csls", "gallery_is", "dual_is", "dual_dis"] = "is"
    beta: PositiveFloat | None = None  # what the query bank's similarities are multiplied by; None = the best on dev
    gallery_beta: PositiveFloat | None = None  # the same of the gallery bank
    neighbours: PositiveInt = 10  # texts of the bank nearest to a document, whose mean csls takes
    query_bank: str = ""  # file of texts, a line each, or JSON lines with a text; "" = the task's training queries
    gallery_bank: str = ""  # the same of documents
    bank_size: PositiveInt = 5000  # texts of a bank at most, of each language
    transductive: bool = False  # the test queries are their own bank

    @property
    def betas(self) -> dict[str, float | None]:
        """The beta of each bank that the correction asks."""
        given = {"query": self.beta, "gallery": self.gallery_beta}
        return {name: given[name] for name in BANKS[self.correction] if self.correction != "csls"}


class Method:
    """Rank documents by the vectors of another ranker, corrected."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def corrected(self, ranker: Ranker) -> "Corrected":
        """The ranker, corrected; it must have vectors, `encode`.

        Raises:
            UserError: it has none, or a file of a bank cannot be read.
        """
        if not hasattr(ranker, "encode"):
            raise UserError(f"{ranker.name} has no vectors to be corrected; name an encoder, for example dense:tiny")
        return Corrected(ranker.encode, ranker.name, self.settings)  # pyright: ignore[reportAttributeAccessIssue]


def load_ranker(rest: str, settings: Sequence[str] = ()) -> Ranker:
    """The ranker that `rest` names, corrected: `dense:ENCODER`, or the folder of a run with vectors.

    Raises:
        UserError: there is no such ranker, it has no vectors, or a setting is unknown.
    """
    if not rest:
        raise UserError("dbnorm: name the ranker to be corrected behind the colon, for example dbnorm:dense:tiny")
    return Method(assigned(Settings, settings)).corrected(rankers.load_ranker(rest))


class Correction(NamedTuple):
    """A slope times the similarity, minus a penalty; only for queries whose nearest document is `active`, if any is."""

    slope: float
    penalties: np.ndarray  # (D,)
    active: np.ndarray | None = None  # (D,), bool


class Dev(NamedTuple):
    """What betas are tuned on."""

    scores: np.ndarray  # (Q, D), similarities
    right: np.ndarray  # (Q, D), bool
    banks: Mapping[str, np.ndarray]  # (M, D) each


def log_sum(bank: np.ndarray, beta: float) -> np.ndarray:
    """log of the sum over the bank of exp(beta s), (M, D) -> (D,)."""
    scaled = beta * bank
    most = scaled.max(0)
    return most + np.log(np.exp(scaled - most).sum(0))


def neighbourhood(bank: np.ndarray, k: int) -> np.ndarray:
    """The mean similarity of each document with its k nearest of the bank, or all of a smaller one; (M, D) -> (D,)."""
    k = min(k, len(bank))
    return np.partition(bank, len(bank) - k, 0)[len(bank) - k :].mean(0)


def correction(settings: Settings, banks: Mapping[str, np.ndarray]) -> Correction:
    """The correction of documents by the similarities that the texts of the banks have with them, (M, D) each.

    Raises:
        UserError: a bank or its beta is lacking, or a similarity is no number.
    """
    asked = {name: checked(banks.get(name), name, settings.correction) for name in BANKS[settings.correction]}
    if settings.correction == "raw":
        return Correction(1.0, np.zeros(1, np.float32))
    if settings.correction == "csls":
        return Correction(2.0, neighbourhood(asked["query"], settings.neighbours))
    sums = {}
    for name, beta in settings.betas.items():
        if beta is None:
            key = "beta" if name == "query" else "gallery_beta"
            raise UserError(
                f"{settings.correction}: no {key}, and no dev split to tune it on; give --set {key}=20, say"
            )
        sums[name] = beta, log_sum(asked[name], beta)
    nearest = [bank.argmax(1) for bank in asked.values()] if settings.correction in DYNAMIC else None
    return combined(list(sums.values()), nearest)


def combined(sums: Sequence[tuple[float, np.ndarray]], nearest: Sequence[np.ndarray] | None = None) -> Correction:
    """The correction by several banks: each one's beta and `log_sum`; in the dynamic forms its texts' nearest too."""
    penalties = np.sum([log_sums for _, log_sums in sums], 0)
    active = None
    if nearest is not None:
        active = np.zeros(len(penalties), bool)
        active[np.concatenate(nearest)] = True
    return Correction(sum(beta for beta, _ in sums), penalties, active)


def correction_of(settings: Settings, documents: np.ndarray, banks: Mapping[str, np.ndarray]) -> Correction:
    """`correction` of documents by vectors, (D, H) and (M, H) each; similarities of a block of documents at a time."""
    if settings.correction == "raw":
        return Correction(1.0, np.zeros(len(documents), np.float32))
    found = [
        correction(settings, {name: bank @ documents[rows].T for name, bank in banks.items()})
        for rows in blocks(len(documents))
    ]
    whole = Correction(found[0].slope, np.concatenate([each.penalties for each in found]))
    if settings.correction not in DYNAMIC:
        return whole
    active = np.zeros(len(documents), bool)
    for name in BANKS[settings.correction]:
        active[nearest_neighbours(banks[name], documents, 1).places[:, 0]] = True
    return whole._replace(active=active)


def corrected(scores: np.ndarray, by: Correction, *, across_queries: bool = False) -> np.ndarray:
    """The corrected similarities in logs, (Q, D); `across_queries` where those of several rows are compared.

    Raises:
        UserError: rows are compared, and only some of them would be corrected.
    """
    if by.active is None:
        return by.slope * scores - by.penalties
    if across_queries:
        raise UserError(
            "dis and dual_dis correct some queries only, so scores of two queries cannot be compared; use is"
        )
    chosen = by.active[scores.argmax(1)]
    return by.slope * scores - chosen[:, None] * by.penalties


def folded(documents: np.ndarray, by: Correction) -> np.ndarray:
    """Vectors whose inner products with those of `asking` are the corrected similarities, (D, H) -> (D, H + 1)."""
    penalties = np.broadcast_to(by.penalties, len(documents))
    return np.concatenate([by.slope * documents, -penalties[:, None]], 1).astype(np.float32)


def asking(queries: np.ndarray, documents: np.ndarray, by: Correction) -> np.ndarray:
    """The queries with a 1, or in the dynamic forms a 0 where they keep the raw similarities, (Q, H) -> (Q, H + 1)."""
    last = np.ones(len(queries), np.float32)
    if by.active is not None:
        last[:] = by.active[nearest_neighbours(queries, documents, 1).places[:, 0]]
    return np.concatenate([queries, last[:, None]], 1).astype(np.float32)


def tuned(settings: Settings, dev: Sequence[Dev]) -> Settings:
    """The settings with the betas that they leave open, those under which most dev queries have a right document first.

    Of equal ones the smallest. Nothing changes where none is open, or there is no dev.
    """
    open_betas = [name for name, beta in settings.betas.items() if beta is None]
    if not open_betas or not dev:
        return settings
    grid = {name: GRID if beta is None else (beta,) for name, beta in settings.betas.items()}
    hits = dict.fromkeys(product(*grid.values()), 0)
    for each in dev:
        banks = {name: checked(each.banks.get(name), name, settings.correction) for name in grid}
        sums = {(name, beta): log_sum(banks[name], beta) for name, betas in grid.items() for beta in betas}
        nearest = [bank.argmax(1) for bank in banks.values()] if settings.correction in DYNAMIC else None
        for betas in hits:
            by = combined([(beta, sums[name, beta]) for name, beta in zip(grid, betas, strict=True)], nearest)
            first = corrected(each.scores, by).argmax(1)
            hits[betas] += int(each.right[np.arange(len(first)), first].sum())
    best = dict(zip(grid, max(hits, key=lambda betas: hits[betas]), strict=True))
    return replace(
        settings, beta=best.get("query", settings.beta), gallery_beta=best.get("gallery", settings.gallery_beta)
    )


def checked(bank: np.ndarray | None, name: str, kind: str) -> np.ndarray:
    """The bank.

    Raises:
        UserError: there is none, or a similarity is no number.
    """
    if bank is None or not len(bank):
        raise UserError(
            f"{kind} asks a {name} bank, and there is none; give a file of texts with --set {name}_bank=FILE"
        )
    if not np.isfinite(bank).all():
        text, document = np.argwhere(~np.isfinite(bank))[0]
        raise UserError(f"{name} bank: text {text} and document {document} have no finite similarity; look at both")
    return bank


class Corrected:
    """Ranks by the corrected inner products of unit vectors.

    name: of the encoder. Banks that no file is given for are a task's training queries and documents, see `learn`.

    Raises:
        UserError: a file of a bank cannot be read.
    """

    def __init__(self, encode: Encode, name: str, settings: Settings):
        self.name = f"{name} + {settings.correction}" + (", transductive" if settings.transductive else "")
        self.settings = settings
        self.raw_hubness: Hubness | None = None  # of the last queries, without the correction
        files = {"query": settings.query_bank, "gallery": settings.gallery_bank}
        self._texts: dict[str, Sequence[Document]] = {
            name: read_bank(Path(file)) for name, file in files.items() if file
        }
        self._vectors = Remembered(encode)
        self._told: set[str] = set()

    def learn(self, train: Sequence[RankedQuery], dev: Sequence[RankedQuery]) -> dict[str, Any]:
        """The betas that are best on dev; banks that no file is given for are taken from the training queries."""
        taken = {"query": texts_of_queries(train), "gallery": documents_of(train)}
        self._texts = {name: texts for name, texts in taken.items() if texts} | self._texts
        before = self.settings
        groups = together(dev) if None in before.betas.values() else []
        self.settings = tuned(before, [self._dev(group) for group in groups])
        return {
            f"{name}_bank_beta": beta
            for name, beta in self.settings.betas.items()
            if beta not in (None, before.betas[name])
        }

    def rank(self, queries: Sequence[RankedQuery], top_k: int) -> list[RankingPrediction]:
        """The `top_k` best documents of each query among its own, best first, of equal scores the earlier document.

        Raises:
            UserError: a bank is lacking or the test itself, or a beta is neither given nor tuned.
        """
        self.raw_hubness = None
        self._vectors([text for query in queries for text in (query.text, *(each.text for each in query.documents))])
        found: dict[tuple[str, str], RankingPrediction] = {}
        for group in together(queries):
            asked, documents, banks = self._read(group)
            by = correction_of(self.settings, documents, banks)
            best = nearest_neighbours(asking(asked, documents, by), folded(documents, by), top_k)
            if len(group) > 1:
                self._measure(group[0].language, asked, documents, best.places)
            for query, places, scores in zip(group, best.places, best.cosines, strict=True):
                ids = tuple(query.documents[place].id for place in places)
                found[query.language, query.id] = RankingPrediction(
                    query.id, query.language, ids, tuple(scores.tolist())
                )
        return [found[query.language, query.id] for query in queries]

    def _read(self, group: Sequence[RankedQuery]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """The vectors of queries of one language, of the documents that they share, and of their banks."""
        texts, documents = [query.text for query in group], group[0].documents
        tested = {
            "query": (group[0].language, [(query.id, query.text) for query in group]),
            "gallery": ("", [(document.id, document.text) for document in documents]),
        }
        banks = {}
        for name in BANKS[self.settings.correction]:
            if name == "query" and self.settings.transductive:
                bank = texts
            else:
                tag, pairs = tested[name]
                known = self._texts.get(name, ())
                bank = bank_of(known, tag, self.settings.bank_size, pairs, name, self._tell)
            if bank:
                banks[name] = self._vectors(bank)
        return self._vectors(texts), self._vectors([document.text for document in documents]), banks

    def _dev(self, group: Sequence[RankedQuery]) -> Dev:
        asked, documents, banks = self._read(group)
        right = [[query.gains.get(document.id, 0) > 0 for document in query.documents] for query in group]
        return Dev(asked @ documents.T, np.array(right), {name: bank @ documents.T for name, bank in banks.items()})

    def _measure(self, tag: str, asked: np.ndarray, documents: np.ndarray, places: np.ndarray) -> None:
        """Measure hubness before and after, and tell it."""
        k = min(FIRST, places.shape[1])
        raw = hubness(nearest_neighbours(asked, documents, k).places, len(documents))
        after = hubness(places[:, :k], len(documents))
        self.raw_hubness = raw
        self._tell(
            f"hubness in {tag}: skewness of N_{k} {raw.skewness:.2f} raw, {after.skewness:.2f} corrected; the "
            f"document found most often {raw.most} and {after.most} times"
        )

    def _tell(self, text: str) -> None:
        """Say a thing on standard error, once."""
        if text not in self._told:
            self._told.add(text)
            print(text, file=sys.stderr)


class Remembered:
    """An encoder that reads every text once."""

    def __init__(self, encode: Encode):
        self._encode = encode
        self._rows: dict[str, np.ndarray] = {}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors of the texts, (B, H); none for no texts."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._rows]:
            self._rows |= zip(new, self._encode(new), strict=True)
        return np.stack([self._rows[text] for text in texts]) if len(texts) else np.zeros((0, 0), np.float32)


def together(queries: Sequence[RankedQuery]) -> list[list[RankedQuery]]:
    """The queries in groups of one language and one collection, in order of first appearance."""
    groups: dict[tuple[str, int], list[RankedQuery]] = {}
    for query in queries:
        groups.setdefault((query.language, id(query.documents)), []).append(query)
    return list(groups.values())
