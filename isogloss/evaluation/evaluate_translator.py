"""Evaluate a translator on a task of translation: a run of a method that translates, or any engine, by direction."""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss import translating_run
from isogloss.data.directions import Direction, directions_among, pairs
from isogloss.data.task_data import drawn, fingerprint, resolve_languages
from isogloss.errors import UserError
from isogloss.evaluation.bootstrap import estimate
from isogloss.evaluation.counts import Counts, count_items, language_values
from isogloss.evaluation.results import Conditions, Result, build_result, write_result
from isogloss.metrics import Metric, load_metric
from isogloss.metrics.translation import OFF_TARGET, signature
from isogloss.precision import FLOAT32
from isogloss.processes import is_first, this_process
from isogloss.records import Bitext, TranslationPrediction
from isogloss.run_folder import read_manifest
from isogloss.tasks import Task, load_task
from isogloss.translating_run import tell_failures, trained_directions, translations

if TYPE_CHECKING:
    from isogloss.evaluation.translated import ByTranslator
    from isogloss.translation.translator import Decoding, Translator

KIND = "translation"
TRAINED, ZERO_SHOT = "trained", "zero-shot"
Translated = Mapping[Direction, tuple[Sequence[Bitext], Sequence[TranslationPrediction]]]


class Origin(NamedTuple):
    """What a result says about the translator that was scored."""

    method: str
    encoder: str
    seeds: tuple[int, ...] = (0,)  # of its training, if a run of isogloss made it
    settings: Mapping[str, Any] = {}
    trained: tuple[Direction, ...] = ()  # the directions it was trained on, where that is known


def translates(model: str | Path, task: Task | None) -> bool:
    """Whether a translator is asked for: by the task, or where none is named by the run or engine.

    Raises:
        UserError: a run that translates is to be scored on a task of another kind.
    """
    from isogloss.translation.translator import engine_files

    run = translating_run.translates(model)
    if task is None:
        name, colon, _ = str(model).partition(":")
        return run or bool(colon and name in engine_files())
    if run and task.kind != KIND:
        raise UserError(f"{model} translates, task {task.name} is {task.kind}; choose a task of translation for it")
    return task.kind == KIND


def refuse_sides(
    pairing: str, translations: Path | None, translator: "ByTranslator | None", precision: str, why: str
) -> None:
    """Nothing, if nothing is asked for that a translator or a ranker has no use for; `why` says so in the error.

    Raises:
        UserError: naming what it is.
    """
    for asked, said in (
        (pairing not in ("translation", "none"), f"--pairing {pairing}"),
        (translations is not None, f"--translations {translations}"),
        (translator is not None, f"--translator {translator.name if translator else ''}"),
        (precision != FLOAT32, f"--precision {precision}"),
    ):
        if asked:
            raise UserError(f"{said}: {why}; leave it out")


def evaluate_translator(
    model: str | Path,
    task: Task | None = None,
    *,
    data: Path | None = None,
    split: str = "test",
    languages: Sequence[str] | str = (),
    items: int | None = None,
    settings: Sequence[str] = (),
    output: Path | None = None,
) -> Result:
    """The scores of a run that translates, or of an engine, in every direction; written to `output` if that is given.

    Directions default to those that the run was trained on, of an engine to those between the task's training language
    and the others that it has; task, data and items to the run's own. `settings` are `key=value` of the decoding. A
    text that is not translated is scored as an empty translation, and told. Of several processes each translates a
    share.

    Raises:
        UserError: the translator, data or a direction are missing; a setting is wrong.
    """
    from isogloss.translation.decoding import read_decoding
    from isogloss.translation.translator import load_translator

    started = time.monotonic()
    decoding, run = read_decoding(",".join(settings)), _manifest(str(model))
    if task is None and "task" not in run:
        raise UserError(f"{model} is an engine; say with --task what it is scored on, for example --task multi30k")
    declared = task or load_task(run["task"])
    this_process()  # of several, each has a device of its own, which is chosen before the network goes to one
    translator, origin = load_translator(str(model)), origin_of(str(model))
    data = data or (Path(run["data"]["folder"]) if run.get("data", {}).get("folder") else None)
    declared = load_task(declared.name, data)
    asked = _directions(declared, split, languages, origin, translator)
    limit: int = run.get("test_items", 0) if items is None else items
    made = _translated(translator, declared, data, split, asked, limit, decoding)
    metrics = _metrics(declared, asked)
    counts = [_counts(metric, made) for metric in metrics]
    conditions = Conditions(
        method=origin.method,
        task=declared.name,
        split=split,
        pairing="none",
        seeds=origin.seeds,
        settings={**origin.settings, "decoding": asdict(decoding)},
        encoder=origin.encoder,
        data={"sha256": fingerprint(declared, data)} | _told(metrics, made),
        train_language=declared.train_language,
    )
    result = build_result(
        metrics[0],
        counts[0],
        conditions,
        seconds=time.monotonic() - started,
        other_metrics={m.name: language_values(m, c) for m, c in zip(metrics[1:], counts[1:], strict=True)},
        groups=_groups(asked, origin.trained),
        other_ci95={m.name: _intervals(m, c) for m, c in zip(metrics[1:], counts[1:], strict=True)},
    )
    if output is not None and is_first():
        write_result(output, result, counts[0])
    return result


