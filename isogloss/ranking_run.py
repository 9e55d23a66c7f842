"""A trained run that ranks: queries with documents in, rankings out; and how its files are known to be its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import UserError
from isogloss.methods import load_method
from isogloss.records import RankedQuery, RankingPrediction
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.sanity import SANITY_TOLERANCE
from isogloss.tasks import Task, load_task

if TYPE_CHECKING:
    from isogloss.retrieval.ranker import Ranker

Scores = Callable[[Sequence[str], Sequence[Sequence[str]]], list[np.ndarray]]  # of queries with their documents
SAMPLE_CHARACTERS = 200  # of a text in a sanity sample


@dataclass
class RankingRun:
    """A trained run of a method that ranks, ready to predict."""

    folder: Path
    manifest: dict[str, Any]
    task: Task
    ranker: "Ranker"

    def predict(self, records: Iterable[RankedQuery], top_k: int | None = None) -> list[RankingPrediction]:
        """One ranking per query, in their order: of all its documents, or of the `top_k` best."""
        queries = list(records)
        most = max((len(query.documents) for query in queries), default=0)
        return self.ranker.rank(queries, most if top_k is None else top_k)


def ranks(run: str | Path) -> bool:
    """Whether it is the folder of a run whose method ranks documents, or scores them."""
    folder = Path(run)
    if not (folder / MANIFEST).is_file():
        return False
    method = load_method(read_manifest(folder)["method"]).Method
    return hasattr(method, "ranker") or hasattr(method, "scorer")


def load_ranking(run: str | Path) -> RankingRun:
    """The run in a folder, which ranks; one that scores given documents scores all that a query has.

    Raises:
        UserError: it is no finished run, its method does not rank, or its files are not its own.
    """
    from isogloss.retrieval.run import load_ranker

    manifest = read_manifest(Path(run))
    return RankingRun(Path(run), manifest, load_task(manifest["task"]), load_ranker(str(run), ["depth=0"]))


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
