"""Evaluate an encoder as it is, without a head and without training, on a task that names a method for it."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from isogloss.data.task_data import fingerprint, read_split, read_there
from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.errors import MissingFile, UserError
from isogloss.evaluation.results import Conditions, Result
from isogloss.evaluation.scoring import TaskSplit, score
from isogloss.methods import Answers, EncoderMethod, load_method
from isogloss.processes import this_process
from isogloss.recipe import assigned, task_languages
from isogloss.resources import EMBEDDED
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.tasks import Task

RUN_SETTINGS = ("config", "train", "lengths")  # kept with results, beside the method's own


class Origin(NamedTuple):
    """What a result says about the encoder that was scored."""

    name: str
    seeds: tuple[int, ...] = (0,)  # of its training, if a run of isogloss made it
    settings: Mapping[str, Any] = {}


def evaluate_encoder(
    model: str | Path,
    what: TaskSplit,
    *,
    pairing: str = "none",
    settings: Sequence[str] = (),
    output: Path | None = None,
) -> Result:
    """The scores of an encoder, or of the encoder of a run; each sentence is read alone.

    Languages default to all those of the task whose files are there; `settings` are `key=value` for the task's method.

    Raises:
        UserError: the encoder, data or languages are missing, a setting is wrong, a pairing is asked for.
    """
    task, data, split = what.task, what.data, what.name
    if pairing not in ("translation", "none"):
        raise UserError(f"--pairing {pairing}: in task {task.name} every sentence is read alone; leave it out")
    method = encoder_method(task, settings)
    started = time.monotonic()
    tags = task_languages(task, what.languages) if what.languages else ()
    gold = read_there(task, data, split, tags, what.items)
    dev = gold if split == task.dev_split else read_dev(task, data, split, list(gold))
    origin, answers = origin_of(model), encoder_answers(model, method, gold, dev)
    tuned = {tag: dict(found.tuned) for tag, found in answers.items() if found.tuned}
    if tuned and dev is gold:
        told = "; ".join(f"{tag} {name} {value:g}" for tag, found in tuned.items() for name, value in found.items())
        print(f"task {task.name}: scored on {split}, which {told} was tuned on as well", file=sys.stderr)
    records = [record for group in gold.values() for record in group]
    predictions = [prediction for found in answers.values() for prediction in found.predictions]
    conditions = Conditions(
        method=str(task.encoder_method),
        task=task.name,
        split=split,
        pairing="none",
        seeds=origin.seeds,
        settings={**origin.settings, "config": asdict(method.settings)},
        encoder=origin.name,
        data={"sha256": fingerprint(task, data)} | ({"tuned": tuned, "tuned_on": task.dev_split} if tuned else {}),
        train_language=task.train_language,
    )
    return score(task, (), records, predictions, conditions, started=started, output=output)


def encoder_method(task: Task, settings: Sequence[str]) -> EncoderMethod:
    """The method of a task that an encoder answers as it is, under its protocol and `key=value` settings over that.

    Raises:
        UserError: a setting is unknown or does not fit.
    """
    module = load_method(str(task.encoder_method))
    return module.Method(assigned(module.Settings, settings, task.encoder_settings))


def encoder_answers(
    model: str | Path, method: EncoderMethod, found: Mapping[str, Sequence[Any]], dev: Mapping[str, Sequence[Any]]
) -> dict[str, Answers]:
    """The answers about the records of every language.

    Raises:
        UserError: the encoder cannot be had, or lacks what a setting asks for.
    """
    encoder, tokenizer = load_encoder(model), load_tokenizer(model)
    encoder.to(this_process().device)  # pyright: ignore[reportCallIssue,reportArgumentType]
    return {tag: method.answer(encoder, tokenizer, records, dev.get(tag, ())) for tag, records in found.items()}


def origin_of(model: str | Path) -> Origin:
    """What is known of an encoder: its name, or if a run made it what that was trained from, with, and for."""
    folder = Path(model)
    if str(model) in EMBEDDED or not (folder / MANIFEST).is_file():
        return Origin(str(model))
    run = read_manifest(folder)
    name = f"{run['encoder']} after {run['method']} on {run['task']}"
    return Origin(name, (run["seed"],), {"run": {key: run[key] for key in RUN_SETTINGS}})


def read_dev(task: Task, data: Path | None, split: str, tags: Sequence[str]) -> dict[str, Sequence[Any]]:
    """The dev records by language, on which a method may tune; empty if the task has no dev split.

    Raises:
        UserError: the task has one and its files are missing: nothing is ever tuned on test.
    """
    if task.dev_split is None:
        return {}
    try:
        return read_split(task, data, task.dev_split, tags)
    except MissingFile as error:
        raise UserError(f"task {task.name}: {split} is scored with what is tuned on dev, but {error}") from None
