"""Milliseconds to rank a pool of candidates: one reading of all of them, beside a reading of each pair, and vectors.

    python -m benchmarks.candidates [--encoder tiny] [--contexts 256,32] [--tokens 30] [--candidates 10] [--pools 4]
        [--repeats 5] [--output results/bench/candidates.json]

Pools come one at a time, as in a dialogue. The Uni-Encoder reads a context once with all its candidates; a
cross-encoder reads it with each of them, ours without padding and that of sentence-transformers padded; a bi-encoder
reads every text alone, `documents known` the context only. Under `weighed` a context counts less than the candidate
that reads it, and the score is a cosine. All have the same encoder with untrained heads, which costs the same as
trained ones, and begin at the text. They take turns. The goal is that of the paper for long contexts, three times as
fast as the cross-encoder.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from benchmarks.turns import circumstances, in_turns, ratio, rounded
from isogloss.cli import run_guarded
from isogloss.encoders import load_encoder, load_tokenizer, quiet
from isogloss.encoders.candidates import keys_read
from isogloss.encoders.models import EncoderForSequenceClassification
from isogloss.encoders.visibility import prepare
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.kinds import Lengths
from isogloss.retrieval._pair_tokens import PairTokens
from isogloss.retrieval._pool_tokens import PoolTokens
from isogloss.retrieval._rows import padded
from isogloss.retrieval._uni_network import with_mask
from isogloss.retrieval.bi_encoder import tokens_of, vectors_of
from isogloss.retrieval.cross_encoder import PairScorer
from isogloss.retrieval.uni_encoder import PoolScorer, Settings

Pool = tuple[str, list[str]]  # a context and its candidates
UNI = {
    "one_way": Settings(),
    "one_way, weighed": Settings(score="cosine", cross_weight=0.02),  # as the recipes
    "arrow": Settings(mask="arrow"),
}
CROSS, LIBRARY, GOAL = "cross_encoder", "sentence-transformers", 3.0


def main() -> None:
    """Parse the arguments, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--contexts", default="256,32", help="tokens of a context, one measurement each")
    parser.add_argument("--tokens", type=int, default=30, help="of a candidate")
    parser.add_argument("--candidates", type=int, default=10, help="of a pool")
    parser.add_argument("--pools", type=int, default=4, help="that are ranked in a turn, one after another")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--quick", action="store_true", help="short texts, one turn")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.contexts, given.tokens, given.candidates, given.pools, given.repeats = "24", 6, 3, 1, 1
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Measure every length of context, print a line for each, and write everything to the output."""
    rows = {}
    for length in map(int, given.contexts.split(",")):
        rows[str(length)] = compared(given, length)
        told = ", ".join(f"{name} {row['milliseconds']:.1f} ms" for name, row in rows[str(length)]["rankers"].items())
        fast = rows[str(length)]["times as fast"]["one_way"]["median"]
        print(f"context of {length}: {told}; one_way {fast:.2f} times as fast as the cross-encoder", flush=True)
    found: dict[str, Any] = {name: getattr(given, name) for name in ("encoder", "tokens", "candidates", "pools")}
    found |= {"goal": GOAL, "contexts": rows}
    if given.output:
        write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def compared(given: argparse.Namespace, length: int) -> dict[str, Any]:
    """Milliseconds per pool of every ranker, and how many times as long the cross-encoders take."""
    tokenizer = load_tokenizer(given.encoder)
    pools = made_pools(tokenizer, given.pools, length, [given.tokens] * given.candidates)
    with tempfile.TemporaryDirectory() as folder:
        rankers = rankers_of(given.encoder, length, given.tokens, Path(folder))
        actions = {
            name: lambda rank=rank: [rank(context, candidates) for context, candidates in pools]
            for name, rank in rankers.items()
        }
        seconds = in_turns(actions, given.repeats)
    sizes = [length + 2, *[given.tokens + 2] * given.candidates]
    return {
        "rankers": {
            name: {"milliseconds": 1000 * float(np.median(each)) / given.pools, "seconds": each}
            for name, each in seconds.items()
        },
        "times as fast": {name: ratio(seconds[CROSS], seconds[name]) for name in seconds if name != CROSS},
        f"times as fast as {LIBRARY}": {name: ratio(seconds[LIBRARY], seconds[name]) for name in seconds},
        "tokens": {"uni_encoder": sum(sizes), CROSS: sum(length + given.tokens + 4 for _ in sizes[1:])},
        "keys": {mask: keys_read(sizes, mask) for mask in ("one_way", "arrow")},
    }


def rankers_of(
    encoder: str, length: int, tokens: int, folder: Path
) -> Mapping[str, Callable[[str, list[str]], object]]:
    """What scores one context's candidates, by name."""
    torch.manual_seed(0)
    lengths = Lengths(max_length=length + tokens + 32, max_question=length)  # nothing is cut
    pair_tokens = PairTokens(load_tokenizer(encoder), lengths, "start")
    cross = EncoderForSequenceClassification.from_encoder(encoder, num_labels=1)
    scorers: dict[str, Any] = {CROSS: PairScorer(CROSS, cross, pair_tokens)}
    for name, how in UNI.items():
        network = with_mask(load_encoder(encoder), how.mask, score=how.score, cross_weight=how.cross_weight)
        scorers[name] = PoolScorer(name, network, PoolTokens(pair_tokens), how)
    library = library_cross_encoder(encoder, folder, lengths.max_length)
    vectors = vectors_by(encoder, lengths.max_length)
    return {
        **{
            name: lambda context, candidates, scorer=scorer: scorer.scores([context], [candidates])
            for name, scorer in scorers.items()
        },
        LIBRARY: lambda context, candidates: library([(context, candidate) for candidate in candidates]),
        "bi_encoder": lambda context, candidates: vectors([context, *candidates]),
        "bi_encoder, documents known": lambda context, _: vectors([context]),
    }


