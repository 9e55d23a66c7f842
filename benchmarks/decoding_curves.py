"""What length normalisation and the coverage penalty do to translations: a curve over their exponents.

    python -m benchmarks.decoding_curves --engine hf:RUN --data DIR [--task multi30k] [--split dev] [--direction en-de]
        [--items 0] [--beam 8] [--rule gnmt] [--alphas 0,0.2,...] [--betas 0,0.1,...]
        [--output results/bench/decoding_curves.json]

The hypotheses of one beam search are ranked again under every pair of alpha and beta (`isogloss.translation.decoding`),
so the search is the same and the rule alone differs. For each pair: BLEU and chrF with intervals, words of the outputs
to words of the references, and the share of source words that were hardly looked at, whose pieces got less than 0.5 of
attention in all. Split dev is for choosing; a test split is not to be tuned on.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import Direction, directions_among, pairs
from isogloss.data.task_data import drawn
from isogloss.errors import UserError
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import Counts, count_items
from isogloss.files import write_atomic
from isogloss.metrics import load_metric
from isogloss.records import Bitext, TranslationPrediction
from isogloss.tasks import load_task
from isogloss.translation.decoding import ranked
from isogloss.translation.translator import Decoding, Hypothesis, Translation, load_translator

ALPHAS = "0,0.2,0.4,0.6,0.8,1,1.2"
BETAS = "0,0.1,0.2,0.4,0.8"
ASK = 1e-12  # a coverage that changes no rank; with it an engine tells its attention
LOOKED_AT = 0.5  # attention in all from which a word counts as looked at
WORD_START = "▁"


def main() -> None:
    """Parse the arguments, draw the curve and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True, help="hf:FOLDER or ctranslate2:FOLDER, or the folder of a run")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="multi30k")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--direction", default="en-de")
    parser.add_argument("--items", type=int, default=0, help="sentences at most; 0 = all")
    parser.add_argument("--beam", type=int, default=8)
    parser.add_argument("--rule", default="gnmt", help="of length: gnmt or power")
    parser.add_argument("--alphas", default=ALPHAS)
    parser.add_argument("--betas", default=BETAS)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: draw(given))


def draw(given: argparse.Namespace) -> None:
    """Translate once, rank again under every rule, print a line for each and write everything to the output."""
    task = load_task(given.task)
    (direction,) = directions_among(given.direction, task.languages_of(given.split))
    gold = pairs(task, given.data, given.split, direction)
    gold = drawn(gold, given.items) if given.items else gold
    lists, words = n_best(given.engine, gold, direction, given.beam)
    rules = [
        Decoding(beam=given.beam, length=given.rule if alpha else "none", alpha=alpha, coverage=beta)
        for beta in map(float, given.betas.split(","))
        for alpha in map(float, given.alphas.split(","))
    ]
    found = {"engine": given.engine, "task": task.name, "split": given.split, "direction": str(direction)}
    found |= {"beam": given.beam, "rule": given.rule, "n": len(gold), "curve": curve(gold, lists, words, rules)}
    print(table(found["curve"]))
    if given.output:
        write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def n_best(
    spec: str, gold: Sequence[Bitext], direction: Direction, beam: int
) -> tuple[list[Translation], list[list[int]]]:
    """For each text its hypotheses with attention, and for each of its tokens the number of the word it belongs to.

    Raises:
        UserError: the engine tells no attention.
    """
    engine: Any = load_translator(spec)
    if not engine.capabilities.attention or not hasattr(engine, "tagged"):
        raise UserError(f"{spec} tells no attention to single tokens, which coverage needs; take an hf: engine")
    texts = [record.text for record in gold]
    lists = engine.translate(texts, *direction, Decoding(beam=beam, hypotheses=beam, coverage=ASK))
    words = []
    for ids in engine.tagged.source_ids(texts, *direction):
        own = [i for i, of_text in zip(ids, engine.tagged.of_the_text(ids), strict=True) if of_text]
        starts = [piece.startswith(WORD_START) for piece in engine.tagged.tokenizer.convert_ids_to_tokens(own)]
        words.append(np.cumsum(starts).tolist())
    return lists, words


def curve(
    gold: Sequence[Bitext], lists: Sequence[Translation], words: Sequence[Sequence[int]], rules: Sequence[Decoding]
) -> list[dict[str, Any]]:
    """What every rule makes of the lists; the differences are to the first one."""
    chosen = [[best(each, rule) for each in lists] for rule in rules]
    found: list[dict[str, Any]] = [
        {"alpha": rule.alpha, "beta": rule.coverage, "length": rule.length} | shapes(one, words)
        for rule, one in zip(rules, chosen, strict=True)
    ]
    for metric in map(load_metric, ("BLEU", "chrF")):
        counts: list[Counts] = [count_items(metric, gold, predictions(gold, one)) for one in chosen]
        sampled = resample(counts, metric.value)
        for i, row in enumerate(found):
            (score,) = scores(sampled, i).languages.values()
            row[metric.name] = score._asdict()
            row[f"{metric.name} minus the first"] = difference(sampled, i, 0)._asdict()
            if metric.name == "BLEU":
                row["length ratio"] = length_ratio(counts[i])
    return found


def best(found: Translation, rule: Decoding) -> Hypothesis | None:
    """The best hypothesis of a list under a rule; None where there is none."""
    return ranked(found.hypotheses, replace(rule, hypotheses=1))[0] if found.hypotheses else None


def shapes(chosen: Sequence[Hypothesis | None], words: Sequence[Sequence[int]]) -> dict[str, float]:
    """The share of source words that were hardly looked at, in percent, and tokens of the mean output."""
    kept = [(one, numbers) for one, numbers in zip(chosen, words, strict=True) if one is not None and one.attention]
    looked = [total for one, numbers in kept for total in word_attention(one.attention or (), numbers)]
    hardly = sum(total < LOOKED_AT for total in looked)
    tokens = [one.tokens or 0 for one, _ in kept]
    return {
        "hardly looked at": 100 * hardly / max(1, len(looked)),
        "tokens": sum(tokens) / max(1, len(tokens)),
        "failures": sum(one is None for one in chosen),
    }


def word_attention(attention: Sequence[float], numbers: Sequence[int]) -> list[float]:
    """What each word was attended to in all: the sum over its pieces."""
    totals: dict[int, float] = {}
    for total, number in zip(attention, numbers, strict=True):
        totals[number] = totals.get(number, 0.0) + total
    return list(totals.values())


def length_ratio(counts: Counts) -> float:
    """Words of the outputs to words of the references, as BLEU counts them."""
    (items,) = counts.values()
    found, wanted = np.array(list(items.values()), float).sum(0)[:2]
    return float(found / wanted)


def predictions(gold: Sequence[Bitext], chosen: Sequence[Hypothesis | None]) -> list[TranslationPrediction]:
    """The chosen hypotheses as predictions about the records."""
    return [
        TranslationPrediction(
            id=record.id,
            language=record.language,
            text=record.text,
            translation_language=record.translation_language,
            translation=one.text if one else None,
        )
        for record, one in zip(gold, chosen, strict=True)
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A line for every rule."""
    return "\n".join(
        f"alpha {row['alpha']:g} beta {row['beta']:g}: BLEU {row['BLEU']['value']:.2f} chrF {row['chrF']['value']:.2f} "
        f"length {row['length ratio']:.3f} hardly looked at {row['hardly looked at']:.1f} %"
        for row in rows
    )


if __name__ == "__main__":
    main()
