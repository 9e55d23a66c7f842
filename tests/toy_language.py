"""Numbers in three languages, as a task of translation: small enough to be learned in seconds."""

from types import SimpleNamespace

import torch

from isogloss.records import Sentence
from isogloss.runs import Job
from isogloss.tasks import Task
from isogloss.train_settings import TrainSettings
from isogloss.training import fit
from isogloss.translation.multilingual_nmt import Method, Settings

WORDS = {
    "en": ["one", "two", "three", "four", "five", "six", "seven"],
    "de": ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben"],
    "fr": ["un", "deux", "trois", "quatre", "cinq", "six", "sept"],
}
ROWS = [(i % 7, (3 * i + 1) % 7, (i + i // 7) % 7, (i * i) % 7)[: 2 + i % 3] for i in range(60)]
SMALL = {
    "vocabulary": 60, "encoder_layers": 1, "decoder_layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64,
    "dropout": 0.0, "check_languages": False, "leave_out_tested": False,
}  # fmt: skip


def sentences(split, tag):
    """The sentences of a split in a language; the test's are those that training leaves out."""
    rows = ROWS[:50] if split == "train" else ROWS[50:]
    texts = (" ".join(WORDS[tag][number] for number in row) for row in rows)
    return [Sentence(id=str(i), language=tag, text=text) for i, text in enumerate(texts)]


def toy_task(read=lambda _, split, tag: sentences(split, tag), **changes):
    """The task; `read(folder, split, tag)` may be another."""
    made = {
        "name": "toy", "kind": "translation", "title": "", "read": read, "languages": ("de", "en", "fr"),
        "metric": "chrF", "paper": "", "licence": "none",
    }  # fmt: skip
    return Task(**(made | changes))


def toy_job(folder, task=None, *, encoder="new", languages=("de", "en", "fr"), settings=None, **train):
    """A job of the method on the task."""
    train = {"updates": 2, "batch_size": 32, "learning_rate": 4e-3, "log_every": 1, "save_every": 1000} | train
    recipe = SimpleNamespace(
        method="multilingual_nmt", task="toy", encoder=encoder, languages=languages, seed=1, data=None,
        train=TrainSettings(**train), config=settings or Settings(**SMALL),
    )  # fmt: skip
    job = Job(recipe, folder)
    job.__dict__["task"] = task or toy_task()
    return job


def method(**changes):
    """The method with small settings and these."""
    return Method(Settings(**(SMALL | changes)))


def trained(job, made):
    """The network of a job, and what its training left; the run is in the job's folder."""
    examples = made.examples(job)
    torch.manual_seed(1)
    network = made.build(job)
    report = fit(
        network, examples, collate=made.collate(job), loss=made.loss, settings=job.recipe.train, seed=1,
        folder=job.folder / "checkpoints", title="toy",
    )  # fmt: skip
    made.save(network, job, job.folder)
    return network, report
