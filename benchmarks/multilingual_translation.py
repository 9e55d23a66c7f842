"""One translator for all directions beside one for each, zero-shot beside a chain, LSTM layers beside attention.

    python -m benchmarks.multilingual_translation --data DIR [--recipe multi30k_nmt] [--languages de,fr] [--seeds 1,2]
        [--tags encoder,decoder] [--longer] [--items 0] [--beam 4] [--work runs/multilingual_translation] [--quick]
        [--output results/bench/multilingual_translation.json]

Trains, for each seed, one model on both ways between English and every language, and one model for each of these
directions, which all have the same settings and together the updates of the one. The one model is also asked for the
directions between the other languages, of which it never saw a pair; beside that stands the same model as a chain
through English, also in seconds, both in turns. GNMT learns the first direction with as many updates and about as many
parameters as the single model; `--longer` trains these two with all the updates of the one model besides. With several
tags the one model is trained with each, and the first is compared with the others.

Every score has an interval from a bootstrap over sentences and every difference is tested on the same resamples, seeds
averaged sentence by sentence. The captions of Multi30k describe images in plain sentences, and every language describes
the same ones: a direction never seen is easier here than in news. `benchmarks.translation_probes` looks into the one
model. Models are scored by CTranslate2 in float32, GNMT by itself. What is finished is not done again; the results are
written anew after each row.
"""

import argparse
import json
import shlex
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from math import prod
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.translation_probes import probes
from benchmarks.turns import circumstances, in_turns, ratio, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import Direction, directions_among, pairs
from isogloss.data.task_data import drawn
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import average_seeds
from isogloss.evaluation.evaluate_translator import evaluate_translator
from isogloss.evaluation.results import read_items, read_result
from isogloss.files import write_atomic
from isogloss.languages import language
from isogloss.metrics import load_metric
from isogloss.recipe import read_recipe, resolve
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.runs import train
from isogloss.tasks import load_task
from isogloss.translation.translator import Decoding, load_translator

TASK, CENTRE = "multi30k", "en"
MULTILINGUAL, SINGLE, CHAIN, LSTM = "multilingual", "single", "through English", "GNMT"
DIRECT, TIMED, TURNS = "directly", 100, 5  # of the measurement of time: sentences at most, turns
# tiny networks and little training, to see that it runs
QUICK = {"vocabulary": 90, "hidden": 16, "feed_forward": 32, "heads": 2, "encoder_layers": 1, "decoder_layers": 1}
QUICK_TRAIN = {"updates": 8, "tokens_per_batch": 400, "save_every": 0, "average": 0}
WIDTHS = range(8, 1025, 4)  # of GNMT, among which the one with the nearest number of parameters is taken


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is trained and scored, for one seed after the other."""

    content: Mapping[str, Any]  # of the recipe
    data: Path
    work: Path
    trained: tuple[Direction, ...]
    tags: tuple[str, ...]
    longer: bool
    items: int
    beam: int

    @property
    def zero_shot(self) -> list[Direction]:
        """The directions between the languages other than English."""
        others = list(dict.fromkeys(direction.target for direction in self.trained if direction.target != CENTRE))
        return [Direction(source, target) for source in others for target in others if source != target]

    @property
    def updates(self) -> int:
        """The updates of the one model."""
        return self.content["train"]["updates"]

    @property
    def share(self) -> int:
        """The updates of a single model."""
        return self.updates // len(self.trained)

    def told(self, updates: int) -> str:
        """What is said of a single model's updates, where they are not its share."""
        return "" if updates == self.share else f", {updates} updates"


