"""Evaluate a run on a split of a task: predictions, scores with intervals, and the result file."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.data.checks import some, unseen_labels
from isogloss.data.given_translations import beside_translations, fingerprint_of
from isogloss.data.pairing import paired
from isogloss.data.task_data import fingerprint, read_split
from isogloss.errors import UserError
from isogloss.evaluation.evaluate_encoder import evaluate_encoder
from isogloss.evaluation.evaluate_ranker import Asked, evaluate_ranker, ranks
from isogloss.evaluation.evaluate_translator import evaluate_translator, refuse_sides, translates
from isogloss.evaluation.labels import TRANSLATOR
from isogloss.evaluation.results import Conditions, Result
from isogloss.evaluation.scoring import TaskSplit, score
from isogloss.evaluation.translated import ByTranslator, translated
from isogloss.kinds import Features
from isogloss.precision import FLOAT32
from isogloss.recipe import task_languages
from isogloss.records import OUTSIDE, Record, Sentence
from isogloss.runs import Predictor, load
from isogloss.tasks import Task, load_task
from isogloss.translating_run import TranslatingRun

SETTINGS = ("config", "train", "lengths", "pivots", "train_translations", "train_pairings")  # kept with results


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How records are read, where that is not as usual."""

    precision: str = FLOAT32  # of a run that is not loaded yet
    translations: Path | None = None  # a parallel data set of the split into the training language, read beside it
    translator: ByTranslator | None = None  # makes the translations that are read beside the split
    settings: Sequence[str] = ()  # key=value of the method by which an encoder answers a task as it is
    metrics: Sequence[str] | str = ()  # of a ranking, the first is the main one
    documents: Sequence[str] | str = ()  # languages of the documents that are ranked


AS_USUAL = Reading()


def evaluate(
    run: str | Path | Predictor | TranslatingRun,
    *,
    task: str | None = None,
    data: Path | None = None,
    split: str = "test",
    languages: Sequence[str] | str = (),
    items: int | None = None,
    pairing: str = "translation",
    reading: Reading = AS_USUAL,
    output: Path | None = None,
) -> Result:
    """The scores of a run; written to `output` if that is given. Task, data, languages and items default to its own.

    A task that an encoder answers as it is (`Task.encoder_method`) is left to `evaluate_encoder`; `run` may then be any
    encoder. A task of translation is left to `evaluate_translator`; `run` may then be any engine, languages are
    directions, and the reading's settings are those of the decoding. A task of ranking is left to `evaluate_ranker`;
    `run` may then be any ranker. items: at most so many of the split, the same in every language; 0 = all.

    Raises:
        UserError: data or languages are missing, the run's labels are not the task's, a class of the split was never
            trained on, or the precision is not to be had.
    """
    asked = load_task(task) if task else None
    folder = run if isinstance(run, str | Path) else run.folder
    if ranks(folder, asked):
        why = "a query is read alone, in float32"
        refuse_sides(pairing, reading.translations, reading.translator, reading.precision, why)
        wanted = Asked(metrics=reading.metrics, documents=reading.documents, settings=reading.settings)
        return evaluate_ranker(
            folder, asked, data=data, split=split, languages=languages, items=items, asked=wanted, output=output
        )
    refuse_ranking(reading, asked)
    if translates(folder, asked) or isinstance(run, TranslatingRun):
        why = "a translator reads one text at a time, in the precision of its engine"
        refuse_sides(pairing, reading.translations, reading.translator, reading.precision, why)
        return evaluate_translator(
            folder,
            asked,
            data=data,
            split=split,
            languages=languages,
            items=items,
            settings=reading.settings,
            output=output,
        )
    if asked is not None and asked.encoder_method is not None:
        check_alone(asked, reading)
        model = run.folder if isinstance(run, Predictor) else run
        what = TaskSplit(asked, data, split, languages, items or 0)
        return evaluate_encoder(model, what, pairing=pairing, settings=reading.settings, output=output)
    check_beside(pairing, reading)
    predictor = run if isinstance(run, Predictor) else load(run, precision=reading.precision)
    declared = load_task(task or predictor.task.name)
    check_labels(predictor, declared)
    what = split_of(predictor, TaskSplit(declared, data, split, languages), items)
    return evaluate_reader(predictor, what, pairing, reading, output)


