"""A ranking to be learned in seconds: a question with a word, and the sentence with the same word, in two languages."""

import json
from pathlib import Path

from isogloss.files import write_atomic
from isogloss.kinds import Lengths
from isogloss.recipe import Recipe
from isogloss.records import Document, RankedQuery
from isogloss.runs import Job, manifest_of
from isogloss.tasks import Task
from isogloss.training import FitReport

SHORT = Lengths(max_length=40, max_question=16)
NAMES = "ABCDEFGHIJKL"
ASK = {"en": "Where is {}?", "de": "Wo ist {}?"}
TELL = {"en": "{} is in the hotel", "de": "{} ist im Gasthof"}


def collection(languages=("en", "de")):
    """A sentence about every name in each language."""
    return tuple(
        Document(id=f"{tag}/{name}", language=tag, text=TELL[tag].format(name)) for tag in languages for name in NAMES
    )


def queries(tag, documents, names=NAMES):
    """A question about every name, which the sentences about it answer in all languages of the documents."""
    return [
        RankedQuery(
            id=name,
            language=tag,
            text=ASK[tag].format(name),
            documents=documents,
            gains={each.id: 1 for each in documents if each.id.endswith(f"/{name}")},
        )
        for name in names
    ]


def write_xquad_r(folder: Path, languages=("en", "de"), paragraphs=15) -> Path:
    """The folder with the task xquad_r in it: paragraphs of two sentences and a question about the first."""
    for tag in languages:
        made = []
        for number in range(paragraphs):
            name = NAMES[number % len(NAMES)] * (1 + number // len(NAMES))
            first, second = f"{TELL[tag].format(name)}.", f"{ASK[tag].format(number)[:-1]}."
            question = {
                "id": f"q{number}",
                "question": ASK[tag].format(name),
                "answers": [{"text": first[-6:-1], "answer_start": len(first) - 6}],
            }
            breaks = [[0, len(first)], [len(first) + 1, len(first) + 1 + len(second)]]
            made.append({"context": f"{first} {second}", "qas": [question], "sentence_breaks": breaks})
        path = folder / "xquad_r" / f"{tag}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"version": "1.1", "data": [{"title": "x", "paragraphs": made}]}), encoding="utf-8")
    return folder


def write_xdailydialog(folder: Path, languages=("en", "de"), dialogues=60) -> Path:
    """The folder with the task xdailydialog in it: dialogues of three turns, the last of which names what was asked."""
    for tag in languages:
        rows = []
        for number in range(dialogues):
            name = NAMES[number % len(NAMES)] * (1 + number // len(NAMES))
            turns = ("?", ASK[tag].format(name), TELL[tag].format(name))
            rows.append("".join(f"{turn} __eou__ " for turn in turns))
        for split in ("dev", "test"):
            path = folder / "xdailydialog" / f"{tag}_{split}_human.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


def toy_task(**changes):
    """The task; training and test are the same."""
    documents = collection()
    made = {
        "name": "toy", "kind": "ranking", "title": "", "languages": ("de", "en"), "metric": "RR@10", "paper": "",
        "licence": "none", "read": lambda _, split, tag: queries(tag, documents),
    }  # fmt: skip
    return Task(**(made | changes))


def job(encoder: Path, method: str, settings, *, lengths=SHORT, records=None):
    """A job on the toy task whose encoder is a folder; `records` by language take the place of the task's own."""
    documents = collection()
    given = records or {tag: queries(tag, documents) for tag in ("en", "de")}
    recipe = Recipe(
        method=method, task="toy", output=Path("unused"), encoder=str(encoder), languages=("en", "de"),
        config=settings, lengths=lengths,
    )  # fmt: skip
    made = Job(recipe, recipe.output)
    made.__dict__ |= {"task": toy_task(), "records": lambda split: given}
    return made


def finished(method, made, network, folder: Path) -> Path:
    """The folder of a run as `train` leaves it."""
    folder.mkdir()
    manifest = manifest_of(made.recipe, made.task, FitReport(0.0, [], 1, 0.0), {}, ())
    manifest |= method.save(network, made, folder)
    write_atomic(folder / "isogloss.json", json.dumps(manifest))
    return folder