def library_cross_encoder(encoder: str, folder: Path, max_length: int) -> Callable[[list[tuple[str, str]]], object]:
    """The cross-encoder of sentence-transformers on the same encoder, under the head of its own class."""
    from sentence_transformers import CrossEncoder
    from transformers import AutoModelForSequenceClassification

    with quiet():
        network = AutoModelForSequenceClassification.from_pretrained(
            str(load_encoder(encoder).name_or_path), num_labels=1, dtype=torch.float32
        )
        network.save_pretrained(folder)
        load_tokenizer(encoder).save_pretrained(folder)
        model = CrossEncoder(str(folder), max_length=max_length, device="cpu")
    return lambda pairs: model.predict(pairs, show_progress_bar=False)


def vectors_by(encoder: str, max_length: int) -> Callable[[list[str]], object]:
    """The function from texts to their unit vectors, read without padding."""
    network, tokenizer = prepare(load_encoder(encoder)), load_tokenizer(encoder)

    def read(texts: list[str]) -> object:
        rows = padded(tokens_of(tokenizer, texts, max_length=max_length, cut="end"), 0)
        with torch.inference_mode():
            return vectors_of(network, rows["input_ids"], rows["attention_mask"], "mean").numpy()

    return read


def made_pools(tokenizer: PreTrainedTokenizerBase, count: int, context: int, candidates: Sequence[int]) -> list[Pool]:
    """Pools of texts of just so many tokens each, without special ones.

    Raises:
        UserError: the tokenizer joins pieces of words that are written one after another.
    """
    pieces = sorted(piece for piece in tokenizer.get_vocab() if piece.startswith("▁") and piece[1:].isascii())
    words = [piece[1:] for piece in pieces if len(tokenizer.tokenize(piece[1:])) == 1 and piece[1:].isalpha()]
    random = np.random.default_rng(0)

    def text(length: int) -> str:
        made = " ".join(words[i] for i in random.integers(len(words), size=length))
        if len(tokenizer.tokenize(made)) != length:
            raise UserError(
                f"encoder {tokenizer.name_or_path}: words of one token do not make texts of as many; choose another"
            )
        return made

    return [(text(context), [text(length) for length in candidates]) for _ in range(count)]


if __name__ == "__main__":
    main()
