"""Evaluate a run on a split of a task: predictions, scores with intervals, and the result file."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from isogloss.data.checks import some, unseen_labels
from isogloss.data.given_translations import beside_translations, fingerprint_of
from isogloss.data.pairing import paired
from isogloss.data.task_data import fingerprint, read_split
from isogloss.errors import UserError
from isogloss.evaluation.evaluate_encoder import evaluate_encoder
from isogloss.evaluation.evaluate_translator import evaluate_translator, refuse_sides, translates
from isogloss.evaluation.results import Conditions, Result
from isogloss.evaluation.scoring import score
from isogloss.kinds import Features
from isogloss.precision import FLOAT32
from isogloss.recipe import task_languages
from isogloss.records import OUTSIDE, Record, Sentence
from isogloss.runs import Predictor, load
from isogloss.tasks import Task, load_task
from isogloss.translating_run import TranslatingRun

SETTINGS = ("config", "train", "lengths", "pivots", "train_translations", "train_pairings")  # kept with results


def evaluate(
    run: str | Path | Predictor | TranslatingRun,
    *,
    task: str | None = None,
    data: Path | None = None,
    split: str = "test",
    languages: Sequence[str] | str = (),
    pairing: str = "translation",
    items: int | None = None,
    settings: Sequence[str] = (),
    precision: str = FLOAT32,
    output: Path | None = None,
    translations: Path | None = None,
) -> Result:
    """The scores of a run; written to `output` if that is given. Task, data, languages and items default to its own.

    A task that an encoder answers as it is (`Task.encoder_method`) is left to `evaluate_encoder`; `run` may then be any
    encoder, and `settings` are `key=value` for that method. A task of translation is left to `evaluate_translator`;
    `run` may then be any engine, languages are directions, and `settings` are those of the decoding.

    items: at most so many of the split, the same in every language; 0 = all. precision: in which a run is read that is
    not loaded yet. translations: a parallel data set of the split, translated into the training language: what the
    machine pairing reads.

    Raises:
        UserError: data or languages are missing, the run's labels are not the task's, a class of the split was never
            trained on, or the precision is not to be had.
    """
    asked = load_task(task) if task else None
    folder = run if isinstance(run, str | Path) else run.folder
    if translates(folder, asked) or isinstance(run, TranslatingRun):
        refuse_sides(pairing, translations, precision)
        return evaluate_translator(
            folder, asked, data=data, split=split, languages=languages, items=items, settings=settings, output=output
        )
    if asked is not None and asked.encoder_method is not None:
        if translations is not None:
            raise UserError(f"--translations: task {asked.name} has nothing to be read beside a text; leave them out")
        if precision != FLOAT32:
            raise UserError(f"precision {precision}: task {asked.name} is answered in {FLOAT32}; leave precision out")
        return evaluate_encoder(
            run.folder if isinstance(run, Predictor) else run,
            asked,
            data=data,
            split=split,
            languages=languages,
            pairing=pairing,
            items=items or 0,
            settings=settings,
            output=output,
        )
    if translations is not None and pairing not in ("translation", "machine"):
        raise UserError(f"--translations are read under --pairing machine, not {pairing}; leave one of them out")
    if settings:
        raise UserError(f"--set {settings[0]}: a run keeps the settings it was trained with; they cannot be set here")
    predictor = run if isinstance(run, Predictor) else load(run, precision=precision)
    manifest, declared = predictor.manifest, load_task(task or predictor.task.name)
    check_labels(predictor, declared)
    data = data or (Path(manifest["data"]["folder"]) if manifest["data"].get("folder") else None)
    tags = task_languages(declared, languages or manifest["languages"])
    declared = load_task(declared.name, data)
    started = time.monotonic()
    limit: int = manifest["test_items"] if items is None else items
    if translations is not None:
        pairing = "machine"
    sides = read_for(predictor, declared, data, split, tags, pairing, items=limit, translations=translations)
    records = [record for group in sides.values() for record in group]
    check_seen(manifest["trained_labels"], records, f"task {declared.name}, split {split}")
    predictions = predictor.predict(records)
    conditions = conditions_of(predictor, declared, data, split, pairing, records)
    if translations is not None:
        made = {"translation": "machine", "translations_sha256": fingerprint_of(translations)}
        conditions = replace(conditions, data={**conditions.data, **made})
    return score(declared, manifest["labels"], records, predictions, conditions, started=started, output=output)


def conditions_of(
    predictor: Predictor, task: Task, data: Path | None, split: str, pairing: str, records: Sequence[Record]
) -> Conditions:
    """What a run's scores on the records hold under."""
    manifest = predictor.manifest
    lower = {} if predictor.precision == FLOAT32 else {"precision": predictor.precision}
    return Conditions(
        method=manifest["method"],
        task=task.name,
        split=split,
        pairing=pairing,
        seeds=(manifest["seed"],),
        settings={name: manifest[name] for name in SETTINGS} | unusual(manifest) | lower,
        encoder=manifest["encoder"],
        data={
            "sha256": fingerprint(task, data),
            "translation": task.translation_source,
            "self_paired": sum(not record.translations for record in records),
        },
        train_language=task.train_language,
    )


