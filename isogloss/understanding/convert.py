"""Published FILTER checkpoints as run directories, and runs in the published layout.

A published folder knows neither its task nor its languages, and its classes have place-holder names; the task's
declaration has them. It was trained on the released features, which the run keeps as its setting.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from isogloss.data.checks import some
from isogloss.data.formats import read_lines
from isogloss.data.task_data import read_split
from isogloss.encoders import load_tokenizer
from isogloss.errors import UserError
from isogloss.kinds import Features, Lengths, load_kind
from isogloss.prediction import Reader, unlabelled
from isogloss.recipe import Recipe
from isogloss.records import OUTSIDE
from isogloss.run_folder import MANIFEST, STARTED, claim
from isogloss.runs import load as load_run
from isogloss.runs import manifest_of, write_run
from isogloss.tasks import Task, load_task
from isogloss.training import FitReport
from isogloss.understanding import filter as method
from isogloss.understanding import published

LENGTHS = {  # of the released training, by kind
    "classification": Lengths(max_length=256),
    "tagging": Lengths(max_length=128),
    "question_answering": Lengths(max_length=384, stride=128, max_question=64),
}
LABELS = "labels.txt"  # of FILTER's data; it may lie beside a checkpoint that was trained on them
CLASSES = {
    "classification": method.FilterForSequenceClassification,
    "tagging": method.FilterForTokenClassification,
    "question_answering": method.FilterForQuestionAnswering,
}
SAMPLES = {  # tasks of the embedded sample, whose texts make the sanity sample
    "classification": "sample_intent",
    "tagging": "sample_slots",
    "question_answering": "sample_answers",
}


def convert(path: Path, output: Path, task: str | None = None, tokenizer: str | None = None) -> Path:
    """The folder that was written: a run from a published folder, or a published folder from a run of FILTER.

    tokenizer: whose tokenizer the checkpoint was trained with (a folder or a Hub name); its own by default.

    Raises:
        UserError: the folder is neither; the task is missing or does not fit its head; the output is taken.
    """
    if (path / MANIFEST).is_file():
        return to_published(path, output)
    if task is None:
        raise UserError(f"{path} does not say what it was trained for; name its task with --task")
    return to_run(path, output, load_task(task), tokenizer)


def to_run(path: Path, output: Path, task: Task, tokenizer: str | None = None) -> Path:
    """A run directory made of a published folder; returns it."""
    network: Any = published.load(path)
    if task.kind not in LENGTHS:
        raise UserError(f"task {task.name!r} is {task.kind}, which FILTER has no head for")
    try:
        words = load_tokenizer(tokenizer or path)
    except UserError as error:
        hint = "" if tokenizer else "; name the one it was trained with by --tokenizer"
        raise UserError(f"{error}{hint}") from None
    lengths, features = LENGTHS[task.kind], Features(released=True, csv_quotes=task.as_released is not None)
    task = replace(task, labels=labels_of(network, task, path))
    kind = load_kind(task, words, lengths, features)
    fused = network.config.fused_layers
    settings = method.Settings(
        local_layers=fused[0] if fused else network.config.num_hidden_layers, fusion_layers=len(fused)
    )
    recipe = Recipe(
        method="filter",
        task=task.name,
        output=output,
        encoder=str(path),
        languages=task.languages,
        config=settings,
        lengths=lengths,
        features=features,
    )
    claim(recipe, {})
    sample = read_split(load_task(SAMPLES[task.kind]), None, "train", ["en"])["en"]
    manifest = manifest_of(recipe, task, FitReport(0.0, [], 0, 0.0), {}, task.labels)
    write_run(output, Reader(network, kind), [unlabelled(record) for record in sample], manifest)
    (output / STARTED).unlink()
    return output


def to_published(run: Path, output: Path) -> Path:
    """A folder in the published layout made of a run of FILTER; returns it."""
    network: Any = (reader := load_run(run).reader).network
    if not isinstance(network, tuple(published.HEADS.values())):
        raise UserError(f"{run} is a run of {type(network).__name__}; only FILTER's runs have the published layout")
    if output.exists() and any(output.iterdir()):
        raise UserError(f"{output} is not empty; choose an empty or new folder for --output")
    published.save(network, output)
    reader.kind.tokenizer.save_pretrained(output)
    return output


def labels_of(network: Any, task: Task, path: Path) -> tuple[str, ...]:
    """The labels in the order of the logits: those of its configuration, else of its labels.txt, else the task's.

    The released code puts O first where labels.txt lacks it, so a published tagger of parts of speech has an O too.

    Raises:
        UserError: its head or its labels are not the task's, or it has its labels in two orders.
    """
    expected = CLASSES[task.kind]
    if not isinstance(network, expected):
        raise UserError(f"{path} is a {type(network).__name__}, task {task.name!r} needs a {expected.__name__}")
    if not task.labels:
        return ()
    own = tuple(network.config.id2label[number] for number in range(network.config.num_labels))
    nameless = all(label.startswith("LABEL_") for label in own)
    if (path / LABELS).is_file():
        listed = read_labels(path / LABELS, len(own))
        if not nameless and listed != own:
            raise UserError(
                f"{path}: config.json and {LABELS} have the labels in two orders ({some(own)}; {some(listed)}); "
                f"take {LABELS} away if it is not the one that it was trained with"
            )
        own, nameless = listed, False
    if nameless and len(own) == len(task.labels):
        return task.labels
    if set(own) - {OUTSIDE} == set(task.labels) - {OUTSIDE} and len(own) >= len(task.labels):
        return own
    raise UserError(f"{path} has {len(own)} labels ({', '.join(own[:5])} ...), task {task.name!r} {len(task.labels)}")


def read_labels(path: Path, count: int) -> tuple[str, ...]:
    """The labels of a labels.txt, one on a line, in the order of a head with that many outputs.

    Raises:
        UserError: they are not as many.
    """
    listed = tuple(line.strip() for line in read_lines(path) if line.strip())
    if len(listed) == count - 1 and OUTSIDE not in listed:
        listed = (OUTSIDE, *listed)
    if len(listed) != count:
        raise UserError(f"{path}: {len(listed)} labels where the head has {count} outputs")
    return listed
