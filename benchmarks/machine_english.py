"""FILTER and translate-test beside English that the embedded translator made of the test texts.

    python -m benchmarks.machine_english --data DIR [--tasks sib200,sample_intent] [--seeds 1,2,3] [--items 0]
        [--work runs/machine_english] [--quick] [--output results/bench/machine_english.json]

The side beside a test text is the human English, what `tiny-mt` makes of the text, nothing, or the English of another
item; translate-test reads English by hand and by `tiny-mt` alone. Training sees the task's own translations, as always;
one more FILTER was trained on English of several qualities. All rows of a task have the same languages, those that the
translator has, and the same items, updates and seeds; chrF against the human English says how good the translations of
each language are. Differences are tested on resamples of the items, seeds averaged item by item. Nothing was tuned on
these results. What is finished is not done again; the results are written anew after each seed.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import average_seeds
from isogloss.evaluation.labels import QUALITY
from isogloss.evaluation.results import read_items, read_result
from isogloss.evaluation.translated import ByTranslator
from isogloss.files import write_atomic
from isogloss.metrics import load_metric
from isogloss.recipe import read_recipe
from isogloss.suite import Row, run_rows
from isogloss.tasks import load_task
from isogloss.translation.translator import Capabilities, Decoding, Translation, Translator, load_translator

RECIPES = {"sib200": "sib200_tiny", "sample_intent": "demo"}
ENGINE, CENTRE = "tiny-mt", "en"
MIXED = "train_pairings=translation,word_for_word,shuffled"
FUSED, NOISY, READ = "FILTER", "FILTER, mixed English in training", "translate-test"
HUMAN, MACHINE, UNGATED = "human English", f"English by {ENGINE}", f"English by {ENGINE}, no gates"
ALONE, SHUFFLED = "no translation", "shuffled English"
TESTED = (  # the first minus the second, over the languages other than English
    (f"{FUSED}, {MACHINE}", f"{FUSED}, {ALONE}"),
    (f"{FUSED}, {MACHINE}", "zero-shot"),
    (f"{FUSED}, {MACHINE}", f"{READ}, {MACHINE}"),
    (f"{FUSED}, {UNGATED}", f"{FUSED}, {MACHINE}"),
    (f"{FUSED}, {HUMAN}", f"{FUSED}, {MACHINE}"),
    (f"{NOISY}, {MACHINE}", f"{FUSED}, {MACHINE}"),
    (f"{NOISY}, {MACHINE}", f"{NOISY}, {ALONE}"),
    (f"{READ}, {MACHINE}", "zero-shot"),
)


class Once:
    """A translator that translates a text once, however many runs read it."""

    def __init__(self, engine: Translator) -> None:
        self.engine, self.capabilities = engine, engine.capabilities
        self.fingerprint, self.provenance = engine.fingerprint, engine.provenance
        self.check, self.score = engine.check, engine.score
        self._known: dict[tuple[str, str, str], Translation] = {}

    capabilities: Capabilities
    fingerprint: str
    provenance: dict[str, Any]

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: Decoding) -> list[Translation]:
        """One translation for each text, in their order."""
        new = [text for text in dict.fromkeys(texts) if (text, source, target) not in self._known]
        made = self.engine.translate(new, source, target, decoding)
        self._known |= {(text, source, target): each for text, each in zip(new, made, strict=True)}
        return [self._known[text, source, target] for text in texts]


def main() -> None:
    """Parse the arguments and do all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with sib200")
    parser.add_argument("--tasks", default=",".join(RECIPES))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--languages", default="", help="other than English; all that task and translator have")
    parser.add_argument("--items", type=int, default=None, help="of the test split; the recipe's number by default")
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--work", type=Path, default=Path("runs/machine_english"), help="where the models go")
    parser.add_argument("--quick", action="store_true", help="two updates, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: read_beside(given))


def read_beside(given: argparse.Namespace) -> None:
    """Train and score every task and seed; print the tables and write all of it to the output."""
    engine = Once(load_translator(ENGINE))
    found: dict[str, Any] = {"engine": engine.provenance, "tasks": {}}
    for task in given.tasks.split(","):
        results: dict[str, list[Path]] = {}
        for seed in given.seeds.split(","):
            for name, path in train_rows(given, task, int(seed), engine).items():
                results.setdefault(name, []).append(path)
            found["tasks"][task] = compared(results)
            if given.output:
                write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")
        print(table(task, found["tasks"][task]))


def train_rows(given: argparse.Namespace, task: str, seed: int, engine: Translator) -> dict[str, Path]:
    """The test results by row, each after its training."""
    content = read_recipe(RECIPES[task])
    tags = given.languages.split(",") if given.languages else _languages(task, engine)
    content |= {"languages": [CENTRE, *tags]} | ({} if given.items is None else {"test_items": given.items})
    quick = ("updates=2", "batch_size=4") if given.quick else ()
    by, ungated = ByTranslator(engine), ByTranslator(engine, "none")
    rows = (
        Row("zero_shot", "zero_shot", quick),
        Row("translate_train", "translate_train", quick),
        Row("filter", "filter", quick, ("translation", "none", "shuffled")),
        Row("filter_machine", "filter", pairings=("machine",), run="filter", translator=by),
        Row("filter_ungated", "filter", pairings=("machine",), run="filter", translator=ungated),
        Row("mixed", "filter", (MIXED, *quick), ("translation", "none")),
        Row("mixed_machine", "filter", pairings=("machine",), run="mixed", translator=by),
        Row("translate_test", "translate_test", run="zero_shot"),
        Row("translate_test_machine", "translate_test", pairings=("machine",), run="zero_shot", translator=by),
    )
    names = ["zero-shot", "translate-train", *(f"{FUSED}, {side}" for side in (HUMAN, ALONE, SHUFFLED))]
    names += [f"{FUSED}, {MACHINE}", f"{FUSED}, {UNGATED}", *(f"{NOISY}, {side}" for side in (HUMAN, ALONE, MACHINE))]
    names += [f"{READ}, {HUMAN}", f"{READ}, {MACHINE}"]
    flags = {"seed": seed, "data": given.data, "encoder": given.encoder}
    paths = run_rows(content, rows, flags, given.work / task / f"seed{seed}")
    return dict(zip(names, paths, strict=True))


def _languages(task: str, engine: Translator) -> list[str]:
    """The languages that the task has in training and in the test, and the translator into English."""
    declared, found = load_task(task), []
    for tag in declared.languages_of("test"):
        try:
            engine.check(tag, CENTRE)
        except ValueError:
            continue
        found += [tag] if tag in declared.languages_of("train") else []
    return found


def compared(results: Mapping[str, Sequence[Path]]) -> dict[str, Any]:
    """The rows with their values by language and their averages without English, and the differences between some."""
    read = {name: [(path, read_result(path)) for path in paths] for name, paths in results.items()}
    counts = [average_seeds([read_items(*each) for each in seeds]) for seeds in read.values()]
    metric = next(iter(read.values()))[0][1].metric
    drawn, order = resample(counts, load_metric(metric).value), list(read)
    others = [tag for tag in drawn.languages if tag != CENTRE]
    rows: dict[str, Any] = {}
    for i, (name, seeds) in enumerate(read.items()):
        row = scores(drawn, i, train_language=CENTRE)
        assert row.transfer is not None
        by_seed = {str(result.seeds[0]): result.average_transfer for _, result in seeds}
        values = {tag: score.value for tag, score in row.languages.items()}
        rows[name] = {"average": row.transfer._asdict(), "by_seed": by_seed, "languages": values}
    for first, second in TESTED:
        tested = difference(drawn, order.index(first), order.index(second), others)
        rows[first].setdefault("minus", {})[second] = tested._asdict()
    (_, machine), *_ = read[f"{FUSED}, {MACHINE}"]
    (_, ungated), *_ = read[f"{FUSED}, {UNGATED}"]
    return {
        "metric": metric,
        "translation_chrF": ungated.data[QUALITY],
        "read_alone": {tag: machine.data["read_alone"].get(tag, 0) for tag in others},
        "n": next(iter(machine.languages.values())).n,
        "rows": rows,
    }


def table(task: str, found: Mapping[str, Any]) -> str:
    """The rows with their intervals, and the differences that were tested."""
    width = max(map(len, found["rows"]))
    lines = [f"{task}: {found['metric']} in percent without English, n = {found['n']}"]
    for name, row in found["rows"].items():
        low, high = row["average"]["ci95"]
        lines.append(f"{name:<{width}}  {row['average']['value']:5.1f}  [{low:.1f}, {high:.1f}]")
        for rival, tested in row.get("minus", {}).items():
            low, high = tested["ci95"]
            lines.append(f"{'':<{width}}  {tested['value']:+5.1f}  [{low:+.1f}, {high:+.1f}] against {rival}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
