"""`isogloss index` and `isogloss search`: files in, files and tables out."""

import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from isogloss.data.formats import read_lines
from isogloss.data.jsonl import parse_documents
from isogloss.data.rankings import read_queries
from isogloss.data.trec import run_lines
from isogloss.errors import UserError
from isogloss.language_id import other_language
from isogloss.languages import language
from isogloss.lines import lines_from, write_lines
from isogloss.records import Document, RankingPrediction
from isogloss.retrieval import indexing
from isogloss.retrieval.index import Index, open_index
from isogloss.tasks import load_task

TOGETHER = 1024  # queries that are encoded together
PIPED = 120  # characters of a line where there is no terminal to ask


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from: a file of JSON lines, or what the queries of a task's split are asked of."""

    file: Path | None = None
    task: str | None = None
    data: Path | None = None
    split: str = "test"

    @property
    def named(self) -> bool:
        """Whether there is a source at all."""
        return self.file is not None or self.task is not None

    @contextmanager
    def read(self) -> Iterator[Iterable[Document]]:
        """The documents; those of a file as they come.

        Raises:
            UserError: both or neither are named, a line is no document, or the task has no queries.
        """
        if self.file is not None and self.task is not None:
            raise UserError(f"{self.file} and --task {self.task}: give documents or a task, not both")
        if self.file is not None:
            with lines_from(self.file) as lines:
                yield parse_documents(lines, str(self.file))
        elif self.task is not None:
            groups = read_queries(load_task(self.task, self.data), self.data, self.split)
            shared = {id(query.documents): query.documents for group in groups.values() for query in group}
            yield (document for documents in shared.values() for document in documents)
        else:
            yield ()


def build(source: Source, encoder: str, folder: Path, store: str, precision: str) -> dict[str, Any]:
    """What a new index of the documents is, and what was done.

    Raises:
        UserError: see `Source.read` and `indexing.build`.
    """
    with source.read() as documents:
        return _told(*indexing.build(documents, encoder, folder, store=store, precision=precision))


def change(
    folder: Path, source: Source, encoder: str | None, delete: Path | None, *, update: bool, compact: bool
) -> dict[str, Any]:
    """What an index is after documents were added and the ids of a file deleted, and what was done.

    Raises:
        UserError: see `Source.read` and `indexing.change`.
    """
    if not source.named and delete is None and not compact:
        if update:
            raise UserError("--update needs documents: isogloss index FILE --into INDEX --update")
        opened = open_index(folder, encoder)
        return _told(opened, indexing.Changes())
    gone = [line.strip() for line in read_lines(delete) if line.strip()] if delete is not None else []
    if delete is not None and not gone:
        raise UserError(f"{delete}: no ids; write one a line")
    with source.read() as documents:
        done = indexing.change(folder, documents, delete=gone, update=update, compact=compact, encoder=encoder)
        return _told(*done)


def summary(told: Mapping[str, Any]) -> str:
    """What `build` and `change` tell, as one line or two."""
    done = [f"{count} {name.replace('_', ' ')}" for name, count in told["changes"].items() if count]
    facts = [f"{name} {value}" for name, value in told.items() if name not in ("index", "documents", "changes")]
    first = f"{told['index']}: {told['documents']} documents" + (f" ({', '.join(done)})" if done else "")
    return f"{first}\n{', '.join(facts)}"


def search(
    folder: Path, query: str, k: int, tag: str | None, *, exact: bool = False, encoder: str | None = None
) -> list[dict[str, Any]]:
    """The documents that are nearest to a query, with rank and score.

    Raises:
        UserError: there is no index, or the query is empty.
    """
    index = open_index(folder, encoder)
    warn_of_unseen(index, [language(tag).tag if tag else _seems_to_be(query, index)])
    (hits,) = index.search([query], k, exact=exact)
    index.close()
    return [{"rank": rank, "score": round(hit.score, 6), **asdict(hit.document)} for rank, hit in enumerate(hits, 1)]


def search_many(
    folder: Path, queries: Path, output: Path | None, k: int, *, exact: bool = False, encoder: str | None = None
) -> None:
    """Write the run of a file's queries in TREC's format.

    Raises:
        UserError: there is no index, a line is no query, or the output cannot be written.
    """
    index = open_index(folder, encoder)
    with lines_from(queries) as lines:
        ranked = _ranked(index, parse_documents(lines, str(queries)), k, exact)
        write_lines(output, run_lines(ranked, f"index:{folder.resolve().name}"))
    index.close()


def table(hits: Sequence[Mapping[str, Any]]) -> str:
    """A line for each document, cut to the width of the terminal."""
    if not hits:
        return "no documents"
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED
    name = max(_columns(hit["id"]) for hit in hits)
    tag = max(len(hit["language"]) for hit in hits)
    lines = []
    for hit in hits:
        filled = hit["id"] + " " * (name - _columns(hit["id"]))
        line = (
            f"{hit['rank']:>3}  {hit['score']:.4f}  {filled}  {hit['language']:<{tag}}  {' '.join(hit['text'].split())}"
        )
        lines.append(_cut(line, width))
    return "\n".join(lines)


def warn_of_unseen(index: Index, tags: Iterable[str | None]) -> None:
    """Say on standard error how many queries are in languages that the encoder never saw, where that is known."""
    known = index.encoder.languages
    unseen = Counter(tag for tag in tags if tag is not None and known is not None and tag not in known)
    for tag, count in unseen.items():
        what = "the query is" if count == 1 else f"{count} queries are"
        print(f"{what} in {language(tag).name}, which the encoder was not trained on; expect little", file=sys.stderr)


def _told(index: Index, changes: indexing.Changes) -> dict[str, Any]:
    told = {"index": str(index.folder), **index.about(), "changes": asdict(changes)}
    index.close()
    return told


def _ranked(index: Index, queries: Iterable[Document], k: int, exact: bool) -> Iterator[RankingPrediction]:
    """The nearest documents of each query; queries are encoded some at a time."""
    source, seen, tags = iter(queries), set(), []
    while some := list(islice(source, TOGETHER)):
        for query in some:
            if query.id in seen:
                raise UserError(f"query {query.id!r} occurs twice; give every query an id of its own")
            seen.add(query.id)
        tags += [query.language for query in some]
        found = index.search([query.text for query in some], k, exact=exact)
        for query, hits in zip(some, found, strict=True):
            names, scores = tuple(hit.document.id for hit in hits), tuple(hit.score for hit in hits)
            yield RankingPrediction(query.id, query.language, names, scores)
    warn_of_unseen(index, tags)


def _seems_to_be(query: str, index: Index) -> str | None:
    """The language of a long query, if it is surely none that the encoder was trained on; None if that is not known."""
    known = index.encoder.languages
    try:
        found = other_language(query, min(known)) if known else None
        return language(found).tag if found else None
    except UserError:  # nothing here that tells languages apart, or one without a tag
        return None


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_wide(character) for character in text)


def _wide(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    """The text in no more than so many columns, with an ellipsis where it was cut."""
    if _columns(text) <= width:
        return text
    taken, kept = 0, []
    for character in text:
        taken += _wide(character)
        if taken > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"
