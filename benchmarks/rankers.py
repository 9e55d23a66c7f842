"""Rankers beside each other on a task: controls, a trained bi-encoder, and scorers behind each of these.

    python -m benchmarks.rankers xquad_r --data DIR [--seeds 1,2,3] [--rates 6e-5,2e-4] [--methods bi_encoder,...]
        [--trained-on xquad_r] [--depth 20] [--items 0] [--runs runs/rankers] [--results results] [--quick]
        [--output results/bench/rankers_xquad_r.json]

The recipes TASK_METHOD are trained with every seed. Of several `--rates` each takes the learning rate that is best on
dev with the first seed, found once, a scorer's behind the plain encoder; nothing else is tuned, and the test split is
scored once. A scorer (a cross-encoder) ranks the `--depth` documents that a first stage puts first, or all where each
query has candidates of its own. Where documents are in several languages, every retriever is also asked for those of
each language alone: a matrix, query language by document language.
`--trained-on` names a task whose recipes are trained, and tuned on its dev, in the place of this one's: what is learned
from questions is then scored on Vaswani's queries, or on sentences and their translations, in languages of both.

Results go to RESULTS/TASK_tiny (those of sentence pairs to RESULTS/TASK_ranking), from where the tables are made; the
matrix, the rates and what the trainings took, to the output, beside those of other methods that are there. What is
finished is not done again.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.transfer import publish
from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.rankings import read_queries
from isogloss.evaluation.compare import compare
from isogloss.evaluation.evaluate_ranker import Asked, evaluate_ranker
from isogloss.evaluation.results import Result, read_result
from isogloss.evaluation.show import comparison_table
from isogloss.files import write_atomic
from isogloss.methods import load_method
from isogloss.recipe import read_recipe, resolve
from isogloss.resources import recipe_files
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.runs import train
from isogloss.tasks import Task, load_task

METHODS = ("bi_encoder", "cross_encoder", "uni_encoder")
MATRICES = "query language by document language"
CONTROLS = {"bm25": "bm25", "dense": "dense:tiny"}
# small batches and little training, to see that it runs
QUICK = ("updates=2", "batch_size=4", "save_every=0")


@dataclass(frozen=True, slots=True)
class Row:
    """What is scored: a retriever as it is, or a scorer behind one of them."""

    name: str
    model: str
    settings: tuple[str, ...] = ()
    seed: int = 0  # 0 = nothing is trained

    @property
    def words(self) -> str:
        """Its name in a path."""
        return self.name.replace(" ", "_")

    @property
    def file(self) -> str:
        """The name of its result."""
        return f"{self.words}-test" + (f"-seed{self.seed}" if self.seed else "")


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is trained and scored."""

    task: Task
    trained_on: Task
    data: Path
    runs: Path
    depth: int
    items: int
    quick: bool

    def languages(self, split: str = "test") -> tuple[str, ...]:
        """Of a split's queries: those of both tasks."""
        return tuple(tag for tag in self.trained_on.languages if tag in self.task.languages_of(split))

    @property
    def results(self) -> str:
        """The name of the folder of results."""
        return f"{self.task.name}_{'tiny' if self.task.kind == 'ranking' else 'ranking'}"

    @property
    def collection(self) -> bool:
        """Whether the documents are a collection, in which a first stage has to find some."""
        queries = read_queries(self.task, self.data, "test", items=1)
        return max(len(query.documents) for group in queries.values() for query in group) > self.depth

    def document_languages(self) -> list[str]:
        """Of the documents that the queries of every language are asked of."""
        queries = read_queries(self.task, self.data, "test", self.languages(), items=1)
        return sorted(set.intersection(*({each.language for each in group[0].documents} for group in queries.values())))

    def folder(self, row: Row) -> Path:
        """Where a row's scores are kept."""
        return self.runs / self.task.name / (f"seed{row.seed}" if row.seed else "controls") / row.words

    def behind(self, first_stage: str) -> tuple[str, ...]:
        """The settings of a scorer that ranks what a first stage finds."""
        return (f"first_stage={first_stage}", f"depth={self.depth}")


