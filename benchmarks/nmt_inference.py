"""What a translator loses in 8 bits, and what it gains in speed: float weights beside int8, on the same sentences.

    python -m benchmarks.nmt_inference --run RUN --data DIR [--task multi30k] [--split test] [--directions en-de,de-en]
        [--items 0] [--beam 4] [--repeats 3] [--work runs/nmt_inference] [--output results/bench/nmt_inference.json]

A run of transformers' shape is read by transformers (`hf:`) and, converted, by CTranslate2 in float32 and in int8; one
that reads its own weights in a precision, as GNMT does, in float32 and in int8. The first is what the others are
compared with: BLEU and chrF with the beam, their differences on the same resamples of the sentences, and how many of
the greedy translations are the same to the letter. The time is that of all sentences of a direction, with the beam; the
engines take turns, and each has translated them once before the first one counts.
"""

import argparse
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.turns import circumstances, in_turns, ratio, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import Direction, directions_among, pairs
from isogloss.data.task_data import drawn
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import count_items
from isogloss.files import write_atomic
from isogloss.methods import load_method
from isogloss.metrics import load_metric
from isogloss.recipe import build
from isogloss.records import Bitext
from isogloss.run_folder import read_manifest
from isogloss.tasks import load_task
from isogloss.translating_run import trained_directions, translations
from isogloss.translation.translator import Decoding, Translator, load_translator

METRICS = ("BLEU", "chrF")
GOAL = 0.5  # BLEU that int8 may lose


def main() -> None:
    """Parse the arguments, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a run that translates")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="multi30k")
    parser.add_argument("--split", default="test")
    parser.add_argument("--directions", default="", help="by default those that the run was trained on")
    parser.add_argument("--items", type=int, default=0, help="sentences at most; 0 = all")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--work", type=Path, default=Path("runs/nmt_inference"), help="where converted models go")
    parser.add_argument("--quick", action="store_true", help="eight sentences, one turn")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.items, given.repeats = 8, 1
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Measure every direction, print a line for each engine, and write everything to the output."""
    manifest, task = read_manifest(given.run), load_task(given.task)
    asked = directions_among(given.directions, task.languages_of(given.split)) if given.directions else None
    engines = engines_of(given.run, given.work)
    found: dict[str, Any] = {"method": manifest["method"], "task": task.name, "split": given.split, "beam": given.beam}
    found["megabytes"] = {name: size for name, (_, size) in engines.items()}
    found["directions"] = {}
    for direction in asked or trained_directions(manifest):
        gold = pairs(task, given.data, given.split, direction)
        gold = drawn(gold, given.items) if given.items else gold
        rows = {name: engine for name, (engine, _) in engines.items()}
        found["directions"][str(direction)] = compared(rows, gold, direction, given.beam, given.repeats)
    if given.output:
        write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def engines_of(run: Path, work: Path) -> dict[str, tuple[Translator, float]]:
    """The engines that read a run, the one that the others are compared with first, and megabytes of their weights."""
    manifest = read_manifest(run)
    module = load_method(manifest["method"])
    method = module.Method(build(module.Settings, manifest["config"], "config"))
    if "precision" in inspect.signature(method.translator).parameters:
        return {name: (method.translator(run, precision=name), megabytes(run)) for name in ("float32", "int8")}
    from isogloss.translation.engines.ctranslate2 import convert

    found = {"hf float32": (load_translator(f"hf:{run}"), megabytes(run))}
    for precision in ("float32", "int8"):
        folder = work / precision
        if not folder.is_dir():
            convert(str(run), folder, precision)
        found[f"ctranslate2 {precision}"] = (load_translator(f"ctranslate2:{folder}"), megabytes(folder))
    return found


def megabytes(folder: Path) -> float:
    """What the weights in a folder take on disk."""
    return sum(path.stat().st_size for name in ("*.safetensors", "model.bin") for path in folder.glob(name)) / 1e6


def compared(
    engines: Mapping[str, Translator], gold: Sequence[Bitext], direction: Direction, beam: int, repeats: int
) -> dict[str, Any]:
    """Scores, differences, equal outputs and times of the engines in one direction; printed, too."""
    first, *others = engines
    made = {name: translations(engine, gold, Decoding(beam=beam)) for name, engine in engines.items()}
    greedy = {
        name: [each.translation for each in translations(engine, gold, Decoding(beam=1))]
        for name, engine in engines.items()
    }
    found: dict[str, Any] = {name: {} for name in engines}
    for metric in map(load_metric, METRICS):
        counts = [count_items(metric, gold, each) for each in made.values()]
        sampled = resample(counts, metric.value)
        for i, name in enumerate(engines):
            found[name][metric.name] = scores(sampled, i).languages[direction.source]._asdict()
            if i:
                found[name][f"{metric.name} minus {first}"] = difference(sampled, i, 0)._asdict()
    texts = [record.text for record in gold]
    seconds = in_turns(
        {
            name: lambda engine=engine: engine.translate(texts, *direction, Decoding(beam=beam))
            for name, engine in engines.items()
        },
        repeats,
    )
    for name in engines:
        ended = [(a, b) for a, b in zip(greedy[name], greedy[first], strict=True) if b is not None]
        same = 100 * sum(a == b for a, b in ended) / max(1, len(ended))
        found[name] |= {"seconds": seconds[name], "same_greedy_percent": same}
        found[name] |= {"failures": sum(each.translation is None for each in made[name])}
    for name in others:
        found[name]["times as fast"] = ratio(seconds[first], seconds[name])
        row = found[name]
        more = row[f"BLEU minus {first}"]["value"]
        print(
            f"{direction} {name}: BLEU {row['BLEU']['value']:.2f}, {more:+.2f} (goal: no less than -{GOAL:g}); greedy "
            f"the same in {row['same_greedy_percent']:.1f} %; {row['times as fast']['median']:.2f} times as fast as "
            f"{first}",
            flush=True,
        )
    return found


if __name__ == "__main__":
    main()
