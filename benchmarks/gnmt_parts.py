"""What two parts of GNMT are worth on captions: residual connections, and the second stage on GLEU.

    python -m benchmarks.gnmt_parts --data DIR --first "runs/multilingual_translation/seed{seed}/GNMT, 1600 updates"
        [--seeds 1,2] [--direction en-de] [--updates 400] [--layers 4] [--more 200] [--samples 15] [--tokens 512]
        [--rate 2e-4] [--split dev] [--items 0] [--beam 4] [--work runs/gnmt_parts] [--quick]
        [--output results/bench/gnmt_parts.json]

Residuals: a network of 4 + 4 layers with them and one without, trained by the recipe for a few hundred updates each.
The second stage begins from a finished run of the first, for each seed its own; beside it likelihood goes on from the
same run, with as many updates at the same learning rate, so that not all that more training gives is called a reward's.
Both are scored on the same sentences, seeds averaged sentence by sentence. What is finished is not done again; the
results are written anew after each row.
"""

import argparse
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import Direction, directions_among, pairs
from isogloss.data.task_data import drawn
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import Counts, average_seeds, count_items
from isogloss.files import write_atomic
from isogloss.metrics import load_metric
from isogloss.recipe import read_recipe, resolve
from isogloss.records import Bitext, TranslationPrediction
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.runs import train
from isogloss.tasks import load_task
from isogloss.translating_run import translations
from isogloss.translation.translator import Decoding, load_translator

TASK, RECIPE = "multi30k", "multi30k_nmt"
WITH, WITHOUT, FIRST, GLEU, LIKELIHOOD = "residuals", "no residuals", "first stage", "+ GLEU", "+ likelihood"
PARTS = {"second stage": (FIRST, GLEU, LIKELIHOOD), "residuals": (WITH, WITHOUT)}
METRICS = ("chrF", "BLEU", "GLEU")
SHARED = ("vocabulary", "longest")  # the settings of the recipe that GNMT has too
QUICK = {"vocabulary": 90, "hidden": 16}  # tiny networks and little training, to see that it runs
Rows = Mapping[str, Sequence[Sequence[TranslationPrediction]]]  # by row and seed


def main() -> None:
    """Parse the arguments and do all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds multi30k")
    parser.add_argument("--first", required=True, help="finished runs of gnmt, {seed} in the place of the number")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--direction", default="en-de")
    parser.add_argument("--hidden", type=int, default=160, help="units of the networks with and without residuals")
    parser.add_argument("--layers", type=int, default=4, help="of their encoder and of their decoder")
    parser.add_argument("--updates", type=int, default=400, help="of these two")
    parser.add_argument("--more", type=int, default=200, help="updates of the second stage")
    parser.add_argument("--samples", type=int, default=15, help="translations drawn of each source")
    parser.add_argument("--tokens", type=int, default=512, help="of its batches, in which each source is written often")
    parser.add_argument("--rate", type=float, default=2e-4, help="learning rate of the second stage")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--items", type=int, default=0, help="sentences that are scored at most; 0 = all")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--work", type=Path, default=Path("runs/gnmt_parts"), help="models")
    parser.add_argument("--quick", action="store_true", help="tiny models, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Train and score seed by seed; print the table and write everything to the output."""
    task = load_task(TASK)
    (direction,) = directions_among(given.direction, task.languages_of(given.split))
    gold = pairs(task, given.data, given.split, direction)
    gold = drawn(gold, given.items) if given.items else gold
    made: dict[str, list[Sequence[TranslationPrediction]]] = {}
    found: dict[str, Any] = {name: getattr(given, name) for name in ("direction", "split", "beam", "layers", "samples")}
    found |= {"task": TASK, "n": len(gold), "runs": {}}
    for seed in map(int, given.seeds.split(",")):
        for name, folder in trained(given, seed, found["runs"]):
            made.setdefault(name, []).append(translated(folder, gold, direction, given))
            found |= {
                part: compared(gold, {name: made[name] for name in names if name in made})
                for part, names in PARTS.items()
                if names[0] in made
            }
            if given.output:
                write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")
    print(table({name: row for part in PARTS for name, row in found[part].items()}))


