"""A run in TREC's format ranked anew by a trained run that ranks or scores documents: `isogloss rerank`."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from isogloss.data.jsonl import parse_documents
from isogloss.data.rankings import read_queries
from isogloss.data.trec import check_ids, check_known, read_run, run_lines
from isogloss.errors import UserError
from isogloss.lines import lines_from, write_lines
from isogloss.ranking_run import load_ranking
from isogloss.records import Document, RankedQuery
from isogloss.retrieval._index_facts import STORE, read_facts
from isogloss.retrieval.vector_store import open_store
from isogloss.tasks import load_task

BLOCK = 256  # queries ranked at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Where the texts are that a run of TREC names by their ids: in two files of JSON lines, or in a task.

    The documents may be those of an index as well.
    """

    queries: Path | None = None
    documents: Path | None = None
    task: str | None = None
    data: Path | None = None
    split: str = "test"
    languages: str = ""  # of the task's queries

    def read(self, wanted: Collection[str]) -> tuple[dict[str, Document], dict[str, Document]]:
        """The queries and the documents by id, of an index those that are wanted.

        A task's queries in several languages are named LANGUAGE/ID, in one language by their ids alone.

        Raises:
            UserError: neither files nor a task are named, or a file cannot be read.
        """
        if self.task is not None and self.queries is None and self.documents is None:
            groups = read_queries(load_task(self.task), self.data, self.split, self.languages)
            several = len(groups) > 1
            queries = {
                f"{tag}/{query.id}" if several else query.id: Document(
                    id=query.id, language=query.language, text=query.text
                )
                for tag, group in groups.items()
                for query in group
            }
            documents = {each.id: each for group in groups.values() for query in group for each in query.documents}
            return queries, documents
        if self.queries is None or self.documents is None or self.task is not None:
            raise UserError("give the texts with --queries FILE and --documents FILE, or with --task NAME --data DIR")
        read = partial(indexed, ids=sorted(wanted)) if self.documents.is_dir() else read_texts
        return read_texts(self.queries), read(self.documents)


def rerank(model: Path, run: Path, texts: Texts, top_k: int, output: Path | None = None) -> None:
    """Nothing; writes the run anew: of each query the first `top_k` documents, ranked by the model, and no others.

    Raises:
        UserError: the model does not rank, or the run names a query or a document whose text is not there.
    """
    proposed = read_run(run)
    wanted = {name for found in proposed.values() for name in islice(found, top_k)}
    queries, documents = texts.read(wanted)
    check_known(proposed, queries, f"{run}:", "queries")
    check_known(sorted(wanted), documents, f"{run}:", "documents")
    asked = (
        RankedQuery(
            id=name,
            language=queries[name].language,
            text=queries[name].text,
            documents=tuple(documents[each] for each in islice(found, top_k)),
        )
        for name, found in proposed.items()
    )
    opened = load_ranking(model)

    def made() -> Iterator[str]:
        while block := list(islice(asked, BLOCK)):
            yield from run_lines(opened.predict(block), opened.manifest["method"])

    write_lines(output, made())


def read_texts(path: Path) -> dict[str, Document]:
    """The texts of JSON lines {"id", "language", "text"} by id.

    Raises:
        UserError: a line is no such text, or two have the same id.
    """
    with lines_from(path) as lines:
        found = list(parse_documents(lines, str(path)))
    check_ids([each.id for each in found], str(path))
    return {each.id: each for each in found}


def indexed(folder: Path, ids: Sequence[str]) -> dict[str, Document]:
    """The documents of an index that have these ids, by them; its encoder is not asked.

    Raises:
        UserError: the folder is no index.
    """
    facts = read_facts(folder)
    store = open_store(facts.store, folder / STORE, facts.shape)
    try:
        return store.known(ids)
    finally:
        store.close()
