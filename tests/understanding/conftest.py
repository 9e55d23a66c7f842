"""A toy language pair: every word of one is a word of the other, and a keyword decides the topic."""

import random
from pathlib import Path

import pytest

TOPICS = ("travel", "sports", "health")
LETTERS = {
    "eng_Latn": "abcdefghijkl",
    "seen": "ABCDEFGHIJKL",
    "unseen": "MNOPQRSTUVWX",
}  # word i of each is the same word
FILLERS = 6  # the first words mean nothing; after them two keywords per topic


def sentence(topic: int, draw: random.Random) -> list[int]:
    """Numbers of four words, one of them a keyword of the topic."""
    words = [draw.randrange(FILLERS) for _ in range(3)]
    words.insert(draw.randrange(4), FILLERS + 2 * topic + draw.randrange(2))
    return words


def write(folder: Path, split: str, letters: str, items: list[tuple[int, list[int]]]) -> None:
    rows = [
        f"{i}\t{TOPICS[topic]}\t{' '.join(letters[word] for word in words)}" for i, (topic, words) in enumerate(items)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}.tsv").write_text("\n".join(["index_id\tcategory\ttext", *rows]) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def toy_pair(tmp_path_factory) -> Path:
    """SIB-200's layout: 240 training sentences in both languages; the other language's test words are all unseen."""
    root, draw = tmp_path_factory.mktemp("toy"), random.Random(0)
    for split, count in (("train", 240), ("dev", 30), ("test", 150)):
        items = [(topic := i % 3, sentence(topic, draw)) for i in range(count)]
        write(root / "sib200" / "eng_Latn", split, LETTERS["eng_Latn"], items)
        write(root / "sib200" / "deu_Latn", split, LETTERS["seen" if split == "train" else "unseen"], items)
    return root
