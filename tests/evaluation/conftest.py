"""Runs as `isogloss evaluate` leaves them, with planted scores."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from isogloss.evaluation.results import Conditions, build_result, write_result
from isogloss.metrics import load_metric


def counts(shares: Mapping[str, float], items: int = 100) -> dict[str, dict[str, list[float]]]:
    """Counts in which the first share of the items is right."""
    return {tag: {str(i): [float(i < share * items), 1.0] for i in range(items)} for tag, share in shares.items()}


def fake_run(
    folder: Path,
    shares: Mapping[str, float],
    *,
    name: str = "test",
    seed: int = 1,
    items: int = 100,
    metric: str = "accuracy",
    other_metrics: Mapping[str, Mapping[str, float]] | None = None,
    **given: Any,
) -> Path:
    """A run folder whose result has these scores, as shares, in a metric that counts what is right; returned."""
    rows = counts(shares, items)
    known: dict[str, Any] = {
        "method": "filter",
        "task": "sib200",
        "split": "test",
        "pairing": "translation",
        "settings": {"config": {}},
        "encoder": "tiny",
        "data": {"sha256": "ab"},
    }
    result = build_result(
        load_metric(metric),
        rows,
        Conditions(seeds=(seed,), **known | given),
        seconds=1.0,
        other_metrics={"macro_F1": dict.fromkeys(shares, 10.0)} if other_metrics is None else other_metrics,
        resamples=50,
    )
    write_result(folder / "results" / f"{name}.json", result, rows)
    return folder


@pytest.fixture(name="fake_run")
def fake_run_fixture() -> Callable[..., Path]:
    """`fake_run`: leaves a run folder whose result has given accuracies."""
    return fake_run


CAPTIONS = {
    "en": ("The train to Berlin leaves at nine.", "How much is a room for two?", "My bag is lost, help me.", "A room."),
    "de": (
        "Der Zug nach Berlin fährt um neun.",
        "Was kostet ein Zimmer für zwei Personen?",
        "Meine Tasche ist weg.",
        "Ein Zimmer.",
    ),
    "fr": ("Le train pour Berlin part à neuf heures.", "Combien ?", "Mon sac est perdu, aidez-moi.", "Une chambre."),
    "cs": ("Vlak do Berlína jede v devět.", "Kolik stojí pokoj?", "Ztratila se mi taška.", "Pokoj."),
}


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    """A data folder with a small Multi30k that a test may change."""
    folder = tmp_path / "data" / "multi30k"
    folder.mkdir(parents=True)
    for tag, lines in CAPTIONS.items():
        for name in ("train", "val", "test_2016_flickr"):
            (folder / f"{name}.{tag}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder.parent


@pytest.fixture(scope="session")
def tiny_m2m100(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a translator of many languages that knows some English and German by heart."""
    from tiny_translators import m2m100

    return m2m100(tmp_path_factory.mktemp("translators") / "m2m100")


@pytest.fixture
def tiny_run(captions: Path, tiny_m2m100: Path, tmp_path: Path) -> Path:
    """A run that translates between English, German and French."""
    from tiny_translators import as_run

    return as_run(shutil.copytree(tiny_m2m100, tmp_path / "run"), captions)
