"""ANNCUR: what a cross-encoder would rank first, found with a few hundred of its calls by CUR decomposition.

Yadav, Monath, Angell, Zaheer and McCallum 2022, "Efficient Nearest Neighbor Search for Cross-Encoder Models using
Matrix Factorization", arXiv 2210.12579. The matrix of all scores is nearly of low rank, so two strips of it stand for
the whole: some anchor queries scored with all items, once, and some anchor items scored with each new query. The
query's scores with the anchor items say how much of each anchor query is in it, and the same mixture of the anchor
queries' rows approximates its scores with all other items; what looks best among them is scored exactly.

Letters: A anchor queries, I anchor items, D items, Q queries, k results. R (A, D) holds the anchor queries' scores with
all items, c (Q, I) those of queries with the anchor items, and U (I, A) is the pseudo-inverse of R's columns at these;
the approximation is (c U) R. R is what is kept, so that anchors can be chosen and items added at any time.

The budget counts pairs that the scorer reads for a query: `share` of it are anchor items, the rest the best of what was
approximated. Every score that is returned is the scorer's own.

Where we differ, and why:
- The paper's code inverts without care; here small singular values are left out or, with a ridge, damped. Ridge and
  share are chosen on a fifth of the anchor queries, whose scores are known, so that it takes no calls.
- Anchor items may also be medoids of an encoder's vectors, or each query's own candidates of a first stage (`anchors`).
- Random anchors are drawn by their texts, so that the order of the items does not matter and later ones change little.
- Items of equal text are one item: they would be one column of the matrix twice.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt

from isogloss.encoders.sentence_vectors import Encode, encode_with
from isogloss.errors import UserError
from isogloss.ranking_run import load_ranking
from isogloss.recipe import assigned, build
from isogloss.records import Document, RankedQuery
from isogloss.retrieval import rankers
from isogloss.retrieval._anchor_items import AnchorItems, by_text
from isogloss.retrieval._anchor_scores import AnchorScores, Counted, new_scores, open_scores, tell_duplicates
from isogloss.retrieval._by_index import Approximate
from isogloss.retrieval.nearest import top
from isogloss.retrieval.ranker import Ranker, Scorer

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the budget for anchor items, to choose from
RIDGES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)  # in squares of the largest singular value, to choose from
HELD_OUT = 5  # one of so many anchor queries is held out to choose with
MOST_HELD_OUT = 50
ILL_CONDITIONED = 1e6
AT_ONCE = 16_000_000  # approximate scores held in memory: 64 MB
Part = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a query's calls are spent."""

    budget: Annotated[int, Field(ge=2)] = 200  # calls of the scorer for a query: pairs that it reads
    share: Part | None = None  # of the budget for anchor items; None = the best of SHARES on held-out anchor queries
    anchors: Literal["random", "medoids", "first_stage"] = "random"  # items; of clusters; or each query's candidates
    anchor_queries: PositiveInt = 500  # A, each is scored with every item
    cutoff: Annotated[float, Field(ge=0, lt=1)] = 1e-5  # singular values below this share of the largest are left out
    ridge: NonNegativeFloat | None = None  # in squares of the largest; 0 = none; None = the best of RIDGES
    seed: int = 1  # of the draws of anchors
    texts: str = ""  # file of anchor queries, a line each or JSON lines with a text; "" = the task's training queries
    folder: str = ""  # where the anchor queries' scores are kept; "" = nowhere
    first_stage: str = "bm25"  # the ranker of anchors=first_stage
    encoder: str = "tiny"  # the encoder of anchors=medoids


