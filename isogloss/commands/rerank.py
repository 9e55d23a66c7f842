"""`isogloss rerank`."""

from pathlib import Path
from typing import Annotated

import typer

from isogloss.commands import Data


def rerank(
    run: Annotated[Path, typer.Argument(help="Run directory of a ranker: a cross-encoder, a bi-encoder ...")],
    *,
    input: Annotated[Path, typer.Option(help="Run in TREC's format: query Q0 document rank score name.")],
    queries: Annotated[
        Path | None, typer.Option(help="Their texts as JSON lines {id, language, text}; or those of --task.")
    ] = None,
    documents: Annotated[Path | None, typer.Option(help="The documents' texts, in the same form; or an index.")] = None,
    task: Annotated[str | None, typer.Option(help="Task whose queries and documents the run names.")] = None,
    data: Data = None,
    split: Annotated[str, typer.Option(help="Of the task.")] = "test",
    languages: Annotated[
        str, typer.Option(help="Of the task's queries; of several, the run names them LANGUAGE/ID.")
    ] = "",
    top_k: Annotated[int, typer.Option(min=1, help="Documents of a query that are ranked anew; no others stay.")] = 100,
    output: Annotated[Path | None, typer.Option(help="The run ranked anew; standard output by default.")] = None,
) -> None:
    """Rank the documents of a run in TREC's format anew, with a trained run."""
    from isogloss.retrieval.rerank import Texts
    from isogloss.retrieval.rerank import rerank as rank_anew

    texts = Texts(queries=queries, documents=documents, task=task, data=data, split=split, languages=languages)
    rank_anew(run, input, texts, top_k, output)
