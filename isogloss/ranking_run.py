"""A trained run that ranks: queries with documents in, rankings out; and how its files are known to be its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import UserError
from isogloss.methods import load_method
from isogloss.recipe import build
from isogloss.records import RankedQuery, RankingPrediction
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.sanity import SANITY_TOLERANCE
from isogloss.tasks import Task, load_task

if TYPE_CHECKING:
    from isogloss.retrieval.ranker import Ranker, Scorer

Scores = Callable[[Sequence[str], Sequence[Sequence[str]]], list[np.ndarray]]  # of queries with their documents
SAMPLE_CHARACTERS = 200  # of a text in a sanity sample


@dataclass
class RankingRun:
    """A trained run of a method that ranks documents or scores them, ready to predict."""

    folder: Path
    manifest: dict[str, Any]
    task: Task
    judge: "Ranker | Scorer"

    def predict(self, records: Iterable[RankedQuery], top_k: int | None = None) -> list[RankingPrediction]:
        """One ranking per query, in their order: of all its own documents, or the `top_k` best of them.

        A scorer compares a query with all of its documents, however many there are.
        """
        from isogloss.retrieval.ranker import ranking

        queries = list(records)
        if not queries:
            return []
        most = top_k or max(len(query.documents) for query in queries)
        if not hasattr(self.judge, "scores"):
            return self.judge.rank(queries, most)  # pyright: ignore[reportAttributeAccessIssue]
        texts = [[document.text for document in query.documents] for query in queries]
        scores = self.judge.scores([query.text for query in queries], texts)  # pyright: ignore[reportAttributeAccessIssue]
        return [ranking(query, row, most) for query, row in zip(queries, scores, strict=True)]


def ranks(run: str | Path) -> bool:
    """Whether it is the folder of a run whose method ranks documents, or scores them."""
    folder = Path(run)
    return (folder / MANIFEST).is_file() and bool(_opening(load_method(read_manifest(folder)["method"]).Method))


def load_ranking(run: str | Path) -> RankingRun:
    """The run in a folder, which ranks.

    Raises:
        UserError: it is no finished run, its method does not rank, or its files are not its own.
    """
    folder = Path(run)
    manifest = read_manifest(folder)
    module = load_method(manifest["method"])
    method = module.Method(build(module.Settings, manifest["config"], "config"))
    if not (opening := _opening(method)):
        raise UserError(f"{folder} is a run of {manifest['method']}, which does not rank; name a run that does")
    return RankingRun(folder, manifest, load_task(manifest["task"]), getattr(method, opening)(folder))


def _opening(method: Any) -> str | None:
    """The function by which a method opens its runs to rank; None if it does not rank."""
    return next((name for name in ("ranker", "scorer") if hasattr(method, name)), None)


def sanity_sample(queries: Sequence[tuple[str, Sequence[str]]], scores: Scores) -> list[dict[str, Any]]:
    """Some queries with documents and the scores that the finished network gives them, for the run's manifest."""
    asked = [query[:SAMPLE_CHARACTERS] for query, _ in queries]
    read = [[text[:SAMPLE_CHARACTERS] for text in texts] for _, texts in queries]
    return [
        {"query": query, "documents": texts, "scores": np.round(row, 5).tolist()}
        for query, texts, row in zip(asked, read, scores(asked, read), strict=True)
    ]


def check_sanity(folder: Path, scores: Scores) -> None:
    """Nothing, if a loaded network gives the scores that it gave when it was saved.

    Raises:
        UserError: they differ by more than rounding.
    """
    sample = read_manifest(folder).get("sanity", [])
    found = scores([each["query"] for each in sample], [each["documents"] for each in sample])
    for each, row in zip(sample, found, strict=True):
        expected = np.asarray(each["scores"], dtype=np.float32)
        difference = float(np.abs(row - expected).max())
        if not difference < SANITY_TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise UserError(
                f"{folder} does not give the scores it was saved with (off by {difference:.3g}); "
                "its files were changed or belong to another run"
            )
