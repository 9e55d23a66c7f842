"""The best sentences by a scorer of pairs, found with few of its calls: ANNCUR beside a first stage and re-scoring.

Used by `benchmarks.score_matrices`. The scorer is MaxSim over the embedded encoder's token vectors weighted by idf: a
token of a question counts as its cosine with the nearest token of the sentence. A trained encoder of pairs is another.
All pairs are scored once, so that the scorer's own best are known; what calls it only looks scores up. Recall of the
scorer's own best says how well its ranking is found; what it is worth for the questions is another number, by the
sentences that answer them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from isogloss.data.rankings import among, read_queries
from isogloss.data.task_data import drawn, read_split
from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.encoders.sentence_vectors import encode_with
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import Counts, average_seeds
from isogloss.metrics.ratios import ratio_percent
from isogloss.records import Document, RankedQuery
from isogloss.retrieval._anchor_scores import Counted, new_scores
from isogloss.retrieval.anncur import Settings, build_index
from isogloss.retrieval.dbnorm import Remembered
from isogloss.retrieval.dense import Dense
from isogloss.retrieval.nearest import top
from isogloss.retrieval.ranker import Ranker, Scorer
from isogloss.retrieval.rankers import load_ranker
from isogloss.tasks import load_task

CUTS = (1, 10, 100)  # k
BUDGETS = (50, 100, 200, 300, 500)
OTHERS = ("de", "zh")  # languages of questions that are asked of the same English sentences
OTHER_BUDGET = 200
ANCHORS = 1000  # anchor questions where those of TyDi QA are added
BATCH = 32  # texts encoded at a time
Answers = Callable[[Sequence[RankedQuery], int], list[list[int]]]  # best items of each query, by the scorer


@dataclass
class Table:
    """A scorer of pairs whose scores are known, by text."""

    name: str
    rows: Mapping[str, np.ndarray]  # (D,) by query
    columns: Mapping[str, int]
    pairwise: bool = True

    def scores(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The scores of each query's own documents."""
        return [
            self.rows[query][[self.columns[text] for text in texts]]
            for query, texts in zip(queries, documents, strict=True)
        ]


class Tokens(NamedTuple):
    """A text's tokens, without special ones."""

    ids: np.ndarray  # (S,)
    vectors: np.ndarray  # (S, H), of length one


class Limits(NamedTuple):
    """How many questions there are at most; 0 = all."""

    test: int = 0
    anchors: int = 0


class Field(NamedTuple):
    """What is searched, with what, and by which scorer."""

    items: list[Document]
    anchors: list[str]  # anchor questions
    queries: list[RankedQuery]  # of the test
    scorer: Table


def read_field(
    data: Path, tag: str, limits: Limits, scorer: Scorer, *, more: bool = False, kept: Path | None = None
) -> Field:
    """English sentences of XQuAD-R, all splits together; test questions in a language, training questions as anchors.

    more: English questions of TyDi QA are anchors too. kept: a folder for the scores of a slow scorer, so that a second
    call goes on with them.
    """
    task = load_task("xquad_r", data)
    splits = {split: among(read_queries(task, data, split, [tag]), ["en"])[tag] for split in ("train", "dev", "test")}
    documents = {each.text: each for group in splits.values() for each in group[0].documents}
    collection = tuple(documents.values())
    test = [replace(query, documents=collection) for query in splits["test"]]
    test = drawn(test, limits.test) if limits.test else test
    train = drawn(splits["train"], limits.anchors) if limits.anchors else splits["train"]
    anchors = [query.text for query in train]
    if more:
        asked = read_split(load_task("mlqa_dev", data), data, "train", ["en"])["en"]
        anchors = list(dict.fromkeys([*anchors, *(record.question for record in asked)]))[:ANCHORS]
    texts = list(dict.fromkeys([*anchors, *(query.text for query in test)]))
    matrix, columns = all_scores(scorer, texts, collection, kept)
    return Field(list(collection), anchors, test, Table(scorer.name, dict(zip(texts, matrix, strict=True)), columns))


def all_scores(
    scorer: Scorer, queries: Sequence[str], items: Sequence[Document], kept: Path | None
) -> tuple[Sequence[np.ndarray], Mapping[str, int]]:
    """The scores of each query with all items, and the number of each item's text among them."""
    if kept is None:
        return scorer.scores(queries, [[item.text for item in items]] * len(queries)), places(items)
    kept.mkdir(parents=True, exist_ok=True)
    known = new_scores(Counted(scorer), queries, kept, {})
    known.add(items)
    return list(known.of(np.arange(len(queries)))), places(known.items)


def places(items: Sequence[Document]) -> dict[str, int]:
    """The number of each item, by its text."""
    return {item.text: number for number, item in enumerate(items)}