class Method:
    """Find what a scorer puts first without showing it everything."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def approximate(
        self, scorer: Scorer, *, first_stage: Ranker | None = None, encode: Encode | None = None
    ) -> Approximate:
        """The ranker of a scorer of pairs; with the first stage or the encoder that its anchors need.

        Raises:
            UserError: the scorer reads several documents at once, or the file of anchor queries cannot be read.
        """
        build = partial(build_index, settings=self.settings, first_stage=first_stage, encode=encode)
        return Approximate(scorer, self.settings, build)


def load_ranker(rest: str, settings: Sequence[str] = ()) -> Ranker:
    """The ranker of a run that scores pairs of a query and a document, by its folder.

    Raises:
        UserError: it is no such run, or a setting is unknown.
    """
    if not rest:
        raise UserError("anncur: name the folder of a run that scores documents behind the colon, anncur:RUN")
    chosen = assigned(Settings, settings)
    scorer = load_ranking(rest).judge
    if not hasattr(scorer, "scores"):
        raise UserError(f"{rest} has vectors, so that its best documents are found directly; evaluate {rest} itself")
    first_stage = rankers.load_ranker(chosen.first_stage) if chosen.anchors == "first_stage" else None
    encode = encode_with(chosen.encoder) if chosen.anchors == "medoids" else None
    return Method(chosen).approximate(scorer, first_stage=first_stage, encode=encode)  # pyright: ignore[reportArgumentType]


class Decomposition(NamedTuple):
    """The singular values of the anchor queries' scores with the anchor items, and their vectors; R at I = P s V."""

    p: np.ndarray  # (..., A, r)
    s: np.ndarray  # (..., r)
    v: np.ndarray  # (..., r, I)


def decomposition(strip: np.ndarray) -> Decomposition:
    """The singular value decomposition of scores (..., A, I), in double precision."""
    return Decomposition(*np.linalg.svd(np.asarray(strip, np.float64), full_matrices=False))


def mixture(c: np.ndarray, strip: Decomposition, *, cutoff: float = 1e-5, ridge: float = 0.0) -> np.ndarray:
    """How much of each anchor query is in queries with scores `c` (Q, I): c U, (Q, A).

    A singular value s is inverted as s / (s^2 + ridge s_1^2), and not at all below `cutoff` s_1. Without a ridge U is
    the pseudo-inverse; with one it is (R'R + ridge s_1^2)^-1 R'.
    """
    largest = strip.s[..., :1]
    inverse = np.where(strip.s > cutoff * largest, strip.s / np.maximum(strip.s**2 + ridge * largest**2, 1e-300), 0)
    turned = np.einsum("...i,...ri->...r", c, strip.v) * inverse
    return np.einsum("...r,...ar->...a", turned, strip.p).astype(np.float32)


class Found(NamedTuple):
    """The best items of each query, best first, of equal scores the earlier; and what it took."""

    places: np.ndarray  # (Q, k), numbers of items
    scores: np.ndarray  # (Q, k), the scorer's own


class Choice(NamedTuple):
    """How a budget is spent, and what that gave on held-out anchor queries."""

    share: float
    ridge: float
    recall: float = float("nan")  # of the k best by the scorer itself
    error: float = float("nan")  # squared, as a share of the variance of a query's scores


