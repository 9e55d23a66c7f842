"""An engine for tests that knows the translations of the embedded sample, and nothing else."""

from isogloss.data.checks import texts
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.tasks import load_task
from isogloss.translation.translator import Capabilities, Hypothesis, Translation


class Interpreter:
    """It reads whole paragraphs; markers around an answer come back around the answer of the other language."""

    fingerprint = "interpreter-1"

    def __init__(self, task, split, tags, unknown=()):
        self.tags, self.known, self.calls = tags, {}, 0
        found = read_split(load_task(task), None, split, tags)
        by_id = {tag: {record.id: record for record in records} for tag, records in found.items()}
        for source in tags:
            for name, record in by_id[source].items():
                if name not in unknown:
                    for target in tags:
                        self._learn(record, by_id[target][name], source, target)

    def _learn(self, record, translation, source, target):
        there = texts(translation)
        for field, text in texts(record).items():
            self.known[text, source, target] = there[field]
        for answer, other in zip(getattr(record, "answers", ()), getattr(translation, "answers", ()), strict=True):
            self.known[answer.text, source, target] = other.text
            marked = _marked(record.context, answer)
            self.known[marked, source, target] = _marked(translation.context, other)

    @property
    def provenance(self):
        return {"engine": "interpreter", "licence": "Apache-2.0"}

    @property
    def capabilities(self):
        return Capabilities(documents=True)

    def check(self, source, target):
        if not {source, target} <= set(self.tags):
            raise UserError(f"the interpreter speaks {', '.join(self.tags)}, not {source} and {target}")

    def translate(self, texts, source, target, decoding):
        self.calls += 1
        return [self._one(text, source, target) for text in texts]

    def _one(self, text, source, target):
        found = self.known.get((text, source, target))
        return Translation(failure="never heard") if found is None else Translation((Hypothesis(found, -1.5, 3),))

    def score(self, pairs, source, target):
        raise UserError("the interpreter does not score")


def _marked(context, answer):
    end = answer.start + len(answer.text)
    return f"{context[: answer.start]}[{context[answer.start : end]}]{context[end:]}"
