"""Few-shot translation: a language model that is shown a few good translations, and which ones it is shown.

Garcia, Bansal, Cherry, Foster, Krikun, Johnson, Firat 2023, "The unreasonable effectiveness of few-shot learning for
machine translation", ICML, arXiv 2302.01398. A decoder-only model that never saw a pair translates as well as trained
systems once five good translations stand in its prompt. Their quality decides more than anything else. Whatever the
five have in common, a region's words or a formal tone, the translation takes over, though nothing names it.

The paper trains its own models, of which neither code nor weights were released; here any served model reads the
prompt, and what the paper says about training on single languages is not repeated. The paper draws its five at random
from professional translations; beside that rule there are the first ones of the file (`fixed`), the most similar ones
(`similar`, see `adaptive_prompts`) and half of each (`mixed`), because a memory of the text's own domain serves
better by similarity and a noisy one by neither. A draw depends on the seed and the text alone, so that order,
batches and restarts change nothing; scores are to be told over several seeds. Minimum-Bayes-risk decoding over samples
is a rule of `decoding` that every engine shares. A text is never its own example, unless that is asked for.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from isogloss.errors import UserError, nearest
from isogloss.translation.pair_files import Pair
from isogloss.translation.prompts import Demonstration
from isogloss.translation.translation_memory import Match, TranslationMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """How many pairs of a memory are shown with a text, and which."""

    count: int = 5  # k, pairs
    selection: str = "similar"  # one of SELECTIONS
    at_least: float = 0.0  # the lowest similarity of a pair chosen by it, 0 to 1
    allow_exact: bool = False  # whether a text may be shown with its own translation
    seed: int = 1  # of the draws


def demonstrations(memory: TranslationMemory, texts: Sequence[str], shots: Shots) -> list[tuple[Demonstration, ...]]:
    """The examples of each text, from the least to the most similar; fewer where the memory has no more for it.

    Raises:
        UserError: there is no such selection, or the memory is smaller than the number of examples.
    """
    if shots.selection not in SELECTIONS:
        raise UserError(f"no selection {shots.selection!r}; {nearest(shots.selection, SELECTIONS)}")
    if shots.count > len(memory):
        raise UserError(f"{shots.count} examples were asked for, the memory has {len(memory)} pairs; ask for fewer")
    return SELECTIONS[shots.selection](memory, texts, shots)


def fixed(memory: TranslationMemory, texts: Sequence[str], shots: Shots) -> list[tuple[Demonstration, ...]]:
    """The first pairs of the memory, the same for all texts, so that a server reads them once."""
    every = range(len(memory))
    return [tuple(map(_shown, islice(_usable(memory, text, every, shots), shots.count))) for text in texts]


def drawn(memory: TranslationMemory, texts: Sequence[str], shots: Shots) -> list[tuple[Demonstration, ...]]:
    """Pairs drawn at random for each text, by the seed and the text."""
    draws = ((text, _drawn(memory, text, shots)) for text in texts)
    return [tuple(map(_shown, islice(_usable(memory, text, draw, shots), shots.count))) for text, draw in draws]


def similar(memory: TranslationMemory, texts: Sequence[str], shots: Shots) -> list[tuple[Demonstration, ...]]:
    """The most similar pairs, the best one last: next to the text."""
    found = memory.most_similar(texts, shots.count, at_least=shots.at_least, allow_exact=shots.allow_exact)
    return [tuple(map(_matched, reversed(matches))) for matches in found]


def mixed(memory: TranslationMemory, texts: Sequence[str], shots: Shots) -> list[tuple[Demonstration, ...]]:
    """The most similar pairs for half of the examples, rounded up, after random ones for the rest."""
    near = -(-shots.count // 2)
    found = memory.most_similar(texts, near, at_least=shots.at_least, allow_exact=shots.allow_exact)
    chosen = []
    for text, matches in zip(texts, found, strict=True):
        taken = {match.pair.source for match in matches}
        usable = _usable(memory, text, _drawn(memory, text, shots), shots)
        others = islice((pair for pair in usable if pair.source not in taken), shots.count - len(matches))
        chosen.append((*map(_shown, others), *map(_matched, reversed(matches))))
    return chosen


Selection = Callable[[TranslationMemory, Sequence[str], Shots], list[tuple[Demonstration, ...]]]
SELECTIONS: dict[str, Selection] = {"similar": similar, "random": drawn, "fixed": fixed, "mixed": mixed}
BY_SIMILARITY = ("similar", "mixed")


def _drawn(memory: TranslationMemory, text: str, shots: Shots) -> Sequence[int]:
    """Places in a random order, as many as are surely enough: some may be taken already or be the text's own."""
    wanted = min(len(memory), 2 * shots.count + len(memory.own(text)))
    return random.Random(f"{shots.seed}/{text}").sample(range(len(memory)), wanted)


def _usable(memory: TranslationMemory, text: str, places: Sequence[int], shots: Shots) -> Iterator[Pair]:
    """The pairs at the places, but for the text's own."""
    own = set() if shots.allow_exact else set(memory.own(text))
    return (memory.pairs[place] for place in places if place not in own)


def _shown(pair: Pair) -> Demonstration:
    return Demonstration(pair.source, pair.target)


def _matched(match: Match) -> Demonstration:
    return Demonstration(match.pair.source, match.pair.target, similarity=match.similarity)
