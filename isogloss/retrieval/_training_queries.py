"""What rankers are trained on: queries, the documents that answer them, and which pairs of languages are read.

Documents of equal texts are one document, with one number. What answers an item in one language answers it in all, so
the answers that are known of a query are those of its item in every language, and those of queries of the same text:
none of them is ever its negative.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isogloss.data.rankings import KINDS, read_queries
from isogloss.errors import UserError, nearest
from isogloss.records import Document, RankedQuery
from isogloss.retrieval._pair_tokens import PairTokens

if TYPE_CHECKING:
    from isogloss.runs import Job

RANKING, TRANSLATION = "ranking", "translation"
LanguagePair = tuple[str, str]  # of the query, of the document


@dataclass(frozen=True, slots=True)
class Asked:
    """A query in one language, with documents by number."""

    key: str
    language: str
    text: str
    answers: Mapping[int, int]  # the grades of those that it is trained with
    known: frozenset[int]  # all that answer it, in any language
    given: tuple[int, ...]  # those that came with it and do not answer it


@dataclass(frozen=True, slots=True)
class Material:
    """The queries of a training set, and the documents of its languages, each text once."""

    queries: list[Asked]
    documents: list[Document]
    pool: np.ndarray  # numbers of the documents in the languages that are read, among which negatives are drawn

    def sample(self) -> list[tuple[str, list[str]]]:
        """Three queries, each with a document that answers it and one that need not."""
        chosen = [(asked.text, [next(iter(asked.answers)), -1]) for asked in self.queries[:3]]
        return [(text, [self.documents[number].text for number in numbers]) for text, numbers in chosen]


@dataclass(frozen=True, slots=True)
class Example:
    """A query, a document that answers it and some that do not, by number; as long as all its tokens."""

    key: str
    query: int
    answer: int
    negatives: tuple[int, ...]
    weight: float  # the grade of its answer over the highest of its query
    tokens: int = 0

    def __len__(self) -> int:
        return self.tokens


def gather(job: "Job", pairs: Sequence[str]) -> Material:
    """The training queries of a job and their documents, for the pairs of languages that are named, or all.

    Raises:
        UserError: the task has no queries, a pair is unknown, or no query has an answer in these languages.
    """
    records = training_queries(job)
    tags = dict.fromkeys(record.language for record in records)
    if job.task.kind == RANKING:  # whose collection may have documents in languages that are not asked for
        read = language_pairs(pairs, tuple(tags))
    else:
        tags |= dict.fromkeys(record.documents[0].language for record in records)
        read = language_pairs(pairs, tuple(tags))
        read = read if pairs else [pair for pair in read if pair[0] != pair[1]]  # a text is no answer to itself
    made = material(records, set(read))
    if not made.queries:
        told = ", ".join("-".join(pair) for pair in read)
        raise UserError(f"{job.task.name}: no query has an answer in the pairs of languages {told}; name others")
    return made


def gather_tokens(
    job: "Job", pairs: Sequence[str], tokens: PairTokens
) -> tuple[Material, list[np.ndarray], list[np.ndarray]]:
    """The same as `gather`, and the tokens of its queries and of its documents, without special ones.

    Raises:
        UserError: as `gather`; the encoder does not read such lengths; a query has no text.
    """
    job.check_lengths()
    found = gather(job, pairs)
    if empty := [asked.key for asked in found.queries if not asked.text.strip()]:
        raise UserError(f"{job.task.name}: query {empty[0]} has no text; fill it in or take it out")
    queries = tokens.queries([asked.text for asked in found.queries])
    return found, queries, tokens.documents([document.text for document in found.documents])


def training_queries(job: "Job") -> list[RankedQuery]:
    """The training queries of a job: of parallel text each sentence, which its translation answers.

    Raises:
        UserError: the task is none of ranking, bitext or translation.
    """
    task, recipe = job.task, job.recipe
    if task.kind == RANKING:
        return [record for group in job.records("train").values() for record in group]
    if task.kind not in KINDS:
        raise UserError(
            f"{recipe.method} is trained on tasks with queries, and {task.name} is {task.kind}; choose a task of "
            f"{', '.join(KINDS)}"
        )
    asked = recipe.train_languages or recipe.languages  # each with the training language, to and from it
    found = read_queries(task, recipe.data, "train", [tag for tag in asked if tag != task.train_language])
    # of bitext the same id is another item in another language
    name = "{1}" if task.kind == TRANSLATION else "{0}/{1}"
    return [
        replace(query, id=name.format(tag, query.id))
        for tag, group in found.items()
        for query in group
        if query.text.strip()
    ]


def material(records: Sequence[RankedQuery], pairs: Collection[LanguagePair]) -> Material:
    """The queries that have an answer in one of the pairs of languages, in their order, and all documents."""
    by_text: dict[str, int] = {}
    documents: list[Document] = []
    collections: dict[int, dict[str, int]] = {}  # numbers by id; one object serves many queries
    for record in records:
        if id(record.documents) not in collections:
            there = [document for document in record.documents if document.text.strip()]  # a translation may be empty
            for document in there:
                if by_text.setdefault(document.text, len(documents)) == len(documents):
                    documents.append(document)
            collections[id(record.documents)] = {each.id: by_text[each.text] for each in there}
    grades: dict[str, dict[int, int]] = defaultdict(dict)  # by item
    answers_of_text: dict[str, set[int]] = defaultdict(set)
    for record in records:
        own = collections[id(record.documents)]
        for name, grade in record.gains.items():
            if grade > 0 and name in own:
                grades[record.id][own[name]] = max(grade, grades[record.id].get(own[name], 0))
    for record in records:
        answers_of_text[record.text].update(grades[record.id])
    uses = Counter(id(record.documents) for record in records)
    queries = []
    for record in records:
        known = frozenset(answers_of_text[record.text])
        answers = {n: g for n, g in grades[record.id].items() if (record.language, documents[n].language) in pairs}
        # a collection that many queries share was not chosen for this one
        candidates = collections[id(record.documents)].values() if uses[id(record.documents)] == 1 else ()
        given = tuple(number for number in dict.fromkeys(candidates) if number not in known)
        if answers:
            key = f"{record.language}/{record.id}"
            queries.append(Asked(key, record.language, record.text, answers, known, given))
    read = {language for _, language in pairs}
    pool = [number for number, document in enumerate(documents) if document.language in read]
    return Material(queries, documents, np.array(pool, dtype=np.int64))


def examples(
    found: Material, negatives: Callable[[int, int], Sequence[int]], tokens: Callable[[Example], int], rounds: int = 1
) -> list[Example]:
    """Every query with each of its answers, `rounds` times.

    negatives: those of the query of that number in that example, by the number of the example. tokens: of an example.
    """
    made: list[Example] = []
    for turn in range(rounds):
        for number, asked in enumerate(found.queries):
            highest = max(asked.answers.values())
            for answer, grade in asked.answers.items():
                key = f"{asked.key}/{answer}/{turn}"
                drawn = tuple(negatives(number, len(made)))
                example = Example(key, number, answer, drawn, grade / highest)
                made.append(replace(example, tokens=tokens(example)))
    return made


def entries(batch: Sequence[Example], candidates: Sequence[Sequence[int]]) -> dict[str, Any]:
    """What a batch has beside its rows: ids, weights (B,), and where a query has no candidate, hidden (B, C)."""
    columns = torch.arange(max(map(len, candidates)))
    return {
        "ids": [example.key for example in batch],
        "hidden": columns >= torch.tensor([len(row) for row in candidates])[:, None],
        "weights": torch.tensor([example.weight for example in batch]),
    }


def language_pairs(asked: Sequence[str], languages: Sequence[str]) -> list[LanguagePair]:
    """The pairs asked for, query language first (`de-en`, `de-de`); all among the languages where none is.

    Raises:
        UserError: one is not among the languages.
    """
    known = {f"{query}-{document}".lower(): (query, document) for query, document in product(languages, repeat=2)}
    for spelling in asked:
        if spelling.lower() not in known:
            raise UserError(
                f"no pair of languages {spelling!r}: write the query's, then the document's; {nearest(spelling, known)}"
            )
    return [known[spelling.lower()] for spelling in asked] or list(known.values())
