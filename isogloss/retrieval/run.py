"""A run of this project that ranks, `run:FOLDER`: its method's ranker, or its scorer behind a first stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import PositiveInt

from isogloss.errors import UserError
from isogloss.methods import load_method
from isogloss.recipe import assigned, build
from isogloss.retrieval import rankers
from isogloss.retrieval.ranker import Ranker
from isogloss.retrieval.reranked import Reranked
from isogloss.run_folder import read_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run that scores given documents finds them in a collection."""

    first_stage: str = "bm25"  # the ranker that proposes documents
    depth: PositiveInt = 100  # documents of a query that are scored


def load_ranker(rest: str, settings: Sequence[str] = ()) -> Ranker:
    """The ranker that a run's method makes of its folder.

    Raises:
        UserError: it is no finished run, its method does not rank, or a setting is unknown.
    """
    folder = Path(rest)
    manifest = read_manifest(folder)
    module = load_method(manifest["method"])
    method = module.Method(build(module.Settings, manifest["config"], "config"))
    if hasattr(method, "scorer"):
        chosen = assigned(Settings, settings)
        return Reranked(method.scorer(folder), rankers.load_ranker(chosen.first_stage), chosen.depth)
    if not hasattr(method, "ranker"):
        raise UserError(f"{folder} is a run of {manifest['method']}, which does not rank; name a run that does")
    if settings:
        raise UserError(f"--set {settings[0]}: a run of {manifest['method']} keeps its settings; leave it out")
    return method.ranker(folder)
