"""The masks of the Uni-Encoder beside a cross-encoder and a bi-encoder: the next turn of a dialogue among ten.

    python -m benchmarks.response_selection --data DIR [--seeds 1,2,3] [--rows one_way,arrow,diag,cross_encoder,...]
        [--directions en-en,de-de,it-it,de-it] [--items 0] [--encoder tiny] [--runs runs/response_selection]
        [--output results/bench/response_selection.json]

Every row is trained by the recipe of its method on XDailyDialog in English and German, contexts and replies of both
mixed, from the same encoder; masks with as many replies per context as the cross-encoder. `pairs` is the Uni-Encoder
with a context for each reply, each seeing the other: a cross-encoder that is trained as the masks are. Nothing is tuned
here. A direction is the language of the contexts and that of the replies. A score is the mean over the seeds, its
interval of 95 % is over dialogues. What is finished is not done again.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import Direction
from isogloss.data.rankings import Queries, read_queries
from isogloss.errors import UserError, nearest
from isogloss.evaluation.bootstrap import estimate, paired_difference
from isogloss.evaluation.counts import Counts, average_seeds, count_items
from isogloss.files import write_atomic
from isogloss.metrics.retrieval import family
from isogloss.ranking_run import load_ranking
from isogloss.recipe import read_recipe, resolve
from isogloss.records import RankedQuery
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.runs import train
from isogloss.tasks import load_task

TASK = "xdailydialog"
NEGATIVES = 3  # of a context, as in the cross-encoder's recipe
# by name: the recipe's method, and what is another way in its config
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    **{mask: ("uni_encoder", {"mask": mask, "count": NEGATIVES}) for mask in ("one_way", "arrow")},
    "diag": ("uni_encoder", {"mask": "diag", "count": NEGATIVES, "cross_weight": 1.0}),
    "pairs": ("uni_encoder", {"mask": "arrow", "alone": True, "count": NEGATIVES}),
    "cross_encoder": ("cross_encoder", {}),
    "bi_encoder": ("bi_encoder", {}),
}
METRICS = ("P@1", "RR")
FIRST = "one_way"  # what the others are compared with
QUICK = ("updates=2", "save_every=0")


def main() -> None:
    """Parse the arguments, train and score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the task's data")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--directions", default="en-en,de-de,it-it,de-it")
    parser.add_argument("--items", type=int, default=0, help="dialogues that are scored; 0 = all")
    parser.add_argument("--encoder", help="by default that of the recipe")
    parser.add_argument("--set", action="append", default=[], help="key=value of the training, such as updates=300")
    parser.add_argument("--runs", type=Path, default=Path("runs/response_selection"), help="where the models go")
    parser.add_argument("--quick", action="store_true", help="hardly any training, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.items, given.set = 4, [*given.set, *QUICK]
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Train every row with every seed and score it; print the table and write everything to the output."""
    task, chosen = load_task(TASK, given.data), given.rows.split(",")
    if unknown := [name for name in chosen if name not in ROWS]:
        raise UserError(f"no row {unknown[0]!r}; {nearest(unknown[0], ROWS)}")
    directions = [Direction(*name.split("-")) for name in given.directions.split(",")]
    queries = read_queries(task, given.data, "test", sorted({tag for each in directions for tag in each}), given.items)
    asked = {str(each): across(queries, each) for each in directions}
    found: dict[str, Any] = {"task": TASK, "dialogues": len(next(iter(asked.values()))), "rows": {}}
    counts: dict[str, dict[str, Counts]] = {}
    for name in chosen:
        runs = [trained(name, seed, given) for seed in map(int, given.seeds.split(","))]
        counts[name] = counted(runs, asked)
        found["rows"][name] = scored(counts[name]) | {"runs": [took(run) for run in runs]}
        told = ", ".join(
            f"{direction} {cell['value']:.1f}" for direction, cell in found["rows"][name][METRICS[0]].items()
        )
        print(f"{name}: {METRICS[0]} {told}", flush=True)
    for name in chosen:
        for metric in METRICS if name != FIRST and FIRST in chosen else ():
            found["rows"][name][f"{metric} minus {FIRST}"] = paired_difference(
                counts[name][metric], counts[FIRST][metric], family(metric).value
            )._asdict()
    if given.output:
        write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def across(queries: Queries, direction: Direction) -> list[RankedQuery]:
    """The contexts of one language with the candidates of the same dialogues in another."""
    candidates = {query.id: query for query in queries[direction.target]}
    return [
        replace(query, documents=candidates[query.id].documents, gains=candidates[query.id].gains)
        for query in queries[direction.source]
        if query.id in candidates
    ]


def trained(name: str, seed: int, given: argparse.Namespace) -> Path:
    """The run of a row with a seed, trained if it is not there."""
    folder = given.runs / f"{name}-seed{seed}"
    if not (folder / MANIFEST).is_file():
        method, config = ROWS[name]
        content: dict[str, Any] = read_recipe(f"{TASK}_{method}") | {"languages": ["en", "de"]}
        content["config"] = content["config"] | config
        flags = {"data": given.data, "seed": seed, "output": folder, "encoder": given.encoder}
        train(resolve(content, flags, given.set))
    return folder


def counted(runs: Sequence[Path], asked: Mapping[str, Sequence[RankedQuery]]) -> dict[str, Counts]:
    """What each dialogue adds to every metric in every direction, on average over the runs."""
    every: dict[str, list[Counts]] = {metric: [] for metric in METRICS}
    for run in runs:
        ranker = load_ranking(run)
        ranked = {direction: ranker.predict(queries) for direction, queries in asked.items()}
        for metric in METRICS:
            made = {
                direction: count_items(family(metric), queries, ranked[direction])[queries[0].language]
                for direction, queries in asked.items()
            }
            every[metric].append(made)
    return {metric: average_seeds(each) for metric, each in every.items()}


def scored(counts: Mapping[str, Counts]) -> dict[str, Any]:
    """Every metric in every direction with its interval, in percent."""
    return {
        metric: {
            direction: score._asdict() for direction, score in estimate(each, family(metric).value).languages.items()
        }
        for metric, each in counts.items()
    }


def took(run: Path) -> dict[str, Any]:
    """What a training took."""
    manifest = read_manifest(run)
    return {name: manifest[name] for name in ("seed", "updates", "seconds", "loss", "tokens_per_second", "config")}


if __name__ == "__main__":
    main()
