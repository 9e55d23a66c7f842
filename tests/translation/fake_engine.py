"""An engine for tests: every word gets the target language behind it, at once or slowly, and some texts fail.

As a script it runs a job: python fake_engine.py ROWS FOLDER NAME=VALUE ...
"""

import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.errors import UserError
from isogloss.translation.translator import Capabilities, Hypothesis, Translation

LANGUAGES = ("en", "de", "sw", "th", "zh", "fr")


@dataclass
class Fake:
    """seconds: for each text. log: a file that gets a line for each text. failing: texts with this in them fail."""

    seconds: float = 0.0
    log: Path | None = None
    failing: str = "\0"
    documents: bool = False
    one_way: bool = False
    calls: list = field(default_factory=list)
    fingerprint: str = "fake-1"

    @property
    def provenance(self):
        return {"engine": "fake", "revision": "1", "licence": "none"}

    @property
    def capabilities(self):
        return Capabilities(documents=self.documents)

    def check(self, source, target):
        for tag in (source, target):
            if tag not in LANGUAGES:
                raise UserError(f"fake does not translate {tag}; it has {', '.join(LANGUAGES)}")
        if self.one_way and source != "en":
            raise UserError("fake translates from en alone")

    def translate(self, texts, source, target, decoding):
        self.calls.append(list(texts))
        time.sleep(self.seconds * len(texts))
        if self.log:
            with self.log.open("a", encoding="utf-8") as file:
                file.writelines(f"{target}\t{text}\n" for text in texts)
        return [self.one(text, target) for text in texts]

    def one(self, text, target):
        if self.failing in text:
            return Translation(failure="reached the output limit")
        words = text.split()
        return Translation((Hypothesis(" ".join(f"{word}-{target}" for word in words), -0.5 * len(words), len(words)),))

    def score(self, pairs, source, target):
        raise UserError("fake does not score")


def main():
    """Translate English sentences into three languages, as records, into a parallel data set beside the store."""
    from isogloss.records import Sentence
    from isogloss.translation.job import ALL, Work
    from isogloss.translation.place import Place
    from isogloss.translation.translate import translate_records

    given = dict(word.split("=") for word in sys.argv[3:])
    if limit := int(given.pop("file_size", 0)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    place = Path(sys.argv[2])
    share = tuple(int(number) for number in given["shard"].split("/")) if "shard" in given else ALL
    engine = Fake(float(given.get("seconds", 0)), place / given.get("log", "log.txt"))
    try:
        translate_records(
            [
                Sentence(
                    id=str(i), language="en", text=f"Row {i} is here. It is short. Twin {i // 2}!", label="ab"[i % 2]
                )
                for i in range(int(sys.argv[1]))
            ],
            engine,
            ["de", "sw", "th"],
            Place(place / given.get("output", "set"), place / "store"),
            work=Work(tokens=256, share=share),
        )
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
