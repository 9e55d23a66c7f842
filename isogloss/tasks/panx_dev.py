"""PAN-X: names of persons, organisations and places in Wikipedia; silver labels, and nothing is parallel."""

from pathlib import Path

from isogloss.data.formats import read_conll
from isogloss.records import TaggedSentence, join_words
from isogloss.tasks import Task, bio_tags


def read(folder: Path, split: str, tag: str) -> list[TaggedSentence]:
    """The sentences of a language. The test files have no labels: dev files are the test split, English dev is dev."""
    part = "train" if split == "train" else "dev"
    found = []
    for number, block in enumerate(read_conll(folder / f"{part}-{tag}.tsv", columns=2, commented=False), 1):
        text, words = join_words([word for word, _ in block.rows], tag)
        tags = tuple(label for _, label in block.rows)
        found.append(TaggedSentence(id=str(number), language=tag, text=text, words=tuple(words), tags=tags))
    return found


TASK = Task(
    name="panx_dev",
    kind="tagging",
    title="names of persons, organisations and places (PAN-X dev), English to 11 languages",
    read=read,
    languages=("af", "de", "id", "jv", "qu", "sw", "ta", "te", "tr", "ur", "yo"),
    train_languages=("en",),
    dev_languages=("en",),
    parallel=(),
    labels=bio_tags(("LOC", "ORG", "PER")),
    metric="span_F1",
    other_metrics=("span_F1_lenient",),
    folder="panx",
    sizes={"train": 20000, "dev": 10000},
    paper="Pan et al. 2017, aclanthology.org/P17-1178",
    licence="none stated",
)