class Index:
    """Finds among fixed items those that a scorer puts first."""

    def __init__(
        self,
        scores: AnchorScores,
        settings: Settings,
        *,
        first_stage: Ranker | None = None,
        encode: Encode | None = None,
    ):
        self.known, self.settings, self.first_stage, self.encode = scores, settings, first_stage, encode
        self._forget()

    def _forget(self) -> None:
        """Drop what was found out about the items."""
        self._anchors = AnchorItems(self.items, self.settings.seed, first_stage=self.first_stage, encode=self.encode)
        self._fixed: dict[int, tuple[np.ndarray, Decomposition]] = {}  # anchor items by their number
        self._told: set[int] = set()  # numbers of anchor items
        self._choices: dict[tuple[int, int], Choice] = {}

    @property
    def items(self) -> list[Document]:
        """The items, each text once."""
        return self.known.items

    @property
    def calls(self) -> int:
        """How often the scorer was called in all, for the anchor queries and for searching."""
        return self.known.score.calls

    def add(self, documents: Sequence[Document]) -> None:
        """Nothing; the documents are items too, at a call for each anchor query. The same as building with them."""
        tell_duplicates(self.known.add(documents))
        self._forget()

    def search(self, queries: Sequence[str | RankedQuery], k: int, budget: int | None = None) -> Found:
        """The k best items of each query with `budget` calls, or the settings'; no more of them than calls.

        Raises:
            UserError: the budget is less than 2, or a score is not a finite number.
        """
        budget = self.settings.budget if budget is None else budget
        if budget < 2:
            raise UserError(f"budget = {budget}: a query takes 2 calls at least, an anchor item and a result")
        asked = [each if isinstance(each, RankedQuery) else _query(each) for each in queries]
        if budget >= len(self.items):
            everything = np.tile(np.arange(len(self.items)), (len(asked), 1))
            return best(everything, self._exact(asked, everything), k)
        choice = self.choice(k, budget)
        size = max(1, AT_ONCE // len(self.items))
        parts = [self._search(asked[start : start + size], k, budget, choice) for start in range(0, len(asked), size)]
        return Found(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def _search(self, queries: Sequence[RankedQuery], k: int, budget: int, choice: Choice) -> Found:
        count = anchors_of(choice.share, budget)
        anchors, strip = self.anchors(queries, count)
        c = self._exact(queries, anchors)
        approximate = self.known.product(mixture(c, strip, cutoff=self.settings.cutoff, ridge=choice.ridge))
        np.put_along_axis(approximate, anchors, -np.inf, 1)  # these are known
        more = top(approximate, budget - count).places
        return best(np.concatenate([anchors, more], 1), np.concatenate([c, self._exact(queries, more)], 1), k)

    def _exact(self, queries: Sequence[RankedQuery], places: np.ndarray) -> np.ndarray:
        """The scorer's own scores of each query with some items, (Q, k) -> (Q, k)."""
        texts = [[self.items[place].text for place in row] for row in places]
        return np.stack(self.known.score([query.text for query in queries], texts))

    def anchors(self, queries: Sequence[RankedQuery], count: int) -> tuple[np.ndarray, Decomposition]:
        """The anchor items of each query, (Q, I), and the decomposition of the anchor queries' scores with them."""
        if self.settings.anchors == "first_stage":
            places = self._anchors.candidates(queries, count)
            return places, self._strip(places)
        places, strip = self._shared(count)
        if count not in self._told:
            self._told.add(count)
            tell_conditions(strip, len(self.known.queries), count)
        return np.tile(places, (len(queries), 1)), strip

    def _shared(self, count: int) -> tuple[np.ndarray, Decomposition]:
        """The anchor items that all queries share, (I,), and their decomposition."""
        if count not in self._fixed:
            medoids = self.settings.anchors == "medoids"
            places = self._anchors.medoids(count) if medoids else self._anchors.drawn(count)
            self._fixed[count] = places, self._strip(places)
        return self._fixed[count]

    def _strip(self, places: np.ndarray, queries: np.ndarray | slice = slice(None)) -> Decomposition:
        """The decomposition of the scores of some anchor queries with items, (I,) or for each query others (Q, I)."""
        return decomposition(np.swapaxes(self.known.rows(places)[..., queries], -1, -2))

    def choice(self, k: int, budget: int) -> Choice:
        """How the budget is spent: as the settings say, and where they leave it open as is best on held-out queries.

        Raises:
            UserError: there are too few anchor queries to hold some out.
        """
        if (k, budget) not in self._choices:
            s, held = self.settings, np.arange(len(self.known.queries)) % HELD_OUT == HELD_OUT - 1
            shares, ridges = SHARES if s.share is None else (s.share,), RIDGES if s.ridge is None else (s.ridge,)
            tell_budget(k, budget)
            if len(shares) == len(ridges) == 1:
                self._choices[k, budget] = Choice(shares[0], ridges[0])
            elif held.any():
                self._choices[k, budget] = self._tried(k, budget, held, [*product(shares, ridges)])
            else:
                raise UserError(
                    f"{len(held)} anchor queries are too few to choose with; give {HELD_OUT} or more, or "
                    "--set share=0.5 --set ridge=0.01, say"
                )
        return self._choices[k, budget]

    def _tried(self, k: int, budget: int, held: np.ndarray, grid: Sequence[tuple[float, float]]) -> Choice:
        """The share and ridge of the highest recall on held-out anchor queries, then of the smallest error.

        Their scores with all items are known, so nothing is called.
        """
        fitted, out = np.flatnonzero(~held), np.flatnonzero(held)[:MOST_HELD_OUT]
        wanted = self.known.of(out)  # (Q, D)
        right, weights = top(wanted, k).places, np.zeros((len(out), len(held)), np.float32)
        queries = [_query(self.known.queries[number]) for number in out]
        found, seen = [], {}
        for share, ridge in grid:
            count = anchors_of(share, budget)
            if count not in seen:
                own = self.settings.anchors == "first_stage"
                places = self._anchors.candidates(queries, count) if own else self._shared(count)[0]
                seen = {count: (np.broadcast_to(places, (len(out), count)), self._strip(places, fitted))}
            places, strip = seen[count]
            c = np.take_along_axis(wanted, places, 1)
            weights[:, fitted] = mixture(c, strip, cutoff=self.settings.cutoff, ridge=ridge)
            guessed = self.known.product(weights)
            error = float(((guessed - wanted) ** 2).mean() / max(float(wanted.var(1).mean()), 1e-12))
            np.put_along_axis(guessed, places, np.inf, 1)  # what is known is looked at anyway
            found.append(Choice(share, ridge, recall(right, top(guessed, budget).places), error))
        return max(found, key=lambda each: (each.recall, -each.error))


def build_index(
    scorer: Scorer,
    items: Sequence[Document],
    queries: Sequence[str],
    settings: Settings,
    *,
    folder: Path | None = None,
    first_stage: Ranker | None = None,
    encode: Encode | None = None,
) -> Index:
    """An index of the items: at most `anchor_queries` of the queries are scored with each of them.

    folder: where the scores are kept; what is there already is not computed again, so a build that was stopped goes on.

    Raises:
        UserError: there are no items or no queries; the scorer reads several documents at once or gives a score that is
            none; the folder holds other scores.
    """
    if not items or not queries:
        raise UserError(f"{len(items)} items and {len(queries)} anchor queries: an index needs both")
    texts = list(dict.fromkeys(queries))
    chosen = [texts[place] for place in by_text(texts, settings.seed)[: settings.anchor_queries]]
    scores = new_scores(Counted(scorer), chosen, folder, asdict(settings))
    index = Index(scores, settings, first_stage=first_stage, encode=encode)
    index.add(items)
    return index


def open_index(
    scorer: Scorer, folder: Path, *, first_stage: Ranker | None = None, encode: Encode | None = None
) -> Index:
    """The index in a folder, as it was built.

    Raises:
        UserError: there is none, it is damaged, or it was built with another scorer.
    """
    scores, settings = open_scores(Counted(scorer), folder)
    return Index(scores, build(Settings, settings, "config"), first_stage=first_stage, encode=encode)


def best(places: np.ndarray, scores: np.ndarray, k: int) -> Found:
    """The k best of scored items, each row best first, of equal scores the earlier item; (Q, n) -> (Q, k)."""
    order = np.lexsort((places, -scores))[:, :k]
    return Found(np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1))


def recall(right: np.ndarray, found: np.ndarray) -> float:
    """How many of the right items were found, as a share; (Q, k) and (Q, n) numbers of items."""
    return float(np.mean([np.isin(row, there).mean() for row, there in zip(right, found, strict=True)]))


def anchors_of(share: float, budget: int) -> int:
    """How many anchor items a budget has: one at least, and one call is left."""
    return min(max(1, round(share * budget)), budget - 1)


def tell_conditions(strip: Decomposition, queries: int, count: int) -> None:
    """Nothing; what makes the approximation shaky is said on standard error."""
    if count > queries:
        print(
            f"{count} anchor items, but only {queries} anchor queries: they cannot tell all of them apart",
            file=sys.stderr,
        )
    condition = strip.s[0] / max(strip.s[-1], 1e-300)
    if condition > ILL_CONDITIONED:
        told = "the scores of the anchors have a condition number of"
        print(f"{told} {condition:.1e}; a ridge, or fewer anchor items, is safer than a small cutoff", file=sys.stderr)


def tell_budget(k: int, budget: int) -> None:
    """Nothing; a budget that is too small for so many results is said on standard error."""
    if budget < 2 * k:
        print(f"a budget of {budget} calls is small for {k} results; {2 * k} or more would be better", file=sys.stderr)


def _query(text: str) -> RankedQuery:
    return RankedQuery(id=text, language="und", text=text, documents=())
