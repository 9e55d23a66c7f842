"""XTREME's submission folder: predictions about the test split of every task in all its languages.

Test labels are hidden or place-holders there, so none is read. A folder with a hole in it is worth nothing: what is
missing is told before anything is predicted, and the folder appears when all of it is written.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from isogloss.data.layouts import located
from isogloss.data.task_data import read_split
from isogloss.errors import MissingFile, UserError, nearest
from isogloss.evaluation.arguments import named_path
from isogloss.evaluation.benchmarks import XTREME
from isogloss.evaluation.evaluate import check_labels, read_for
from isogloss.evaluation.evaluate_encoder import encoder_answers, encoder_method, read_dev
from isogloss.evaluation.scoring import TaskSplit
from isogloss.evaluation.submission_files import Lines, read_predictions, retrieval_text, task_text
from isogloss.files import new_folder, write_atomic
from isogloss.languages import dialect
from isogloss.processes import is_first
from isogloss.records import to_json
from isogloss.run_folder import read_manifest
from isogloss.runs import load
from isogloss.tasks import Task, load_task


def submit(
    sources: Iterable[str | Path],
    *,
    data: Path,
    output: Path,
    encoder: str | None = None,
    tasks: Sequence[str] | str = (),
    pairing: Sequence[str] | str = (),
    settings: Sequence[str] = (),
) -> Path:
    """The submission folder, which appears when all of it is written.

    A source is a run, TASK=RUN for a run of another task of the same kind, or TASK=FILE for predictions in JSON lines.
    `encoder` answers the tasks of retrieval, or TASK=ENCODER does one of them. `tasks` are all of XTREME's by default.
    A pairing may be of one task, TASK=PAIRING, and so may a setting of retrieval, TASK.KEY=VALUE.

    Raises:
        UserError: a task or a language is missing; a source cannot answer its task; the folder is not empty.
    """
    wanted = wanted_tasks(tasks)
    answered_by = sources_by_task(sources, encoder)
    if missing := [name for name in wanted if name not in answered_by]:
        raise UserError(
            f"nothing to answer {', '.join(missing)} with; give a run for each (for retrieval --encoder), or name the "
            "tasks to be written with --tasks"
        )
    check_files(wanted, data)
    pairings = [pairing] if isinstance(pairing, str) else pairing
    chosen = {name: (pairing_of(name, pairings), settings_of(name, settings)) for name in wanted}
    # of several processes all predict, and what the others than the first write is thrown away
    with new_folder(output) if is_first() else TemporaryDirectory() as folder:
        for name in wanted:
            task = load_task(name)
            ending = "json" if task.kind == "question_answering" else "tsv"
            texts = _task_texts(task, answered_by[name], data, *chosen[name])
            for tag, text in texts.items():
                write_atomic(Path(folder) / name / f"test-{dialect(tag, 'xtreme')}.{ending}", text)
            print(f"{name}: {len(texts)} languages", file=sys.stderr)
    return output


def wanted_tasks(names: Sequence[str] | str) -> list[str]:
    """The tasks asked for, in the benchmark's order; all of them by default.

    Raises:
        UserError: XTREME has no such task.
    """
    asked = names.replace(",", " ").split() if isinstance(names, str) else list(names)
    for name in asked:
        _check_task(name)
    return [name for name in XTREME.tasks if name in asked or not asked]


def sources_by_task(sources: Iterable[str | Path], encoder: str | None) -> dict[str, str]:
    """What answers each task: a run, a file of predictions, or an encoder.

    Raises:
        UserError: a source is not there or of no task of XTREME, or a task has two.
    """
    found: dict[str, str] = {}
    for source in sources:
        name, path = named_path(source)
        if name is None and not path.is_dir():
            told = "a file of predictions is given as TASK=FILE" if path.is_file() else "no such folder; give a run"
            raise UserError(f"{path}: {told}")
        name = name or read_manifest(path)["task"]
        _check_task(name, f"{path}: ")
        if name in found:
            raise UserError(f"{found[name]} and {path} both answer {name}; give one")
        found[name] = str(path)
    retrieval = {name: encoder for name in XTREME.groups["retrieval"] if encoder is not None}
    return retrieval | found


def check_files(names: Iterable[str], data: Path) -> None:
    """Nothing, if the test files of all languages are there; those of retrieval are looked for when they are read.

    Raises:
        UserError: naming the tasks and languages that lack one.
    """
    lacking = {}
    for name in names:
        task = load_task(name)
        root = task.root(data)
        absent = [tag for tag in XTREME.tasks[name].languages if not located(task.layouts, root, "test", tag)]
        lacking |= {name: absent} if task.layouts and absent else {}
    if lacking:
        told = "; ".join(f"{name} in {', '.join(tags)}" for name, tags in lacking.items())
        raise UserError(f"{data} has no test files of {told}; get them, or name the tasks to be written with --tasks")


def pairing_of(name: str, pairings: Sequence[str]) -> str:
    """The pairing of a task: that given for it, else that given for all, else translation."""
    given = {task: pairing for task, _, pairing in (text.rpartition("=") for text in pairings)}
    for task in given:
        if task:
            _check_task(task, "--pairing: ")
    return given.get(name) or given.get("") or "translation"


def settings_of(name: str, settings: Sequence[str]) -> list[str]:
    """The settings of a task: those for all, then those that name it, without its name."""
    for text in settings:
        task, dot, _ = text.partition("=")[0].partition(".")
        if dot:
            _check_task(task, "--set: ")
    shared = [text for text in settings if "." not in text.partition("=")[0]]
    return shared + [text.removeprefix(f"{name}.") for text in settings if text.startswith(f"{name}.")]


def _check_task(name: str, where: str = "") -> None:
    if name not in XTREME.tasks:
        raise UserError(f"{where}{XTREME.title} has no task {name!r}; {nearest(name, XTREME.tasks)}")


def _task_texts(task: Task, source: str, data: Path, pairing: str, settings: Sequence[str]) -> dict[str, str]:
    """The contents of a task's files by language."""
    tags = XTREME.tasks[task.name].languages
    if task.encoder_method is not None:
        found = _retrieval_records(task, data, tags)
        dev = read_dev(task, data, "test", tags)
        answers = encoder_answers(source, encoder_method(task, settings), found, dev)
        return {tag: retrieval_text(found[tag], answers[tag].predictions) for tag in tags}
    if Path(source).is_file():
        found = read_split(task, data, "test", tags, labelled=False)
        lines = read_predictions(Path(source))
    else:
        found, lines = _predicted(task, source, data, tags, pairing)
    return {tag: task_text(task, found[tag], lines, source) for tag in tags}


def _predicted(
    task: Task, run: str, data: Path, tags: Sequence[str], pairing: str
) -> tuple[Mapping[str, Sequence[Any]], Lines]:
    """The records of the test split and what a run says about them."""
    predictor = load(run)
    check_labels(predictor, task)
    found = read_for(predictor, TaskSplit(task, data, "test", tags), pairing, labelled=False)
    predictions = predictor.predict([record for records in found.values() for record in records])
    return found, {(each.language, each.id): to_json(each) for each in predictions}


def _retrieval_records(task: Task, data: Path, tags: Sequence[str]) -> dict[str, list[Any]]:
    """The records of all the languages.

    Raises:
        UserError: naming the languages that lack a file.
    """
    found, missing = {}, []
    for tag in tags:
        try:
            found |= read_split(task, data, "test", [tag], labelled=False)
        except MissingFile:
            missing.append(tag)
    if missing:
        raise UserError(f"{data} has no test files of {task.name} in {', '.join(missing)}; get them")
    return found
