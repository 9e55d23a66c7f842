"""From English labels to a model in another language by way of a translator that was trained here.

    python -m benchmarks.translated_training --data DIR [--to de] [--seeds 1,2,3] [--updates 1600] [--encoder tiny]
        [--work runs/translated_training] [--quick] [--output results/bench/translated_training.json]

Trains a small translator (multilingual_nmt in one direction, as the recipe multi30k_nmt says: on the captions of
Multi30k, or in a language that has none on `parallel_text`), converts it to int8, lets `isogloss translate` carry the
English training split of SIB-200 over, and trains FILTER on what passed the gates. Beside it stand FILTER on the human
translations of the same sentences, as much as a translator could bring, and zero_shot, what there is without one.
The result of November 2026 (commit and settings stand in it) was made by a script that trained a model of Marian's
shape on captions and parallel text together for nine minutes.

How good the translations are is chrF against the human ones; the English text left as it is says what names and numbers
alone give. On the test set the English side is the human original, better than any translation: so FILTER is also
scored without it (pairing none), where only what it learned from the translations can help. Nothing was tuned on these
results. What is finished is not done again; the results are written anew after each seed.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import Direction, pairs
from isogloss.data.parallel_set import MANIFEST, REJECTED, TRANSLATIONS, lines_of, read_parallel_set
from isogloss.data.parallel_text import SOURCES
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import Counts, average_seeds
from isogloss.evaluation.results import read_items, read_result
from isogloss.files import write_atomic
from isogloss.languages import language
from isogloss.metrics import load_metric
from isogloss.metrics.translation import translation_scores
from isogloss.recipe import Recipe, read_recipe, resolve
from isogloss.run_folder import MANIFEST as RUN
from isogloss.run_folder import read_manifest
from isogloss.runs import train
from isogloss.suite import Row, run_rows
from isogloss.tasks import load_task
from isogloss.translation.translator import Decoding, load_translator

TASK, SOURCE = "sib200", "en"
RECIPE, TRANSLATOR = "sib200_tiny", "multi30k_nmt"
CAPTIONED, OTHERS = "multi30k", "parallel_text"  # what the translator is trained on, and where there are no captions
PAIRINGS = ("translation", "none")
MACHINE, HUMAN, ENGLISH = "FILTER, machine", "FILTER, human", "zero_shot"
CAPTIONS = 200  # of Multi30k's test set: what the translator does where it is at home
QUICK = {"vocabulary": 90, "hidden": 32, "feed_forward": 128, "heads": 2, "encoder_layers": 1, "decoder_layers": 1}
QUICK_TRAIN = {"updates": 200, "tokens_per_batch": 700, "learning_rate": 5e-3, "save_every": 0, "average": 0}


def main() -> None:
    """Parse the arguments and do all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with sib200, multi30k and the parallel text")
    parser.add_argument("--to", default="de", type=lambda spelling: language(spelling).tag)
    parser.add_argument("--seeds", default="1,2,3", help="of FILTER; the translator is one")
    parser.add_argument("--updates", type=int, default=1600, help="of the translator")
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--work", type=Path, default=Path("runs/translated_training"), help="models and translations")
    parser.add_argument("--quick", action="store_true", help="tiny models, no gates, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: carry_over(given))


def carry_over(given: argparse.Namespace) -> None:
    """Train, translate, train again and score; print the tables and write all of it to the output."""
    translator = own_translator(given)
    seconds = translate(given, given.work / "int8", given.work / "set")
    found: dict[str, Any] = {"task": TASK, "from": SOURCE, "to": given.to, "translator": translator}
    found["translations"] = {"seconds": seconds} | quality(given.data, given.to, given.work)
    print(json.dumps(rounded(found), ensure_ascii=False, indent=1))
    results: dict[str, list[Path]] = {}
    for seed in given.seeds.split(","):
        for name, path in train_rows(given, int(seed)).items():
            results.setdefault(name, []).append(path)
        found["downstream"] = downstream(results, given.to)
        if given.output:
            write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")
    print(table(found["downstream"]))


def own_translator(given: argparse.Namespace) -> dict[str, Any]:
    """What the translator in `work/int8` is, in numbers; it is trained and converted if it is not there."""
    from isogloss.translation.engines.ctranslate2 import convert

    folder, work = given.work / "translator", given.work
    if not (folder / RUN).is_file():
        train(translator_recipe(given, folder))
    if not (work / "int8").is_dir():
        convert(str(folder), work / "int8", "int8")
    run = read_manifest(folder)
    kept = ("method", "task", "config", "train", "updates", "seconds", "loss")
    found = {name: run[name] for name in kept}
    return found | ({"captions": captions(given.data, given.to, work / "int8")} if run["task"] == CAPTIONED else {})


def translator_recipe(given: argparse.Namespace, folder: Path) -> Recipe:
    """The training of the translator from English: nothing that SIB-200 tests on, and nothing of its training."""
    content = read_recipe(TRANSLATOR)
    captioned = given.to in load_task(CAPTIONED).languages
    config = content["config"] | {"directions": [f"{SOURCE}-{given.to}"], "tested_on": [TASK]}
    config |= {"sources": [name for name in SOURCES if name != TASK]} if not captioned else {}
    section = content["train"] | {"updates": given.updates, "save_every": given.updates // 16}
    if given.quick:
        config, section = config | QUICK, section | QUICK_TRAIN
    content |= {"task": CAPTIONED if captioned else OTHERS, "languages": [given.to], "config": config, "train": section}
    return resolve(content, {"data": given.data, "seed": 1, "output": folder})


def captions(data: Path, tag: str, model: Path) -> dict[str, Any]:
    """chrF and BLEU of captions that it has not seen, from the domain of its training."""
    gold = pairs(load_task(CAPTIONED), data, "test", Direction(SOURCE, tag))[:CAPTIONS]
    made = load_translator(f"ctranslate2:{model}").translate([pair.text for pair in gold], SOURCE, tag, Decoding())
    references = [pair.translation for pair in gold]
    return {"n": len(gold)} | _scored([each.text or "" for each in made], references, tag)


def translate(given: argparse.Namespace, model: Path, output: Path) -> float | None:
    """The seconds of `isogloss translate`, in a process of its own; None if the set was there.

    Raises:
        UserError: the command failed; its own words are above.
    """
    if (output / MANIFEST).is_file():
        return None
    words = ["translate", "--task", TASK, "--data", str(given.data), "--split", "train", "--from", SOURCE]
    words += ["--to", given.to, "--engine", f"ctranslate2:{model}", "--output", str(output)]
    words += ["--gates", "none"] if given.quick else []
    started = time.monotonic()
    if code := subprocess.run([sys.executable, "-m", "isogloss", *words], check=False).returncode:
        raise UserError(f"isogloss {' '.join(words)} ended with exit code {code}")
    return time.monotonic() - started


def quality(data: Path, tag: str, work: Path) -> dict[str, Any]:
    """chrF and BLEU of the translations against the human ones, and what the gates accepted, by reason and label."""
    sides = read_split(load_task(TASK), data, "train", [SOURCE, tag])
    human, english = ({record.id: record.text for record in sides[each]} for each in (tag, SOURCE))
    accepted, rejected = (
        {line["id"]: line["text"] or "" for line in lines_of(work / "set" / part / f"{tag}.parquet")}
        for part in (TRANSLATIONS, REJECTED)
    )
    sets = {"all": accepted | rejected, "accepted": accepted, "rejected": rejected, "English as it is": english}
    found: dict[str, Any] = {
        name: {"n": len(texts)} | _scored(list(texts.values()), [human[each] for each in texts], tag)
        for name, texts in sets.items()
        if texts
    }
    return {"scores": found, "acceptance": read_parallel_set(work / "set").manifest["translations"][tag]}


def _scored(hypotheses: Sequence[str], references: Sequence[str], tag: str) -> dict[str, Any]:
    made = translation_scores(hypotheses, references, tag)
    return {score.name: score.value for score in made} | {"signatures": [score.signature for score in made]}


def train_rows(given: argparse.Namespace, seed: int) -> dict[str, Path]:
    """The test results by row, each after its training."""
    content = read_recipe(RECIPE) | {"languages": [SOURCE, given.to]}
    settings = ("updates=2",) if given.quick else ()
    flags = {"seed": seed, "data": given.data, "encoder": given.encoder}
    fused = Row("filter", "filter", settings, PAIRINGS)
    plain = Row("zero_shot", "zero_shot", settings)
    folder = given.work / f"seed{seed}"
    machine = run_rows(content | {"translations": str(given.work / "set")}, [fused], flags, folder / "machine")
    human = run_rows(content, [fused, plain], flags, folder / "human")
    names = [f"{name} [{pairing}]" for name in (MACHINE, HUMAN) for pairing in PAIRINGS]
    return dict(zip([*names, ENGLISH], [*machine, *human], strict=True))


def downstream(results: Mapping[str, Sequence[Path]], tag: str) -> dict[str, Any]:
    """Accuracy on the test set in the language by row, in percent, and what the rows with machine translation gain."""
    read = {name: [(path, read_result(path)) for path in paths] for name, paths in results.items()}
    counts: dict[str, Counts] = {
        name: average_seeds([{tag: read_items(*each)[tag]} for each in seeds]) for name, seeds in read.items()
    }
    drawn, order = resample(list(counts.values()), load_metric("accuracy").value), list(counts)
    found: dict[str, Any] = {}
    for i, name in enumerate(order):
        score = scores(drawn, i, train_language=SOURCE).languages[tag]
        by_seed = {result.seeds[0]: result.languages[tag].value for _, result in read[name]}
        found[name] = score._asdict() | {"seeds": len(by_seed), "by_seed": by_seed}
        if name.startswith(MACHINE):
            for rival in (name.replace(MACHINE, HUMAN), ENGLISH):
                found[name][f"minus {rival}"] = difference(drawn, i, order.index(rival))._asdict()
    return found


def table(found: Mapping[str, Any]) -> str:
    """The rows with their intervals."""
    width = max(map(len, found))
    return "\n".join(
        f"{name:<{width}}  {row['value']:5.1f}  [{row['ci95'][0]:.1f}, {row['ci95'][1]:.1f}]  "
        f"n = {row['n']}, seeds {row['seeds']}"
        for name, row in found.items()
    )


if __name__ == "__main__":
    main()
