"""The scores of anchor queries with every item of a collection, in memory or in a folder that grows block by block.

A block is a folder of its own that appears when it is whole: the items as JSON lines, and their scores as an array that
is memory-mapped. So whatever stops the work, the next call goes on behind the last block, and items that come later are
more blocks: nothing is computed anew.

Letters: A anchor queries, D items, Q queries.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import UserError
from isogloss.files import new_folder, sha256, write_atomic
from isogloss.records import Document
from isogloss.retrieval.ranker import Scorer

FORMAT = 1
ABOUT, ITEMS, SCORES, DIGEST = "anncur.json", "items.jsonl", "scores.npy", "sha256.json"
CALLS_OF_A_BLOCK = 20_000  # what is lost at most when the work is stopped
CHECKED = 3  # pairs that are scored again when a folder is opened
CLOSE = 1e-3  # difference of a score that another machine may make, in standard deviations of the scores


@dataclass
class Counted:
    """A scorer of pairs that counts its calls, a pair each, and stops at a score that is none.

    Raises:
        UserError: the scorer reads several documents at once, so that its scores are no matrix.
    """

    scorer: Scorer
    calls: int = 0

    def __post_init__(self) -> None:
        if not self.scorer.pairwise:
            raise UserError(
                f"{self.scorer.name} reads several documents at once, so that its scores are no matrix to be "
                "completed; use a scorer of pairs, such as a run of cross_encoder"
            )

    def __call__(self, queries: Sequence[str], items: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The scores of each query's own items.

        Raises:
            UserError: one is not a finite number.
        """
        found = [np.asarray(each, np.float32) for each in self.scorer.scores(queries, items)]
        self.calls += sum(map(len, items))
        for query, texts, scores in zip(queries, items, found, strict=True):
            if not np.isfinite(scores).all():
                wrong = int(np.flatnonzero(~np.isfinite(scores))[0])
                raise UserError(
                    f"{self.scorer.name} gives {scores[wrong]} for query {_short(query)} and document "
                    f"{_short(texts[wrong])}; mend the scorer, or leave that text out"
                )
        return found


@dataclass
class AnchorScores:
    """The anchor queries, the items, each text once, and their scores."""

    score: Counted
    queries: tuple[str, ...]
    folder: Path | None = None
    items: list[Document] = field(default_factory=list)
    blocks: list[np.ndarray] = field(default_factory=list)  # (items of a block, A) each

    def add(self, documents: Sequence[Document]) -> int:
        """How many of the documents were left out since their texts are there already; the others are items now."""
        known = {item.text for item in self.items}
        new = {each.text: each for each in reversed(documents) if each.text not in known}
        rest = [each for each in documents if new.get(each.text) is each]
        size = max(1, CALLS_OF_A_BLOCK // len(self.queries))
        for start in range(0, len(rest), size):
            self._append(rest[start : start + size])
        return len(documents) - len(rest)

    def _append(self, items: Sequence[Document]) -> None:
        texts = [item.text for item in items]
        scores = np.stack(self.score(self.queries, [texts] * len(self.queries)), 1)  # (A, items) -> (items, A)
        if self.folder is not None:
            place = self.folder / f"block-{len(self.blocks):06}"
            with new_folder(place) as block:
                np.save(block / SCORES, scores)
                lines = (json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in items)
                write_atomic(block / ITEMS, "".join(lines))
                write_atomic(block / DIGEST, json.dumps({ITEMS: sha256(block / ITEMS)}))
            scores = np.load(place / SCORES, mmap_mode="r")
        self.items += items
        self.blocks.append(scores)

    def rows(self, places: np.ndarray) -> np.ndarray:
        """The scores of some items with all anchor queries, (..., A)."""
        ends = np.cumsum([0, *map(len, self.blocks)])
        found = np.empty((*places.shape, len(self.queries)), np.float32)
        for number, block in enumerate(self.blocks):
            here = (places >= ends[number]) & (places < ends[number + 1])
            found[here] = block[places[here] - ends[number]]
        return found

    def of(self, queries: np.ndarray) -> np.ndarray:
        """The scores of some anchor queries, by number, with all items, (k, D)."""
        return np.concatenate([block[:, queries] for block in self.blocks]).T

    def product(self, weights: np.ndarray) -> np.ndarray:
        """Weighted sums of the anchor queries' scores for all items, (Q, A) -> (Q, D)."""
        return np.concatenate([weights @ block.T for block in self.blocks], 1)


def new_scores(score: Counted, queries: Sequence[str], folder: Path | None, settings: Any) -> AnchorScores:
    """The scores that a folder holds already, of the same anchor queries by the same scorer; or none.

    Raises:
        UserError: the folder holds others.
    """
    if folder is None:
        return AnchorScores(score, tuple(queries))
    if not (folder / ABOUT).is_file():
        about = {"format": FORMAT, "scorer": score.scorer.name, "anchor_queries": list(queries), "settings": settings}
        write_atomic(folder / ABOUT, json.dumps(about, ensure_ascii=False, indent=1))
    found, _ = open_scores(score, folder)
    if found.queries != tuple(queries):
        raise UserError(
            f"{folder} holds the scores of {len(found.queries)} other anchor queries; choose another folder"
        )
    return found


def open_scores(score: Counted, folder: Path) -> tuple[AnchorScores, dict[str, Any]]:
    """The scores in a folder, memory-mapped, and the settings they were made with.

    Raises:
        UserError: there are none, a file is damaged, or the scorer is another one: it gives pairs other scores.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} holds no scores of anchor queries; build them first") from None
    if about["format"] != FORMAT:
        raise UserError(
            f"{folder} was written by another version of isogloss (format {about['format']}); build it again"
        )
    found = AnchorScores(score, tuple(about["anchor_queries"]), folder)
    for number, place in enumerate(sorted(folder.glob("block-*"))):
        items, scores = _block(place)
        if place.name != f"block-{number:06}" or scores.shape != (len(items), len(found.queries)):
            raise UserError(f"{folder}: {place.name} does not follow the block before it; build the folder again")
        found.items += items
        found.blocks.append(scores)
    _check_scorer(found, about["scorer"])
    return found, about["settings"]


def _block(place: Path) -> tuple[list[Document], np.ndarray]:
    try:
        digest = json.loads((place / DIGEST).read_text(encoding="utf-8"))[ITEMS]
        scores = np.load(place / SCORES, mmap_mode="r")
        lines = (place / ITEMS).read_text(encoding="utf-8").strip("\n").split("\n")  # texts may hold other line ends
        if digest == sha256(place / ITEMS):
            return [Document(**json.loads(line)) for line in lines], scores
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{place} is damaged ({error}); remove that folder and those behind it, and build again"
        ) from None
    raise UserError(
        f"{place} has other items than were scored; remove that folder and those behind it, and build again"
    )


def _check_scorer(found: AnchorScores, name: str) -> None:
    """Nothing, if the scorer gives the first item what it got."""
    if not found.blocks:
        return
    asked, item = found.queries[:CHECKED], found.items[0].text
    expected, spread = found.blocks[0][0, :CHECKED], found.blocks[0].std() + 1e-6
    given = np.concatenate(found.score(asked, [[item]] * len(asked)))
    if np.abs(given - expected).max() > CLOSE * spread:
        raise UserError(
            f"{found.folder} holds the scores of {name}, and {found.score.scorer.name} gives others; open it with the "
            "scorer that it was built with, or build another"
        )


def tell_duplicates(left_out: int) -> None:
    """Nothing; how many items were not taken is said on standard error."""
    if left_out:
        print(f"{left_out} documents have the text of another one and are scored with it", file=sys.stderr)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