def main() -> None:
    """Parse the arguments and do all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds multi30k")
    parser.add_argument("--recipe", default="multi30k_nmt", help="of the one model: a recipe's name or file")
    parser.add_argument("--languages", default="de,fr", help="beside English")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--tags", default="encoder", help="where the target language stands: encoder,decoder,both")
    parser.add_argument("--longer", action="store_true", help="the first direction with all updates besides")
    parser.add_argument("--items", type=int, default=0, help="sentences that are scored at most; 0 = all")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--work", type=Path, default=Path("runs/multilingual_translation"), help="models and results")
    parser.add_argument("--quick", action="store_true", help="tiny models, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: compare_models(given))


def compare_models(given: argparse.Namespace) -> None:
    """Train and score all rows seed by seed; print the table and write everything to the output."""
    experiment = experiment_of(given)
    results: dict[str, dict[int, Path]] = {}
    found: dict[str, Any] = {
        "task": TASK,
        "recipe": given.recipe,
        "beam": given.beam,
        "items": given.items,
        "runs": {},
        "probes": {},
        "chain": {},
    }

    def write() -> None:
        if given.output:
            write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")

    for seed in map(int, given.seeds.split(",")):
        one = experiment.work / f"seed{seed}" / MULTILINGUAL
        for name, path in rows(experiment, seed, found["runs"]):
            results.setdefault(name, {})[seed] = path
            if name == CHAIN:
                found["chain"][str(seed)] = timed(experiment, one)
            found["directions"] = by_direction(experiment, results)
            write()
        found["probes"][str(seed)] = probed(experiment, one)
        write()
    print(table(found["directions"]))


def experiment_of(given: argparse.Namespace) -> Experiment:
    """What the arguments ask for."""
    content = read_recipe(given.recipe)
    tags = [language(spelling).tag for spelling in given.languages.split(",")]
    config = {**content.get("config", {}), **content.get("config", {}).get("multilingual_nmt", {})}
    config.pop("multilingual_nmt", None)
    config |= QUICK if given.quick else {}
    settings = {**content.get("train", {}), **(QUICK_TRAIN if given.quick else {})}
    content = content | {"task": TASK, "languages": tags, "config": config, "train": settings}
    trained = tuple(directions_among((), [CENTRE, *tags], CENTRE))
    tagged = tuple(given.tags.split(","))
    return Experiment(content, given.data, given.work, trained, tagged, given.longer, given.items, given.beam)


def rows(experiment: Experiment, seed: int, runs: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """The name and the results of every row, each after its training; what the runs took goes into `runs`."""
    folder = experiment.work / f"seed{seed}"
    both = [*experiment.trained, *experiment.zero_shot]
    for number, tag in enumerate(experiment.tags):
        name = MULTILINGUAL if number == 0 else f"{MULTILINGUAL}, tag {tag}"
        trained(experiment, folder / name, seed, {"tag": tag}, runs)
        yield name, scored(experiment, engine_of(folder / name), folder / name, both)
    if experiment.zero_shot:
        engine = f"pivot:{CENTRE}:{engine_of(folder / MULTILINGUAL)}"
        yield CHAIN, scored(experiment, engine, folder / CHAIN, experiment.zero_shot)
    first = experiment.trained[0]
    budgets = (experiment.share, experiment.updates) if experiment.longer else (experiment.share,)
    alone = [(direction, experiment.share) for direction in experiment.trained]
    for direction, updates in [*alone, *((first, updates) for updates in budgets[1:])]:
        name = f"{SINGLE} {direction}{experiment.told(updates)}"
        config = {"tag": experiment.tags[0], "directions": [str(direction)]}
        trained(experiment, folder / name, seed, config, runs, updates=updates)
        yield name, scored(experiment, engine_of(folder / name), folder / name, [direction])
    config = {"directions": [str(first)], "hidden": width_of(experiment, folder / f"{SINGLE} {first}")}
    for updates in budgets:
        name = f"{LSTM}{experiment.told(updates)}"
        trained(experiment, folder / name, seed, config, runs, updates=updates, method="gnmt")
        yield name, scored(experiment, engine_of(folder / name), folder / name, [first])


def engine_of(run: Path) -> str:
    """The engine that scores a run: CTranslate2 in float32, ten times as fast as the network; for GNMT the run."""
    from isogloss.translation.engines.ctranslate2 import convert

    if read_manifest(run)["method"] == "gnmt":
        return str(run)
    folder = run.parent / "ctranslate2" / run.name
    if not folder.is_dir():
        convert(str(run), folder, "float32")
    return f"ctranslate2:{folder}"


def trained(
    experiment: Experiment,
    folder: Path,
    seed: int,
    config: Mapping[str, Any],
    runs: dict[str, Any],
    *,
    updates: int = 0,
    method: str = "multilingual_nmt",
) -> None:
    """Nothing; the run is in its folder, and what it took in `runs`."""
    content = experiment.content
    own = {**content["config"], **config}
    if method == "gnmt":
        own = {name: value for name, value in own.items() if name in lstm_settings() or name in config}
    section = dict(content["train"])
    if updates:  # as many checkpoints as the one model has, for their mean
        section |= {"updates": updates, "save_every": section.get("save_every", 0) * updates // section["updates"]}
    if method == "gnmt":
        section["bf16"] = False  # its cells are added up step by step
    recipe = resolve(
        {**content, "config": own, "train": section},
        {"method": method, "data": experiment.data, "seed": seed, "output": folder},
    )
    if not (folder / MANIFEST).is_file():
        train(recipe)
    run = read_manifest(folder)
    words = ["isogloss", "train", "--method", method, "--task", TASK, "--data", "DIR", "--seed", str(seed)]
    words += ["--languages", ",".join(content["languages"]), "--output", f"{folder.parent.name}/{folder.name}"]
    words += [f"--set={name}={json.dumps(value)}" for name, value in {**own, **section}.items()]
    runs.setdefault(folder.name, {})[str(seed)] = {
        "parameters": parameters(folder),
        "updates": run["updates"],
        "seconds": run["seconds"],
        "tokens_per_second": run["tokens_per_second"],
        "loss": run["loss"],
        "command": shlex.join(words),
    }


def lstm_settings() -> set[str]:
    """The settings that GNMT has with the same meaning."""
    from isogloss.translation import gnmt, multilingual_nmt

    names = [{each.name for each in fields(module.Settings)} for module in (gnmt, multilingual_nmt)]
    return (names[0] & names[1]) - {"hidden", "dropout"}


def parameters(folder: Path) -> int:
    """The parameters of a run, those that are used in several places once."""
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "np") as weights:
        return sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118 - no mapping


def width_of(experiment: Experiment, single: Path) -> int:
    """The width at which GNMT has about as many parameters as a single model with the same pieces."""
    import torch

    from isogloss.translation.engines import hf
    from isogloss.translation.gnmt import LSTMTranslator, Settings, Shape

    usual, wanted = Settings(), parameters(single)
    layers = experiment.content["config"].get("layers", usual.layers)
    pieces = len(hf.load(str(single)).tagged.tokenizer)

    def size(hidden: int) -> int:
        shape = Shape(pieces=pieces, hidden=hidden, layers=layers, query="current", residual=True, bound=usual.bound)
        with torch.device("meta"):
            return sum(weight.numel() for weight in LSTMTranslator(shape).parameters())

    above = bisect_left(WIDTHS, wanted, key=size)
    return min(WIDTHS[max(0, above - 1) : above + 1], key=lambda hidden: abs(size(hidden) - wanted))


def scored(experiment: Experiment, engine: str, folder: Path, directions: Sequence[Direction]) -> Path:
    """The result file of a run or engine on the test captions, in the folder."""
    path = folder / "results" / "test.json"
    if not path.is_file():
        asked = ",".join(map(str, directions))
        evaluate_translator(
            engine,
            load_task(TASK),
            data=experiment.data,
            languages=asked,
            items=experiment.items,
            settings=[f"beam={experiment.beam}"],
            output=path,
        )
    return path


def probed(experiment: Experiment, run: Path) -> dict[str, Any]:
    """What the probes find in a run, read again if they were made."""
    path = run / "results" / "bench" / "probes.json"  # in a folder whose files are no scores
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        tags = [CENTRE, *experiment.content["languages"]]
        write_atomic(path, json.dumps(probes(run, TASK, experiment.data, tags, experiment.items), indent=1))
    return json.loads(path.read_text(encoding="utf-8"))


def timed(experiment: Experiment, run: Path) -> dict[str, Any]:
    """The seconds of the chain and of the same model without it, in turns; read again if they were measured."""
    path = run / "results" / "bench" / "chain.json"
    if not path.is_file():
        direction = experiment.zero_shot[0]
        texts = [pair.text for pair in drawn(pairs(load_task(TASK), experiment.data, "test", direction), TIMED)]
        spec = engine_of(run)
        engines = {DIRECT: load_translator(spec), CHAIN: load_translator(f"pivot:{CENTRE}:{spec}")}
        decoding = Decoding(beam=experiment.beam)
        seconds = in_turns(
            {name: partial(each.translate, texts, *direction, decoding) for name, each in engines.items()}, TURNS
        )
        found = {"direction": str(direction), "sentences": len(texts), "seconds": seconds}
        found["times as long"] = ratio(seconds[CHAIN], seconds[DIRECT])
        write_atomic(path, json.dumps(found, indent=1))
    return json.loads(path.read_text(encoding="utf-8"))


def by_direction(experiment: Experiment, results: Mapping[str, Mapping[int, Path]]) -> dict[str, Any]:
    """The scores of the rows in every direction that they have, and the differences between them.

    Averaged over the seeds that all rows of the direction have, so that all that is compared is of the same ones.
    """
    read = {name: [(path, read_result(path)) for path in by_seed.values()] for name, by_seed in results.items()}
    found: dict[str, Any] = {}
    for direction in map(str, (*experiment.trained, *experiment.zero_shot)):
        having = {name: each for name, each in read.items() if direction in each[0][1].languages}
        seeds = min(map(len, having.values()))  # they come in the same order
        having = {name: each[:seeds] for name, each in having.items()}
        counts = [average_seeds([{direction: read_items(*one)[direction]} for one in each]) for each in having.values()]
        drawn, order = resample(counts, load_metric("chrF").value), list(having)
        here: dict[str, Any] = {}
        for i, (name, each) in enumerate(having.items()):
            chrf = scores(drawn, i).languages[direction]
            here[name] = {
                "chrF": chrf.value,
                "chrF_ci95": chrf.ci95,
                "n": chrf.n,
                "by_seed": {
                    str(seed): result.languages[direction].value
                    for seed, (_, result) in zip(results[name], each, strict=False)
                },
            }
            for metric in each[0][1].other_metrics:
                here[name][metric] = fmean(result.other_metrics[metric][direction] for _, result in each)
                here[name][f"{metric}_ci95"] = [result.other_ci95[metric][direction] for _, result in each]  # by seed
            for rival in order[:i]:
                here[name][f"minus {rival}"] = difference(drawn, i, order.index(rival))._asdict()
        found[direction] = here
    return found


def table(found: Mapping[str, Any]) -> str:
    """The rows with their intervals, direction by direction."""
    width = max(len(name) for here in found.values() for name in here)
    lines = []
    for direction, here in found.items():
        for name, row in here.items():
            low, high = row["chrF_ci95"]
            others = "  ".join(f"{other} {row[other]:.1f}" for other in ("BLEU", "TER", "off_target") if other in row)
            lines.append(f"{direction}  {name:<{width}}  chrF {row['chrF']:.1f} [{low:.1f}, {high:.1f}]  {others}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
