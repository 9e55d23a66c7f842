"""What the pairings need beside the records: lexicons and machine translations of a task, and draws among pairings."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.lexicon import lexicons
from isogloss.data.parallel import pair
from isogloss.data.task_data import read_machine
from isogloss.tasks import Task

Split = Mapping[str, Sequence[Any]]  # records by language tag


def paired(
    task: Task, data: Path | None, split: str, found: Split, pairing: str, seed: int
) -> dict[str, Sequence[Any]]:
    """The records of a split under a pairing; see `data.parallel.pair`.

    Raises:
        UserError: the task lacks what the pairing needs.
    """
    words = lexicons(task, data, list(found)) if pairing == "word_for_word" else {}
    machine = read_machine(task, data, split, list(found)) if pairing == "machine" else {}
    return {
        tag: pair(records, pairing, seed, lexicon=words.get(tag, {}), machine=machine.get(tag))
        for tag, records in found.items()
    }


def mixed(
    task: Task, data: Path | None, split: str, found: Split, pairings: Sequence[str], seed: int
) -> dict[str, Sequence[Any]]:
    """The records of a split, each under one of the pairings, drawn by seed, language and id.

    Raises:
        UserError: the task lacks what one of the pairings needs.
    """
    versions = [paired(task, data, split, found, pairing, seed) for pairing in pairings]
    if len(versions) == 1:
        return versions[0]
    return {
        tag: [
            random.Random(f"{seed}/{tag}/{same[0].id}").choice(same)
            for same in zip(*(version[tag] for version in versions), strict=True)
        ]
        for tag in found
    }