def main() -> None:
    """Parse the arguments and do all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", help="xquad_r or xdailydialog, or another with recipes TASK_METHOD")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the task's data")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--rates", default="", help="learning rates, of which dev chooses; by default the recipe's own")
    parser.add_argument("--trained-on", help="the task whose recipes are trained; by default the same")
    parser.add_argument("--methods", default=",".join(METHODS), help="those without a recipe are left out")
    parser.add_argument("--depth", type=int, default=20, help="documents that a scorer ranks")
    parser.add_argument("--items", type=int, default=0, help="queries that are scored in each language; 0 = all")
    parser.add_argument("--runs", type=Path, default=Path("runs/rankers"), help="where the models go")
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the results are copied to")
    parser.add_argument("--quick", action="store_true", help="hardly any training, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: compare_rankers(given))


def compare_rankers(given: argparse.Namespace) -> None:
    """Train and score every row with every seed; print the table and write everything else to the output."""
    task, trained_on = (load_task(name, given.data) for name in (given.task, given.trained_on or given.task))
    items = 4 if given.quick else given.items
    experiment = Experiment(task, trained_on, given.data, given.runs, given.depth, items, given.quick)
    seeds = [int(seed) for seed in given.seeds.split(",")]
    rates = [float(rate) for rate in given.rates.split(",") if rate]
    methods = [name for name in given.methods.split(",") if f"{trained_on.name}_{name}" in recipe_files()]
    best = {name: best_rate(experiment, name, rates, seeds[0]) for name in methods}
    runs = {seed: {name: trained(experiment, name, best[name][0], seed) for name in methods} for seed in seeds}
    compared = list(dict.fromkeys(row for seed in seeds for row in rows(experiment, runs[seed], seed)))
    copied = [
        publish(
            scored(experiment, row.model, row.settings, experiment.folder(row) / "test.json"),
            given.results / experiment.results / f"{row.file}.json",
        )
        for row in compared
    ]
    about = {"task": task.name, "trained_on": trained_on.name, "depth": given.depth, "items": items}
    found = {
        "rates": {name: values for name, (_, values) in best.items() if values},
        "runs": {f"{name}, seed {seed}": took(run) for seed in seeds for name, run in runs[seed].items()},
        MATRICES: matrices(experiment, compared),
    }
    if given.output:
        content = about | beside(found, about, given.output)
        write_atomic(given.output, json.dumps(rounded(content) | circumstances(), indent=1, ensure_ascii=False) + "\n")
    print(comparison_table(compare(copied)))


def rows(experiment: Experiment, runs: Mapping[str, Path], seed: int) -> list[Row]:
    """The rows of a seed: retrievers, the same controls for every seed, then scorers behind each of them."""
    scorers = {name: str(run) for name, run in runs.items() if hasattr(load_method(name).Method, "scorer")}
    found = [Row(name, model) for name, model in CONTROLS.items()]
    found += [Row(name, str(run), seed=seed) for name, run in runs.items() if name not in scorers]
    retrievers = tuple(found)
    for name, run in scorers.items():
        if experiment.collection:
            found += [Row(f"{name} over {each.name}", run, experiment.behind(each.model), seed) for each in retrievers]
        else:  # nobody is asked for documents: each query has its own
            found.append(Row(name, run, experiment.behind(CONTROLS["bm25"]), seed))
    return found


def best_rate(experiment: Experiment, method: str, rates: Sequence[float], seed: int) -> tuple[float, dict[str, float]]:
    """The learning rate that is best on dev, and the main measure there of each; without a choice nothing is scored."""
    if not rates:
        return read_recipe(f"{experiment.trained_on.name}_{method}")["train"]["learning_rate"], {}
    if len(rates) == 1:
        return rates[0], {}
    values, here = {}, replace(experiment, task=experiment.trained_on)
    for rate in rates:
        run = trained(experiment, method, rate, seed)
        settings = here.behind(CONTROLS["dense"]) if hasattr(load_method(method).Method, "scorer") else ()
        result = read_result(scored(here, str(run), settings, run / "results" / "dev.json", split="dev"))
        values[f"{rate:g}"] = result.average
    return float(max(values, key=values.__getitem__)), values


def trained(experiment: Experiment, method: str, rate: float, seed: int) -> Path:
    """The run of a recipe with a learning rate and a seed, trained if it is not there."""
    task = experiment.trained_on.name
    folder = experiment.runs / task / f"{method}-{rate:g}-seed{seed}"
    if not (folder / MANIFEST).is_file():
        content = read_recipe(f"{task}_{method}")
        settings = [f"train.learning_rate={rate}", *(QUICK if experiment.quick else ())]
        train(resolve(content, {"data": experiment.data, "seed": seed, "output": folder}, settings))
    return folder


def scored(experiment: Experiment, model: str, settings: Sequence[str], path: Path, *, split: str = "test") -> Path:
    """The result file of a model on a split, made if it is not there."""
    if not path.is_file():
        score(experiment, model, Asked(settings=settings), path, split)
    return path


def score(experiment: Experiment, model: str, asked: Asked, path: Path | None, split: str = "test") -> Result:
    """The scores of a model, written to the path if one is given."""
    e, languages = experiment, experiment.languages(split)
    return evaluate_ranker(
        model, e.task, data=e.data, split=split, languages=languages, items=e.items, asked=asked, output=path
    )


def matrices(experiment: Experiment, compared: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """By retriever and seed (0 of the controls), where documents are in several languages: a matrix of these."""
    found: dict[str, dict[str, Any]] = {}
    if experiment.collection and len(experiment.document_languages()) > 1:
        for row in compared:
            if not row.settings:
                found.setdefault(row.name, {})[str(row.seed)] = matrix(experiment, row)
    return found


def beside(found: Mapping[str, dict[str, Any]], about: Mapping[str, Any], output: Path) -> dict[str, dict[str, Any]]:
    """What was found, and what an earlier call wrote of other methods and seeds if it was about the same."""
    earlier = json.loads(output.read_text(encoding="utf-8")) if output.is_file() else {}
    known = earlier if about.items() <= earlier.items() else {}
    made = {name: known.get(name, {}) | values for name, values in found.items()}
    made[MATRICES] |= {row: known.get(MATRICES, {}).get(row, {}) | seeds for row, seeds in found[MATRICES].items()}
    return made


def matrix(experiment: Experiment, row: Row) -> dict[str, dict[str, float]]:
    """The main measure by query language and document language, where only documents of one language are ranked."""
    path = experiment.folder(row) / "matrix.json"
    if not path.is_file():
        found: dict[str, dict[str, float]] = {}
        for documents in experiment.document_languages():
            result = score(experiment, row.model, Asked(documents=[documents]), None)
            for query, value in result.languages.items():
                found.setdefault(query, {})[documents] = value.value
        write_atomic(path, json.dumps(found, indent=1))
    return json.loads(path.read_text(encoding="utf-8"))


def took(run: Path) -> dict[str, Any]:
    """What a training took, and with which settings."""
    manifest = read_manifest(run)
    return {name: manifest[name] for name in ("updates", "seconds", "loss", "tokens_per_second", "config", "train")}


if __name__ == "__main__":
    main()