def trained(given: argparse.Namespace, seed: int, runs: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """The name and the run of every row of a seed, trained where it was not; what each took goes into `runs`."""
    recipe = read_recipe(RECIPE)
    first = Path(given.first.format(seed=seed))
    deep = {"layers": given.layers, "hidden": given.hidden} | (QUICK if given.quick else {})
    fresh = {"updates": given.updates, "save_every": given.updates // 16}
    fresh |= {"tokens_per_batch": 400, "average": 0} if given.quick else {}
    more = {"updates": given.more, "learning_rate": given.rate, "schedule": "constant_with_warmup"}
    more |= {"tokens_per_batch": given.tokens, "save_every": max(1, given.more // 16)}
    more |= {"average": 0} if given.quick else {}
    asked: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        GLEU: (str(first), {"samples": given.samples}, more),
        LIKELIHOOD: (str(first), {}, more),
        WITH: ("new", deep, fresh),
        WITHOUT: ("new", deep | {"residual": False}, fresh),
    }
    yield FIRST, first
    for name, (encoder, config, section) in asked.items():
        shared = {each: recipe["config"][each] for each in SHARED} | {"directions": [given.direction]}
        content = recipe | {"config": shared | config, "train": recipe["train"] | section}
        folder = given.work / f"seed{seed}" / name
        flags = {"method": "gnmt", "data": given.data, "encoder": encoder, "seed": seed, "output": folder}
        if not (folder / MANIFEST).is_file():
            train(resolve(content, flags))
        runs.setdefault(name, {})[str(seed)] = told(folder, content, encoder, first)
        yield name, folder


def told(folder: Path, content: Mapping[str, Any], encoder: str, first: Path) -> dict[str, Any]:
    """What a run took, its loss at the beginning and the end, and the command that makes it."""
    run = read_manifest(folder)
    words = ["isogloss", "train", "--method", "gnmt", "--task", TASK, "--data", "DIR", "--seed", str(run["seed"])]
    words += ["--languages", ",".join(content["languages"])]
    words += ["--encoder", "/".join(first.parts[-2:])] if encoder == str(first) else []
    words += ["--output", "/".join(folder.parts[-2:])]
    settings = content["config"] | content["train"]
    words += [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    return {
        "updates": run["updates"],
        "seconds": run["seconds"],
        "tokens_per_second": run["tokens_per_second"],
        "first_loss": run["loss_curve"][0][1],
        "loss": run["loss"],
        "command": shlex.join(words),
    }


def translated(
    folder: Path, gold: Sequence[Bitext], direction: Direction, given: argparse.Namespace
) -> list[TranslationPrediction]:
    """A run's translations of the sentences."""
    return translations(load_translator(str(folder)), gold, Decoding(beam=given.beam))


def compared(gold: Sequence[Bitext], rows: Rows) -> dict[str, Any]:
    """The scores of every row and their differences to the rows before it, over the seeds that all of them have."""
    seeds = min(map(len, rows.values()))
    rows = {name: made[:seeds] for name, made in rows.items()}
    found: dict[str, Any] = {name: {"n": len(gold), "seeds": len(made)} for name, made in rows.items()}
    for metric in map(load_metric, METRICS):
        counts: list[Counts] = [
            average_seeds([count_items(metric, gold, one) for one in made]) for made in rows.values()
        ]
        sampled, order = resample(counts, metric.value), list(rows)
        for i, name in enumerate(order):
            found[name][metric.name] = next(iter(scores(sampled, i).languages.values()))._asdict()
            for j, rival in enumerate(order[:i]):
                found[name][f"{metric.name} minus {rival}"] = difference(sampled, i, j)._asdict()
    return found


def table(found: Mapping[str, Any]) -> str:
    """A line for every row."""
    return "\n".join(
        f"{name:<14}" + "  ".join(f"{metric} {row[metric]['value']:.1f}" for metric in METRICS)
        for name, row in found.items()
    )


if __name__ == "__main__":
    main()
