"""What the engines of encoder-decoder models share: which texts they read, and which outputs are translations."""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from isogloss.errors import UserError
from isogloss.files import sha256
from isogloss.translation.decoding import check_decoding, most_output_tokens, ranked
from isogloss.translation.language_tagging import TaggedTokenizer
from isogloss.translation.translator import Capabilities, Decoding, Hypothesis, Translation

# what a model's outputs depend on; a model card may change
MATERIAL = ("*.safetensors", "*.bin", "*.json", "*.txt", "*.model", "*.spm", "*.bpe")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a search found: the tokens after what was forced, the end included where `ended`.

    log_probability: their sum, in nats. attention: what each source token was attended to in all.
    """

    ids: Sequence[int]
    ended: bool
    log_probability: float
    attention: Sequence[float] | None = None


# sources, longest first, and for each the most tokens it may become -> candidates of each, in the order of the sources
Search = Callable[[list[list[int]], list[int]], Iterator[list[Candidate]]]


def translate_by(
    search: Search,
    tagged: TaggedTokenizer,
    can: Capabilities,
    texts: Sequence[str],
    source: str,
    target: str,
    decoding: Decoding,
) -> list[Translation]:
    """One translation for each text: what `search` finds, or why there is none.

    Raises:
        UserError: the direction, or something in the decoding, is not to be had.
    """
    tagged.check(source, target)
    check_decoding(decoding, can)
    failures: dict[int, str] = {i: reason for i, text in enumerate(texts) if (reason := _unreadable(text))}
    rest = [i for i in range(len(texts)) if i not in failures]
    ids = dict(zip(rest, tagged.source_ids([texts[i] for i in rest], source, target), strict=True))
    for i in rest:
        if not any(tagged.of_the_text(ids[i])):
            failures[i] = "the model has no token for anything in it"
        elif tagged.strays(ids[i]):
            failures[i] = "it holds what the model takes for an end, for padding or for a language; take that out"
        elif can.max_source_tokens and len(ids[i]) > can.max_source_tokens:
            failures[i] = f"{len(ids[i])} tokens, the model reads {can.max_source_tokens}; split it"
    # longest first: what does not fit into memory is known at once
    order = sorted((i for i in rest if i not in failures), key=lambda i: (-len(ids[i]), i))
    room = can.max_source_tokens or 10**9
    most = [min(most_output_tokens(len(ids[i]), decoding), room - 1) for i in order]
    found = {i: Translation(failure=reason) for i, reason in failures.items()}
    for i, limit, candidates in zip(order, most, search([ids[i] for i in order], most), strict=True):
        found[i] = _finished(candidates, limit, ids[i], tagged, decoding)
    return [found[i] for i in range(len(texts))]


def _unreadable(text: str) -> str | None:
    if not text.strip():
        return "the text is empty"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "the text holds half a character (a lone surrogate)"
    return None


def _finished(
    candidates: Sequence[Candidate], most: int, source: Sequence[int], tagged: TaggedTokenizer, decoding: Decoding
) -> Translation:
    """The candidates that ended in time and say something, as ranked hypotheses, or why there are none."""
    # the longest text of a batch sets the limit of the search, so it may have ended too late for a shorter one
    ended = [found for found in candidates if found.ended and len(found.ids) <= most]
    if not ended:
        return Translation(failure=f"the translation did not end within {most} tokens")
    real = tagged.of_the_text(source)
    hypotheses = []
    for found in ended:
        attention = None
        if found.attention is not None:  # of the text alone: ends and languages are where a model looks when idle
            attention = tuple(a for a, of_text in zip(found.attention, real, strict=True) if of_text)
        text = tagged.text(found.ids)
        if text:
            hypotheses.append(Hypothesis(text, found.log_probability, len(found.ids), attention))
    if not hypotheses:
        return Translation(failure="the translation is empty")
    return Translation(ranked(hypotheses, decoding))


def pair_ids(
    tagged: TaggedTokenizer, can: Capabilities, pairs: Sequence[tuple[str, str]], source: str, target: str
) -> tuple[list[list[int]], list[list[int]]]:
    """The tokens of both sides of the pairs that are to be scored.

    Raises:
        UserError: the direction is not to be had, or a side is empty or too long.
    """
    tagged.check(source, target)
    for number, side in ((n, side) for n, pair in enumerate(pairs, 1) for side in pair):
        if reason := _unreadable(side):
            raise UserError(f"pair {number} cannot be scored: {reason}")
    sources = tagged.source_ids([text for text, _ in pairs], source, target)
    targets = tagged.target_ids([translation for _, translation in pairs])
    longest = max((len(ids) for ids in (*sources, *targets)), default=0)
    if can.max_source_tokens and longest >= can.max_source_tokens:
        raise UserError(f"a pair cannot be scored: {longest} tokens, the model reads {can.max_source_tokens}; split it")
    return sources, targets


def batches_of_tokens(lengths: Sequence[int], most: int) -> Iterator[slice]:
    """Slices of neighbours whose padded rows hold at most `most` tokens; at least one row each."""
    start = 0
    for stop in range(1, len(lengths) + 1):
        if stop == len(lengths) or max(lengths[start : stop + 1]) * (stop + 1 - start) > most:
            yield slice(start, stop)
            start = stop


def longest_source(config: Any, tokenizer: Any) -> int | None:
    """The longest text that a model reads, in tokens; None where neither configuration nor tokenizer says."""
    for found in (getattr(config, "max_position_embeddings", None), getattr(config, "n_positions", None)):
        if isinstance(found, int) and found > 0:
            return found
    return tokenizer.model_max_length if tokenizer.model_max_length < 10**6 else None  # 10^30 stands for "not known"


def load_tokenizer(path: str, **options: Any) -> Any:
    """The tokenizer of a model, as transformers has it."""
    from transformers import AutoTokenizer

    with warnings.catch_warnings():
        # Marian's asks for sacremoses, which it then does not use to cut texts into tokens
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        return AutoTokenizer.from_pretrained(path, **options)


def seed_of(seed: int, ids: Sequence[int]) -> int:
    """A seed for one text, the same in any company."""
    return int.from_bytes(hashlib.sha256(f"{seed} {list(ids)}".encode()).digest()[:7])


def content_hash(folder: Path) -> str:
    """A SHA-256 over the names and contents of a model's files: weights, configuration, tokenizer."""
    files = sorted({path for pattern in MATERIAL for path in folder.rglob(pattern) if path.is_file()})
    lines = [f"{path.relative_to(folder).as_posix()}\0{sha256(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def licence(folder: Path) -> str | None:
    """The licence that a model card in the folder states."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    parts = card.read_text(encoding="utf-8", errors="replace").split("---", 2)
    try:
        head = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else None
    except yaml.YAMLError:
        return None
    stated = head.get("license") if isinstance(head, dict) else None
    return str(stated) if stated else None