def evaluate_reader(
    predictor: Predictor, what: TaskSplit, pairing: str, reading: Reading, output: Path | None
) -> Result:
    """The scores of a run that reads texts beside their translations, or what stands in their place.

    Raises:
        UserError: data are missing, a class of the split was never trained on, or the translator lacks a language.
    """
    started = time.monotonic()
    asked_of = "translation" if reading.translator else pairing  # what its translations are compared with
    sides = read_for(predictor, what, asked_of, translations=reading.translations)
    records = [record for group in sides.values() for record in group]
    labels: Sequence[str] = predictor.manifest["labels"]
    check_seen(predictor.manifest["trained_labels"], records, f"task {what.task.name}, split {what.name}")
    made: dict[str, Any] = {}
    if reading.translations is not None:
        made = {"translation": "machine", "translations_sha256": fingerprint_of(reading.translations)}
    if reading.translator is not None:
        records, made = translated(predictor, records, reading.translator)
    predictions = predictor.predict(records)
    conditions = conditions_of(predictor, what, "machine" if made else pairing, records)
    conditions = replace(conditions, data={**conditions.data, **made})
    if reading.translator is not None:
        conditions = replace(conditions, settings={**conditions.settings, TRANSLATOR: reading.translator.name})
    return score(what.task, labels, records, predictions, conditions, started=started, output=output)


def refuse_ranking(reading: Reading, task: Task | None) -> None:
    """Nothing, if nothing is asked for that only a ranking has.

    Raises:
        UserError: naming what it is.
    """
    for asked, said in ((reading.metrics, "--metric"), (reading.documents, "--documents")):
        if asked:
            where = f"task {task.name} is {task.kind}" if task else "the run does not rank"
            raise UserError(f"{said} {asked}: it is chosen for rankings alone, and {where}; leave it out")


def split_of(predictor: Predictor, what: TaskSplit, items: int | None) -> TaskSplit:
    """The split with what the run itself knows in the place of what was not said: data, languages and items.

    Raises:
        UserError: the task lacks a language.
    """
    manifest = predictor.manifest
    data = what.data or (Path(manifest["data"]["folder"]) if manifest["data"].get("folder") else None)
    tags = task_languages(what.task, what.languages or manifest["languages"])
    limit: int = manifest["test_items"] if items is None else items
    return replace(what, task=load_task(what.task.name, data), data=data, languages=tags, items=limit)


def conditions_of(predictor: Predictor, what: TaskSplit, pairing: str, records: Sequence[Record]) -> Conditions:
    """What a run's scores on the records hold under."""
    manifest = predictor.manifest
    lower = {} if predictor.precision == FLOAT32 else {"precision": predictor.precision}
    return Conditions(
        method=manifest["method"],
        task=what.task.name,
        split=what.name,
        pairing=pairing,
        seeds=(manifest["seed"],),
        settings={name: manifest[name] for name in SETTINGS} | unusual(manifest) | lower,
        encoder=manifest["encoder"],
        data={
            "sha256": fingerprint(what.task, what.data),
            "translation": what.task.translation_source,
            "self_paired": sum(not record.translations for record in records),
        },
        train_language=what.task.train_language,
    )


def read_for(
    predictor: Predictor, what: TaskSplit, pairing: str, *, labelled: bool = True, translations: Path | None = None
) -> Mapping[str, Sequence[Any]]:
    """The records of a split as a run reads them: with its pivots and features, under a pairing; see `read_split`.

    translations: a parallel data set that they are read beside, in the place of what the pairing says.

    Raises:
        UserError: the records or what the pairing needs are not there.
    """
    manifest, task, data, split = predictor.manifest, what.task, what.data, what.name
    tags = task_languages(task, what.languages)
    found = read_split(task, data, split, tags, pivots=manifest["pivots"], items=what.items, labelled=labelled)
    if manifest.get("features", {}).get("csv_quotes") and task.as_released and split != "train":
        found = {tag: [task.as_released(record) for record in group] for tag, group in found.items()}
    if translations is not None:
        return beside_translations(task, translations, found)
    return paired(task, data, split, found, pairing, seed=1)


def check_alone(task: Task, reading: Reading) -> None:
    """Nothing, if an encoder can answer the task so.

    Raises:
        UserError: it reads texts alone, and in full precision.
    """
    if reading.translations is not None or reading.translator is not None:
        said = "--translations" if reading.translations is not None else "--translator"
        raise UserError(f"{said}: task {task.name} has nothing to be read beside a text; leave it out")
    if reading.precision != FLOAT32:
        raise UserError(
            f"precision {reading.precision}: task {task.name} is answered in {FLOAT32}; leave precision out"
        )


def check_beside(pairing: str, reading: Reading) -> None:
    """Nothing, if a run can be read so.

    Raises:
        UserError: the translations are for another pairing, or settings were given, which it has already.
    """
    given = [name for name in ("translations", "translator") if getattr(reading, name) is not None]
    if len(given) > 1:
        raise UserError("--translations and --translator both say what is read beside a text; leave one of them out")
    if given and pairing not in ("translation", "machine"):
        raise UserError(f"--{given[0]}: what it gives is read under --pairing machine, not {pairing}; leave one out")
    if reading.settings:
        told = "a run keeps the settings it was trained with; they cannot be set here"
        raise UserError(f"--set {reading.settings[0]}: {told}")


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