def numbers(items: Sequence[Document]) -> dict[str, int]:
    """The number of each item, by its id."""
    return {item.id: number for number, item in enumerate(items)}


def max_sim() -> "MaxSim":
    """That of the embedded encoder."""
    return MaxSim(load_encoder("tiny"), load_tokenizer("tiny"))


@dataclass
class MaxSim:
    """The mean over a query's tokens, by idf among the documents, of the cosine with the document's nearest token."""

    encoder: Any
    tokenizer: Any
    name: str = "MaxSim of tiny"
    pairwise: bool = True
    known: dict[str, Tokens] = field(default_factory=dict)  # by text

    def scores(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The scores of each query with the same documents."""
        asked, read = self.read(queries), self.read(documents[0])
        frequency = np.zeros(self.encoder.config.vocab_size)
        for each in read:
            frequency[np.unique(each.ids)] += 1
        idf = np.log((len(read) + 1) / (frequency + 0.5)).clip(0)
        tokens = np.concatenate([each.vectors for each in read])
        starts = np.cumsum([0, *(len(each.ids) for each in read[:-1])])
        found = []
        for ids, vectors in asked:
            nearest = np.maximum.reduceat(vectors @ tokens.T, starts, axis=1)  # (S, D)
            found.append((idf[ids] @ nearest / max(idf[ids].sum(), 1e-6)).astype(np.float32))
        return found

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known |= zip(new, token_vectors(self.encoder, self.tokenizer, new), strict=True)
        return [self.known[text] for text in texts]


def token_vectors(encoder: Any, tokenizer: Any, texts: Sequence[str]) -> list[Tokens]:
    """The tokens of each text, longest texts first read, and their states in the last layer at length one."""
    ids = tokenizer(list(texts), truncation=True, max_length=128)["input_ids"] if texts else []
    order = sorted(range(len(ids)), key=lambda number: -len(ids[number]))
    found: dict[int, Tokens] = {}
    for start in range(0, len(order), BATCH):
        numbers = order[start : start + BATCH]
        rows = [torch.tensor(ids[number]) for number in numbers]
        inputs = pad_sequence(rows, batch_first=True, padding_value=encoder.config.pad_token_id)
        mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        with torch.inference_mode():
            states = torch.nn.functional.normalize(encoder(inputs, attention_mask=mask).last_hidden_state, dim=-1)
        for number, row, state in zip(numbers, rows, states.numpy(), strict=True):
            found[number] = Tokens(row[1:-1].numpy(), state[1 : len(row) - 1])
    return [found[number] for number in range(len(ids))]


def measured(
    data: Path, seeds: Sequence[int], limits: Limits, budgets: Sequence[int], scorer: Scorer, kept: Path | None
) -> Iterator[dict[str, Any]]:
    """Rows by method and budget, questions in English, then of other anchors and languages; all so far, ever more.

    The other anchors and languages ask for several times as many scores; they are left out where these are kept.
    """
    found = read_field(data, "en", limits, scorer, kept=kept)
    stages = {"bm25": load_ranker("bm25"), "dense:tiny": Dense("dense:tiny", Remembered(encode_with("tiny")))}
    content: dict[str, Any] = {
        "scorer": found.scorer.name,
        "items": len(found.items),
        "questions": len(found.queries),
        "anchor_queries": len(found.anchors),
        "alone": alone(found, stages),
        "rows": [],
        "variants": [],
    }
    for budget in budgets:
        ways = {f"{name}, re-scored": [reranked(found, stage, budget)] for name, stage in stages.items()}
        for anchors in ("random", "medoids", "first_stage"):
            chosen = seeds if anchors == "random" else seeds[:1]
            ways[f"anncur, {anchors}"] = [
                searched(found, Settings(budget=budget, anchors=anchors, seed=seed), stages["dense:tiny"])
                for seed in chosen
            ]
        rows = compared(found, ways, budget)
        content["rows"] += rows
        tell(rows)
        yield content
    if kept is None:
        content["variants"] = variants(data, seeds, limits, scorer)
        tell(content["variants"])
        yield content


def tell(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the rows."""
    for row in rows:
        print(f"{row['budget']} calls, k {row['k']}, {row['method']}: {row['recall']['value']:.1f}", flush=True)


def variants(data: Path, seeds: Sequence[int], limits: Limits, scorer: Scorer) -> list[dict[str, Any]]:
    """Random anchors with more anchor questions, and with questions in other languages, at one budget."""
    rows = []
    english = read_field(data, "en", limits, scorer, more=True)
    fields = {"English, anchors of TyDi QA too": english}
    for tag in OTHERS:
        own = read_field(data, tag, limits, scorer)
        crossed = {**own.scorer.rows, **{text: english.scorer.rows[text] for text in english.anchors}}
        fields[f"{tag}, anchors in {tag}"] = own
        fields[f"{tag}, anchors in en"] = own._replace(
            anchors=english.anchors[: len(own.anchors)], scorer=replace(own.scorer, rows=crossed)
        )
    for name, each in fields.items():
        ways = {name: [searched(each, Settings(budget=OTHER_BUDGET, seed=seed), None) for seed in seeds]}
        rows += compared(each, ways, OTHER_BUDGET)
    return rows


def reranked(found: Field, stage: Ranker, budget: int) -> Answers:
    """The first stage's best, in the scorer's order."""
    number = numbers(found.items)
    ranked = stage.rank(found.queries, budget)

    def answers(queries: Sequence[RankedQuery], k: int) -> list[list[int]]:
        rows = [sorted(number[name] for name in each.documents) for each in ranked]
        return [
            sorted(row, key=lambda place: -found.scorer.rows[query.text][place])[:k]
            for query, row in zip(queries, rows, strict=True)
        ]

    return answers


def searched(found: Field, settings: Settings, stage: Ranker | None) -> Answers:
    """What an index finds."""
    encode = stage.encode if isinstance(stage, Dense) else None
    index = build_index(found.scorer, found.items, found.anchors, settings, first_stage=stage, encode=encode)
    kept: dict[int, list[list[int]]] = {}

    def answers(queries: Sequence[RankedQuery], k: int) -> list[list[int]]:
        if settings.anchors == "first_stage":  # its choice is slow: that of the most results serves all
            kept.setdefault(max(CUTS), index.search(queries, max(CUTS)).places.tolist())
            return [row[:k] for row in kept[max(CUTS)]]
        return index.search(queries, k).places.tolist()

    return answers


def compared(found: Field, ways: Mapping[str, Sequence[Answers]], budget: int) -> list[dict[str, Any]]:
    """A row for each way and k, seeds averaged; differences are from the best of the ways that re-score."""
    matrix = np.stack([found.scorer.rows[query.text] for query in found.queries])
    rows = []
    for k in CUTS:
        right = top(matrix, k).places
        lists = {name: [answers(found.queries, k) for answers in seeds] for name, seeds in ways.items()}
        recalls = {name: average_seeds([recall_counts(right, each) for each in seeds]) for name, seeds in lists.items()}
        gained = {name: average_seeds([gain_counts(found, each) for each in seeds]) for name, seeds in lists.items()}
        sampled, worth = resample(list(recalls.values()), ratio_percent), resample(list(gained.values()), ratio_percent)
        controls = [i for i, name in enumerate(recalls) if "re-scored" in name]
        best = max(controls, key=lambda i: float(sampled.values[i, 0])) if controls else None
        for i, name in enumerate(recalls):
            row = {"method": name, "budget": budget, "k": k, "seeds": len(ways[name])}
            row["recall"] = scores(sampled, i).languages["all"]._asdict()
            row["found" if k > 1 else "right"] = scores(worth, i).languages["all"]._asdict()
            if best is not None and i not in controls:
                row["minus"] = difference(sampled, i, best)._asdict() | {"of": list(recalls)[best]}
            rows.append(row)
    return rows


def alone(found: Field, stages: Mapping[str, Ranker]) -> dict[str, dict[str, float]]:
    """How many questions have their answer among the first k, by the scorer with all its calls and by each stage."""
    number = numbers(found.items)
    matrix = np.stack([found.scorer.rows[query.text] for query in found.queries])
    lists = {found.scorer.name: top(matrix, max(CUTS)).places.tolist()}
    for name, stage in stages.items():
        ranked = stage.rank(found.queries, max(CUTS))
        lists[name] = [[number[document] for document in each.documents] for each in ranked]
    return {
        name: {str(k): float(ratio_percent(total(gain_counts(found, [row[:k] for row in rows])))) for k in CUTS}
        for name, rows in lists.items()
    }


def recall_counts(right: np.ndarray, found: Sequence[Sequence[int]]) -> Counts:
    """How many of the scorer's own best were found, and how many there are, by query."""
    return {
        "all": {
            str(i): np.array([len(set(best) & set(row)), len(best)], float)
            for i, (best, row) in enumerate(zip(right.tolist(), found, strict=True))
        }
    }


def gain_counts(found: Field, lists: Sequence[Sequence[int]]) -> Counts:
    """Whether a sentence that answers the question is among those found, and 1, by query."""
    rows = zip(found.queries, lists, strict=True)
    return {
        "all": {
            str(i): np.array([any(query.gains.get(found.items[p].id, 0) > 0 for p in row), 1.0])
            for i, (query, row) in enumerate(rows)
        }
    }


def total(counts: Counts) -> np.ndarray:
    """The sum of all counts."""
    return np.sum(np.array(list(counts["all"].values())), 0)