def read_for(
    predictor: Predictor,
    task: Task,
    data: Path | None,
    split: str,
    tags: Sequence[str],
    pairing: str,
    *,
    items: int = 0,
    labelled: bool = True,
    translations: Path | None = None,
) -> Mapping[str, Sequence[Any]]:
    """The records of a split as a run reads them: with its pivots and features, under a pairing; see `read_split`.

    translations: a parallel data set that they are read beside, in the place of what the pairing says.

    Raises:
        UserError: the records or what the pairing needs are not there.
    """
    manifest = predictor.manifest
    found = read_split(task, data, split, tags, pivots=manifest["pivots"], items=items, labelled=labelled)
    if manifest.get("features", {}).get("csv_quotes") and task.as_released and split != "train":
        found = {tag: [task.as_released(record) for record in group] for tag, group in found.items()}
    if translations is not None:
        return beside_translations(task, translations, found)
    return paired(task, data, split, found, pairing, seed=1)


def check_labels(predictor: Predictor, task: Task) -> None:
    """Nothing, if the run can answer the task.

    Raises:
        UserError: the kinds or the label sets differ.
    """
    if predictor.task.kind != task.kind:
        raise UserError(
            f"the run answers {predictor.task.kind}, task {task.name!r} is {task.kind}; "
            "evaluate it on a task of its kind"
        )
    trained, asked = set(predictor.task.labels), set(task.labels)
    if trained - asked - {OUTSIDE} or asked - trained:  # published taggers of parts of speech have an O besides
        raise UserError(
            f"the run's labels are not those of task {task.name!r}: the run alone has {_names(trained - asked)}, "
            f"the task alone {_names(asked - trained)}"
        )


def check_seen(trained: Sequence[str], records: Sequence[Record], where: str) -> None:
    """Nothing, if every class was trained on. Tags are many and some are rare: those never seen are only told.

    Raises:
        UserError: naming the classes that the training texts had none of.
    """
    unseen = unseen_labels(trained, records)
    if unseen and isinstance(records[0], Sentence):
        raise UserError(
            f"{where}: no training text had the label {some(unseen)}, only {some(sorted(trained))}; train on texts of "
            "every label, or map the labels of one file to the other's"
        )
    if unseen:
        print(f"{where}: {some(unseen)} did not occur in training and cannot be predicted", file=sys.stderr)


def unusual(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that came after the first results, where they are not the defaults, so that older runs still compare."""
    usual = asdict(Features())
    changed = {name: value for name, value in manifest.get("features", usual).items() if value != usual.get(name)}
    found = {"features": changed, "train_languages": manifest.get("train_languages", [])}
    return {name: value for name, value in found.items() if value}


def _names(labels: set[Any]) -> str:
    return ", ".join(sorted(map(str, labels))[:5]) or "none"
