"""What the two xSID tasks share: reading its blocks and its training lines."""

from dataclasses import dataclass
from pathlib import Path

from isogloss.data.formats import align_words, find, read_conll, read_lines
from isogloss.errors import UserError
from isogloss.languages import dialect
from isogloss.records import Offsets

LANGUAGES = ("ar", "bar-IT", "da", "de", "en", "gsw", "id", "it", "ja", "kk", "nl", "sr-Latn", "tr", "zh")
PARTS = {"dev": "valid", "test": "test"}
SIZES = {"train": 11972, "dev": 300, "test": 500, "dev/ja": 150, "test/ja": 250}
PAPER = "van der Goot et al. 2021, arXiv 2105.07316"
LICENCE = "CC BY-SA 4.0"


@dataclass(frozen=True, slots=True)
class Utterance:
    """An utterance with both of its annotations."""

    id: str
    text: str
    intent: str
    words: tuple[Offsets, ...]
    tags: tuple[str, ...]


def read_utterances(folder: Path, split: str, tag: str) -> list[Utterance]:
    """The utterances of a split in one language.

    Training lines are known by their number, and exist in English and, machine-translated with projected slots, in
    Danish. Test utterances are known by their number too; only the English file does not write it.
    """
    if split == "train":
        name = "en" if tag == "en" else f"{dialect(tag, 'xsid')}-mt"
        return _training_lines(folder, f"train.{name}")
    found = []
    for number, block in enumerate(read_conll(folder / f"{dialect(tag, 'xsid')}.{PARTS[split]}.conll", columns=4), 1):
        for key in ("text", "intent"):
            if key not in block.comments:
                raise UserError(f"{block.where}: the utterance has no `# {key} =` line above it")
        text, rows = block.comments["text"], [row for row in block.rows if row[1].strip()]  # zh has tokens of no text
        words = align_words([row[1].strip() for row in rows], text, block.where)
        tags = tuple(row[3] for row in rows)
        found.append(Utterance(block.comments.get("id", str(number)), text, block.comments["intent"], words, tags))
    return found


def _training_lines(folder: Path, name: str) -> list[Utterance]:
    texts, labels = read_lines(folder / f"{name}.text"), read_lines(folder / f"{name}.label")
    where = find(folder / f"{name}.label")
    if len(texts) != len(labels):
        raise UserError(f"{where}: {len(labels)} lines, but {len(texts)} in the .text file beside it")
    found = []
    for number, (text, line) in enumerate(zip(texts, labels, strict=True), 1):
        *tags, intent = line.split()
        words = align_words(text.split(), text, f"{where}:{number}")
        if len(tags) != len(words):
            raise UserError(f"{where}:{number}: {len(tags)} tags for {len(words)} words")
        # 101 English lines carry the broken tag `Orecurring_datetime`, on words outside any slot
        clean = tuple("O" if tag == "Orecurring_datetime" else tag for tag in tags)
        found.append(Utterance(str(number), text, intent, words, clean))
    return found