def origin_of(spec: str) -> Origin:
    """What is known of a translator: of a run what its manifest says, of a chain what its legs do, else its name."""
    from isogloss.translation.translator import run_named

    if folder := run_named(spec):
        run = read_manifest(folder)
        trained = trained_directions(run)
        config = run["config"] | {"directions": list(map(str, trained))}  # what () stands for
        settings = {"config": config, "train": run["train"], "lengths": run["lengths"]}
        return Origin(run["method"], run["encoder"], (run["seed"],), settings, tuple(trained))
    name, _, rest = spec.partition(":")
    if name != "pivot":
        return Origin(name, rest)
    via, _, engines = rest.partition(":")
    legs = [origin_of(leg) for leg in engines.split(",,")]
    if len(legs) == 1:
        return legs[0]._replace(method=f"{legs[0].method} through {via}", trained=())
    methods, encoders = (" and ".join(dict.fromkeys(names)) for names in zip(*(leg[:2] for leg in legs), strict=True))
    seeds = legs[0].seeds if legs[0].seeds == legs[1].seeds else (0,)
    settings = {"first": legs[0].settings, "second": legs[1].settings}
    return Origin(f"{methods} through {via}", encoders, seeds, settings)


def _manifest(spec: str) -> Mapping[str, Any]:
    """The manifest of the run that is named as an engine; nothing for another engine."""
    from isogloss.translation.translator import run_named

    folder = run_named(spec)
    return read_manifest(folder) if folder else {}


def _directions(
    task: Task, split: str, asked: Sequence[str] | str, origin: Origin, translator: "Translator"
) -> list[Direction]:
    """The directions that are asked for, or else those that the translator is known to have.

    Raises:
        UserError: the task or the translator lacks one, or there is none.
    """
    there, centre = resolve_languages(task, split), task.train_language
    if asked:
        found = directions_among(asked, there, centre)
        for direction in found:
            translator.check(*direction)
        return found
    usual = origin.trained or tuple(directions_among((), there, centre))
    found, lacking = [], []
    for direction in usual:
        known = set(direction) <= set(there) and _has(translator, direction)
        (found if known else lacking).append(direction)
    if not found:
        raise UserError(f"task {task.name}: the translator has none of {_listed(usual)}; name its own with --languages")
    if lacking:
        print(f"task {task.name}: {_listed(lacking)} not to be had, left out", file=sys.stderr)
    return found


def _has(translator: "Translator", direction: Direction) -> bool:
    try:
        translator.check(*direction)
    except UserError:
        return False
    return True


def _translated(
    translator: "Translator",
    task: Task,
    data: Path | None,
    split: str,
    asked: Sequence[Direction],
    items: int,
    decoding: "Decoding",
) -> Translated:
    """The pairs of every direction and their translations; what was not translated is told."""
    found: dict[Direction, tuple[Sequence[Bitext], Sequence[TranslationPrediction]]] = {}
    for direction in asked:
        gold = pairs(task, data, split, direction)
        gold = drawn(gold, items) if items else gold
        found[direction] = gold, translations(translator, gold, decoding)
    every = [prediction for _, predictions in found.values() for prediction in predictions]
    tell_failures(Counter(each.failure or "no reason" for each in every if each.translation is None), len(every))
    return found


def _metrics(task: Task, asked: Sequence[Direction]) -> list[Metric]:
    """The task's metrics, and how often the language is wrong if that can be told of all target languages."""
    from isogloss.language_id import in_another

    names = dict.fromkeys((task.metric, *task.other_metrics))
    unknown = [target for target in dict.fromkeys(each.target for each in asked) if in_another("", target, ()) is None]
    if unknown:
        print(f"no off-target rate: {', '.join(unknown)} cannot be told from other languages", file=sys.stderr)
    return [*(load_metric(name) for name in names if name != OFF_TARGET.name), *([] if unknown else [OFF_TARGET])]


def _counts(metric: Metric, made: Translated) -> Counts:
    """The metric's counts of every item, by direction."""
    tags = tuple(dict.fromkeys(tag for direction in made for tag in direction))
    return {
        str(direction): count_items(metric, gold, predictions, tags)[direction.source]
        for direction, (gold, predictions) in made.items()
    }


def _intervals(metric: Metric, counts: Counts) -> dict[str, list[float]]:
    """The 95 % interval of the metric in every direction."""
    found = estimate(counts, metric.value).languages
    return {direction: [round(bound, 4) for bound in score.ci95] for direction, score in found.items()}


def _groups(asked: Sequence[Direction], trained: Sequence[Direction]) -> dict[str, list[str]]:
    """The directions that were trained and those that were not; nothing where that is not known."""
    groups = {TRAINED: [d for d in asked if d in trained], ZERO_SHOT: [d for d in asked if d not in trained]}
    return {name: list(map(str, found)) for name, found in groups.items() if found} if trained else {}


def _told(metrics: Sequence[Metric], made: Translated) -> dict[str, Any]:
    """What was not translated, by direction, and sacreBLEU's signatures of the scores."""
    failures = {str(each): sum(p.translation is None for p in predictions) for each, (_, predictions) in made.items()}
    scored = [metric.name for metric in metrics if metric is not OFF_TARGET]
    targets = dict.fromkeys(direction.target for direction in made)
    signatures = dict.fromkeys(signature(name, target) for name in scored for target in targets)
    return {"signatures": list(signatures)} | ({"failures": failures} if any(failures.values()) else {})


def _listed(directions: Sequence[Direction]) -> str:
    shown = ", ".join(map(str, directions[:8]))
    return shown if len(directions) <= 8 else f"{shown} and {len(directions) - 8} more"
