"""XQuAD: answers in 240 paragraphs of SQuAD and their human translations; trained on SQuAD, machine-translated.

There is no dev split: XQuAD is a part of SQuAD's own, so tuning on that would be tuning on the test. Tune on the task
`mlqa`, which has the same training questions and a dev split. The released FILTER code leaves Chinese out of the
training, as it cannot find answers in text without spaces; here answers are character offsets, and Chinese stays in.
"""

from functools import partial

from isogloss.data.layouts import Layout
from isogloss.data.questions import read_questions
from isogloss.tasks import Task, _hub
from isogloss.tasks._xtreme_questions import SQUAD, SQUAD_FOLDERS, SQUAD_SIZE, machine, read, read_machine

LAYOUTS = (*SQUAD, Layout(name="XQuAD", files={"test": "xquad.{language}.json"}, read=read_questions))
TRANSLATED = "translate-test/xquad.translate.test.{language}-en.json"
MACHINE = machine({"XTREME": TRANSLATED, "XTREME, the bucket": f"../xtreme_translations/XQuAD/{TRANSLATED}"})
LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
ON_HUB = _hub.xtreme(
    files={"test": "XQuAD.{language}/validation-*.parquet"},
    languages={tag: tag for tag in LANGUAGES},
    columns=_hub.QUESTION,
    read=_hub.questions_of_rows,
)
TASK = Task(
    name="xquad",
    kind="question_answering",
    title="answers in a paragraph (XQuAD), trained on SQuAD, 11 languages",
    read=partial(read, LAYOUTS),
    layouts=LAYOUTS,
    hub=(_hub.SQUAD, ON_HUB),
    read_machine=partial(read_machine, MACHINE),
    languages=LANGUAGES,
    dev_split=None,
    metric="squad_F1",
    other_metrics=("squad_exact_match", "answer_F1"),
    folder="xquad",
    siblings=(*SQUAD_FOLDERS, "xtreme_translations/XQuAD"),
    sizes={"train/en": SQUAD_SIZE, "test": 1190},
    paper="Artetxe et al. 2020, arXiv 1910.11856; Rajpurkar et al. 2016, arXiv 1606.05250",
    licence="CC BY-SA 4.0",
)
