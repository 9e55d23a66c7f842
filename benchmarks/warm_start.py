"""What a translator gains from beginning with an encoder: the same updates from random weights and from what it knows.

    python -m benchmarks.warm_start --data DIR [--encoder tiny] [--direction de-en] [--updates 400] [--seeds 1,2]
        [--items 0] [--work runs/warm_start] [--quick] [--output results/bench/warm_start.json]

Captions of multi30k by its recipe, one direction. Three networks: the recipe's, one of the encoder's shape with random
weights, and one that begins with the encoder. The last two are of one size and learn at half the recipe's rate, as wide
networks do, so that what is between them is what the encoder knows; no rate was tuned. Beside them stand two controls
without a network: the source text as it is, and the human translation of another caption. A score is the mean over the
seeds, greedily translated, its interval of 95 % is over captions; the differences are of the same captions. What is
finished is not done again.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.embedded_translator import controls
from benchmarks.multilingual_translation import parameters
from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import directions_among, pairs
from isogloss.data.task_data import drawn
from isogloss.encoders import load_config
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import Counts, average_seeds, count_items
from isogloss.files import write_atomic
from isogloss.metrics import load_metric
from isogloss.recipe import read_recipe, resolve
from isogloss.records import Bitext
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.runs import train
from isogloss.tasks import load_task
from isogloss.translating_run import translations
from isogloss.translation.translator import Decoding, load_translator

TASK, RECIPE = "multi30k", "multi30k_nmt"
SMALL, FRESH, WARM = "random weights, the recipe's shape", "random weights, the encoder's shape", "from the encoder"
METRICS = ("chrF", "BLEU")
QUICK = ("updates=2", "vocabulary=90", "tokens_per_batch=400", "save_every=0", "average=0")


def main() -> None:
    """Parse the arguments and do all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds multi30k")
    parser.add_argument("--encoder", default="tiny", help="tiny, a folder, or a Hub name")
    parser.add_argument("--direction", default="de-en")
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--items", type=int, default=0, help="captions that are scored at most; 0 = all")
    parser.add_argument("--work", type=Path, default=Path("runs/warm_start"), help="where the models go")
    parser.add_argument("--quick", action="store_true", help="hardly any training, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Train and score every network with every seed; print the table and write everything to the output."""
    task = load_task(TASK, given.data)
    (direction,) = directions_among(given.direction, task.languages_of("test"))
    gold = pairs(task, given.data, "test", direction)
    gold = drawn(gold, given.items) if given.items else gold
    found: dict[str, Any] = {"task": TASK, "direction": given.direction, "encoder": given.encoder, "n": len(gold)}
    found |= {"controls": controls(gold), "rows": {}}
    counts: dict[str, dict[str, Counts]] = {}
    for name, settings in shapes(given.encoder).items():
        runs = [trained(given, name, settings, seed) for seed in map(int, given.seeds.split(","))]
        counts[name] = counted(runs, gold)
        found["rows"][name] = {"runs": [told(run) for run in runs]}
    for metric in METRICS:
        each = [of[metric] for of in counts.values()]
        sample = resample(each, load_metric(metric).value)
        for i, name in enumerate(counts):
            found["rows"][name][metric] = scores(sample, i).languages[gold[0].language]._asdict()
            if name != WARM:
                minus = difference(sample, list(counts).index(WARM), i, sample.languages)
                found["rows"][name][f"{metric}, {WARM} minus this"] = minus._asdict()
    print(table(found))
    if given.output:
        write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def shapes(encoder: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What each network begins with, and its settings where they are not the recipe's."""
    config: Any = load_config(encoder)
    rate = read_recipe(RECIPE)["train"]["learning_rate"] / 2
    wide = (f"feed_forward={config.intermediate_size}", f"learning_rate={rate}")
    like = (f"hidden={config.hidden_size}", f"heads={config.num_attention_heads}")
    return {SMALL: ("new", ()), FRESH: ("new", (*wide, *like)), WARM: (encoder, wide)}


def trained(given: argparse.Namespace, name: str, shape: tuple[str, tuple[str, ...]], seed: int) -> Path:
    """The run of a network with a seed, trained if it is not there."""
    folder = given.work / f"{name.replace(', ', '-').replace(' ', '_')}-seed{seed}"
    if not (folder / MANIFEST).is_file():
        encoder, settings = shape
        content = read_recipe(RECIPE) | {"method": "multilingual_nmt", "encoder": encoder}
        own = (f"updates={given.updates}", f'directions=["{given.direction}"]')
        flags = {"data": given.data, "seed": seed, "output": folder}
        train(resolve(content, flags, [*own, *settings, *(QUICK if given.quick else ())]))
    return folder


def counted(runs: Sequence[Path], gold: Sequence[Bitext]) -> dict[str, Counts]:
    """What each caption adds to every metric, on average over the runs."""
    made = [translations(load_translator(f"hf:{run}"), gold, Decoding(beam=1)) for run in runs]
    return {name: average_seeds([count_items(load_metric(name), gold, each, ()) for each in made]) for name in METRICS}


def told(run: Path) -> dict[str, Any]:
    """What a training took."""
    manifest = read_manifest(run)
    wanted = ("seed", "encoder", "updates", "seconds", "tokens_per_second", "loss", "config", "train")
    return {"parameters": parameters(run)} | {name: manifest[name] for name in wanted}


def table(found: Mapping[str, Any]) -> str:
    """The networks with their scores, and the controls."""
    lines = [f"{TASK} {found['direction']}, n = {found['n']}: chrF [95 % interval], BLEU [95 % interval]"]
    for name, row in found["rows"].items():
        cells = [f"{row[m]['value']:.1f} [{row[m]['ci95'][0]:.1f}, {row[m]['ci95'][1]:.1f}]" for m in METRICS]
        lines.append(f"{name:<40}{cells[0]:<20}{cells[1]}")
    lines += [f"{name:<40}{value:.1f}" for name, value in found["controls"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
