"""The embedded sample's questions: find the answer in a short passage."""

from isogloss.data.sample import LANGUAGES, read_questions
from isogloss.tasks import Task

TASK = Task(
    name="sample_answers",
    kind="question_answering",
    title="embedded sample: questions about a passage, 12 languages",
    read=read_questions,
    languages=LANGUAGES,
    metric="answer_F1",
    other_metrics=("squad_exact_match",),
    sizes={"train": 500, "dev": 100, "test": 200},
    paper="original to isogloss",
    licence="Apache-2.0",
)
