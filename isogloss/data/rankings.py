"""The queries of a task by language, with the documents that are ranked for them; parallel text as a ranking."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.data.checks import some
from isogloss.data.directions import directions_among, pairs
from isogloss.data.task_data import drawn, read_there, resolve_languages
from isogloss.errors import UserError
from isogloss.records import Bitext, Document, RankedQuery
from isogloss.tasks import Task

KINDS = ("ranking", "bitext", "translation")  # what can be read as queries
Queries = Mapping[str, Sequence[RankedQuery]]  # by language or direction


def read_queries(
    task: Task, data: Path | None, split: str, languages: Sequence[str] | str = (), items: int = 0
) -> dict[str, list[RankedQuery]]:
    """The queries of a split by their language; of translation by direction, of bitext from each language to the other.

    Languages default to all whose files are there. With `items` there are at most so many queries of each, the same in
    all; the documents stay all there are.

    Raises:
        UserError: the task has no queries, or languages or files are missing.
    """
    if task.kind == "translation":
        asked = directions_among(languages, resolve_languages(task, split), task.train_language)
        found = {str(each): as_ranking(pairs(task, data, split, each)) for each in asked}
    elif task.kind in KINDS:
        tags = languages.replace(",", " ").split() if isinstance(languages, str) else languages
        records = read_there(task, data, split, tags)
        found = {tag: _queries(task, group) for tag, group in records.items()}
    else:
        raise UserError(f"task {task.name} is {task.kind}, nothing is ranked in it; choose a task of {some(KINDS)}")
    return {name: drawn(queries, items) for name, queries in found.items()} if items else found


def as_ranking(bitexts: Sequence[Bitext]) -> list[RankedQuery]:
    """The texts as queries, all translations as the collection that they share, each text's own as relevant."""
    documents = tuple(
        Document(id=each.id, language=each.translation_language, text=each.translation) for each in bitexts
    )
    return [
        RankedQuery(id=each.id, language=each.language, text=each.text, documents=documents, gains={each.id: 1})
        for each in bitexts
    ]


def among(queries: Queries, tags: Collection[str]) -> dict[str, list[RankedQuery]]:
    """The queries with those of their documents that are in one of the languages; a collection stays one object.

    Raises:
        UserError: no document is in one of them.
    """
    kept: dict[int, tuple[Document, ...]] = {}
    found: dict[str, list[RankedQuery]] = {}
    for name, group in queries.items():
        for query in group:
            whole = query.documents
            if id(whole) not in kept:
                kept[id(whole)] = tuple(each for each in whole if each.language in tags)
            own = kept[id(whole)]
            if not own:
                there = sorted({each.language for each in whole})
                raise UserError(f"query {query.id!r} has no document in {some(sorted(tags))}, only in {some(there)}")
            names = {each.id for each in own}
            gains = {document: gain for document, gain in query.gains.items() if document in names}
            found.setdefault(name, []).append(replace(query, documents=own, gains=gains))
    return found


def _queries(task: Task, records: Sequence[object]) -> list[RankedQuery]:
    if all(isinstance(record, Bitext) for record in records):
        return as_ranking([record for record in records if isinstance(record, Bitext)])
    found = [record for record in records if isinstance(record, RankedQuery)]
    if len(found) < len(records):
        raise UserError(f"task {task.name} has sentences of comparable corpora, which are mined and not ranked")
    return found
