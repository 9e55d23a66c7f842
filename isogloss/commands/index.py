"""`isogloss index` and `isogloss search`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from isogloss.commands import Data, Json
from isogloss.errors import UserError


def index(
    documents: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help='JSON lines {"id", "language", "text"}.')
    ] = None,
    *,
    output: Annotated[Path | None, typer.Option(help="Folder of a new index.")] = None,
    into: Annotated[Path | None, typer.Option(help="Index that is changed; without anything else it is shown.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="A run, tiny, a folder, or a Hub name; with --into where its own is now.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Index what a task's queries are asked of, in the place of a file.")
    ] = None,
    data: Data = None,
    split: Annotated[str, typer.Option(help="Of the task.")] = "test",
    update: Annotated[
        bool, typer.Option("--update", help="Replace documents that are there with other texts.")
    ] = False,
    delete: Annotated[Path | None, typer.Option(help="File with ids to delete, one a line.")] = None,
    compact: Annotated[bool, typer.Option("--compact", help="Make the place of deleted documents free.")] = False,
    store: Annotated[
        str | None, typer.Option(help="files (the default), lance, qdrant, or qdrant:http://HOST:6333.")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="Of the vectors: float32 (the default) or float16.")] = None,
    as_json: Json = False,
) -> None:
    """Index documents for search, or add to, update and delete from an index; stopped, the same command goes on."""
    if (output is None) == (into is None):
        raise UserError("give --output FOLDER for a new index, or --into FOLDER for one that is there")
    from isogloss.retrieval import index_command

    source = index_command.Source(documents, task, data, split)
    if output is not None:
        if not source.named or encoder is None:
            raise UserError(
                "a new index needs documents and an encoder: isogloss index FILE --encoder NAME --output ..."
            )
        if update or delete or compact:
            raise UserError("--update, --delete and --compact are for an index that is there: --into FOLDER")
        told = index_command.build(source, encoder, output, store or "files", precision or "float32")
    else:
        assert into is not None
        if store or precision:
            raise UserError("--store and --precision are those of a new index; --into keeps what it has")
        told = index_command.change(into, source, encoder, delete, update=update, compact=compact)
    print(json.dumps(told, ensure_ascii=False, indent=2) if as_json else index_command.summary(told))


def search(
    index: Annotated[Path, typer.Argument(help="Folder of an index.")],
    query: Annotated[str | None, typer.Argument(help="What is looked for, in any language the encoder knows.")] = None,
    *,
    top_k: Annotated[int, typer.Option(min=1, help="Documents of each query.")] = 10,
    language: Annotated[str | None, typer.Option(help="Language of the query.")] = None,
    queries: Annotated[
        Path | None, typer.Option(help='Many queries in the place of one: JSON lines {"id", "language", "text"}.')
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Their run in TREC's format; standard output by default.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with all documents, however many there are.")] = False,
    encoder: Annotated[str | None, typer.Option(help="Where the encoder is, if it has moved.")] = None,
    as_json: Json = False,
) -> None:
    """Search an index: rank, cosine, id, language and text of the nearest documents."""
    if (query is None) == (queries is None):
        raise UserError("give a query, or --queries FILE")
    from isogloss.retrieval import index_command

    if queries is not None:
        if language or as_json:
            raise UserError(
                "--language and --json are for one query; a file of queries names languages, and gives a run"
            )
        index_command.search_many(index, queries, output, top_k, exact=exact, encoder=encoder)
        return
    if output is not None:
        raise UserError("--output is for --queries FILE; one query is printed")
    assert query is not None
    hits = index_command.search(index, query, top_k, language, exact=exact, encoder=encoder)
    print(json.dumps(hits, ensure_ascii=False, indent=2) if as_json else index_command.table(hits))
