"""MLQA: answers in paragraphs of Wikipedia in seven languages; trained on SQuAD, machine-translated.

Every question is there in English, and in some of the other languages. The released FILTER code leaves Chinese out of
the training (see `xquad`); here it stays in.
"""

from functools import partial

from isogloss.data.layouts import Layout
from isogloss.data.questions import read_questions
from isogloss.tasks import Task, _hub
from isogloss.tasks._xglue import in_archive
from isogloss.tasks._xtreme_questions import SQUAD, SQUAD_FOLDERS, SQUAD_SIZE, machine, read, read_machine

FILES = {split: f"{split}-context-{{language}}-question-{{language}}.json" for split in ("dev", "test")}


def archives(folder: str) -> tuple[Layout, ...]:
    """MLQA's archive in a folder, and SQuAD where XGLUE has it beside that."""
    tested = {split: f"{folder}MLQA_V1/{split}/{file}" for split, file in FILES.items()}
    return (
        Layout(name="MLQA, the archive", files=tested, read=read_questions),
        Layout(
            name="XGLUE, training",
            files={"train": f"{folder}squad1.1/train-v1.1.json"},
            read=read_questions,
            languages=("en",),
        ),
    )


LAYOUTS = (
    *SQUAD,
    Layout(name="MLQA", files=FILES, read=read_questions),
    *(layout for folder in in_archive("MLQA") for layout in archives(folder)),
)
TRANSLATED = "translate-test/mlqa.translate.test.{language}-en.json"
MACHINE = machine({"XTREME": TRANSLATED, "XTREME, the bucket": f"../xtreme_translations/MLQA/{TRANSLATED}"})
# fmt: off
SIZES = {
    "dev": {"ar": 517, "de": 512, "en": 1148, "es": 500, "hi": 507, "vi": 511, "zh": 504},
    "test": {"ar": 5335, "de": 4517, "en": 11590, "es": 5253, "hi": 4918, "vi": 5495, "zh": 5137},
}
# fmt: on
LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
ON_HUB = _hub.xtreme(
    files={
        "dev": "MLQA.{language}.{language}/validation-*.parquet",
        "test": "MLQA.{language}.{language}/test-*.parquet",
    },
    languages={tag: tag for tag in LANGUAGES},
    columns=_hub.QUESTION,
    read=_hub.questions_of_rows,
)
TASK = Task(
    name="mlqa",
    kind="question_answering",
    title="answers in a paragraph (MLQA), trained on SQuAD, 7 languages",
    read=partial(read, LAYOUTS),
    layouts=LAYOUTS,
    hub=(_hub.SQUAD, ON_HUB),
    read_machine=partial(read_machine, MACHINE),
    languages=LANGUAGES,
    metric="mlqa_F1",
    other_metrics=("mlqa_exact_match",),
    folder="mlqa",
    siblings=(*SQUAD_FOLDERS, "xtreme_translations/MLQA"),
    sizes={"train/en": SQUAD_SIZE}
    | {f"{split}/{tag}": size for split, sizes in SIZES.items() for tag, size in sizes.items()},
    paper="Lewis et al. 2020, arXiv 1910.07475; Rajpurkar et al. 2016, arXiv 1606.05250",
    licence="CC BY-SA 3.0 (MLQA), CC BY-SA 4.0 (SQuAD)",
)
