"""How good the translator that comes with isogloss is, by direction, and its model card from that.

    python -m benchmarks.embedded_translator --data DIR [--engine ENGINE] [--items 0] [--work runs/embedded_translator]
        [--output results/bench/embedded_translator.json] [--card isogloss/data/tiny_mt/README.md]

Scores `tiny-mt` on the last 500 lines of NTREX, which were never trained on, and on the test side of the sample. Beside
it stand two controls: the source text left as it is, which has the names and numbers right, and the human translation
of another sentence, which has the style right; what is no better than these is no translation. Test lines that occur in
the training text all the same are counted. With CTranslate2 installed it is scored in that engine, in float32, which is
ten times as fast; how many of the first translations are the same by both is told. `--engine` scores another engine in
its place. The output is written after each direction, and the same command goes on with what is left, as long as
weights, engine and items are the same. `--card` writes the model card from the output; without `--data` nothing is
scored before.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.translator_card import card
from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.directions import Direction, directions_among, pairs
from isogloss.data.parallel_text import SOURCES
from isogloss.data.task_data import drawn
from isogloss.evaluation.counts import count_items, language_values
from isogloss.evaluation.evaluate_translator import evaluate_translator
from isogloss.files import write_atomic
from isogloss.metrics import load_metric
from isogloss.records import Bitext, TranslationPrediction
from isogloss.resources import TRANSLATORS
from isogloss.run_folder import WEIGHTS, WEIGHTS_SHA256, read_manifest
from isogloss.tasks import load_task
from isogloss.translating_run import trained_directions
from isogloss.translation.translator import Decoding, load_translator

NAME, CENTRE = "tiny-mt", "en"
TASKS = ("ntrex", "sample_translation")
COMPARED = 5  # sentences of a direction that both engines translate
TOLD = (
    "method",
    "encoder",
    "languages",
    "config",
    "train",
    "updates",
    "seconds",
    "tokens_per_second",
    "loss",
    "versions",
)


def main() -> None:
    """Parse the arguments, then score, or write the card, or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with ntrex and the training text")
    parser.add_argument("--engine", help="another engine to be scored; tiny-mt by default")
    parser.add_argument("--languages", default="", help="directions; all that were trained by default")
    parser.add_argument("--items", type=int, default=0, help="of each direction at most; 0 = all")
    parser.add_argument("--work", type=Path, default=Path("runs/embedded_translator"), help="the converted model")
    parser.add_argument("--output", type=Path, default=Path("results/bench/embedded_translator.json"))
    parser.add_argument("--card", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: score_and_tell(given))


def score_and_tell(given: argparse.Namespace) -> None:
    """Score where there is data; write the card where it is asked for."""
    if given.data is not None:
        engine = engine_of(given)
        found = begun(given) or about() | {"items": given.items, "asked": given.engine, "tasks": {}}
        if "training" not in found:
            found |= {"training": training_text(given.data)} | agreement(engine)
            write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")
        for name in TASKS:
            done = found["tasks"].setdefault(name, {})
            for direction in map(str, _directions(name, given.languages)):
                if direction not in done:
                    done[direction] = scored(engine, name, direction, given.data, given.items)
                    write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")
            print(table(name, done))
    if given.card is not None:
        write_atomic(given.card, card(json.loads(given.output.read_text(encoding="utf-8"))))


def begun(given: argparse.Namespace) -> dict[str, Any] | None:
    """What an earlier command measured, if it was the same but for its directions."""
    if not given.output.is_file():
        return None
    found, now = json.loads(given.output.read_text(encoding="utf-8")), about()
    same = (found["weights_sha256"], found["items"], found["asked"]) == (
        now["weights_sha256"],
        given.items,
        given.engine,
    )
    return found if same else None


def about() -> dict[str, Any]:
    """What the translator is, from its folder."""
    folder = TRANSLATORS[NAME]
    manifest, engine = read_manifest(folder), load_translator(f"hf:{folder}")
    network = engine.model  # pyright: ignore[reportAttributeAccessIssue]
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    shape = ("model_type", "encoder_layers", "decoder_layers", "d_model", "vocab_size")
    return {
        "engine": NAME,
        "weights_sha256": manifest[WEIGHTS_SHA256],
        "run": {key: manifest[key] for key in TOLD},
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "shape": {name: getattr(network.config, name) for name in shape},
        "megabytes": {"folder": size, "weights": (folder / WEIGHTS).stat().st_size / 1e6},
    }


def engine_of(given: argparse.Namespace) -> str:
    """The engine that scores: the one that is asked for, CTranslate2 in float32 where it is installed, or its own."""
    if given.engine or find_spec("ctranslate2") is None:
        return given.engine or NAME
    from isogloss.translation.engines.ctranslate2 import convert

    folder = given.work / "float32"
    if not folder.is_dir():
        convert(NAME, folder, "float32")
    return f"ctranslate2:{folder}"


def agreement(engine: str) -> dict[str, Any]:
    """Who scores, and how often it says what the usual engine says, on the first requests of each direction."""
    told = {"scored by": engine.partition(":")[0]}
    if told["scored by"] != "ctranslate2":
        return told
    fast, usual = load_translator(engine), load_translator(NAME)
    same = total = 0
    for direction in _directions("sample_translation", ""):
        texts = [pair.text for pair in pairs(load_task("sample_translation"), None, "test", direction)[:COMPARED]]
        made = [each.translate(texts, *direction, Decoding()) for each in (fast, usual)]
        same += sum(one.text == other.text for one, other in zip(*made, strict=True))
        total += len(texts)
    return told | {"same as by hf, %": 100 * same / total, "compared": total}


def training_text(data: Path) -> dict[str, Any]:
    """The training pairs by source and language, and how many test lines occur among them."""
    config = read_manifest(TRANSLATORS[NAME])["config"]
    tags = read_manifest(TRANSLATORS[NAME])["languages"]
    counts: dict[str, dict[str, int]] = {}
    known: dict[str, set[str]] = {CENTRE: set()} | {tag: set() for tag in tags}
    for source in config["sources"]:
        for pair in (pair for tag in tags for pair in SOURCES[source](data, tag)):
            by_language = counts.setdefault(source, {})
            by_language[pair.language] = by_language.get(pair.language, 0) + 1
            known[pair.language].add(_bare(pair.text))
            known[CENTRE].add(_bare(pair.translation))
    seen = {}
    for name in (*TASKS, "sib200"):
        task = load_task(name)
        there = [tag for tag in known if tag in task.languages_of("test")]
        seen[name] = {
            tag: sum(_bare(record.text) in known[tag] for record in task.records(data, "test", tag)) for tag in there
        }
    left_out = set(config["tested_on"])
    return {"pairs": counts, "test lines that occur": seen, "left out of training": sorted(left_out)}


def _bare(text: str) -> str:
    return " ".join(text.lower().split())


def _directions(task: str, asked: str) -> list[Direction]:
    """The trained directions that the task has, or those that are asked for."""
    there = load_task(task).languages_of("test")
    if asked:
        return [each for each in directions_among(asked, there) if set(each) <= set(there)]
    trained = trained_directions(read_manifest(TRANSLATORS[NAME]))
    return [direction for direction in trained if set(direction) <= set(there)]


def scored(engine: str, name: str, direction: str, data: Path | None, items: int) -> dict[str, Any]:
    """The scores of a task's test side in a direction, and chrF of the source text as it is."""
    task = load_task(name)
    result = evaluate_translator(engine, task, data=data, items=items, languages=[direction])
    (ends,) = directions_among([direction], task.languages_of("test"))
    gold = pairs(task, data, "test", ends)
    score = result.languages[direction]
    return {
        "chrF": score.value,
        "chrF_ci95": list(score.ci95),
        "n": score.n,
        **{metric: values[direction] for metric, values in result.other_metrics.items()},
        "not translated": result.data.get("failures", {}).get(direction, 0),
        **controls(drawn(gold, items) if items else gold),
    }


def controls(gold: Sequence[Bitext]) -> dict[str, float]:
    """chrF of the texts themselves in the place of their translations, and of those of another sentence."""
    texts, translations = ([getattr(pair, side) for pair in gold] for side in ("text", "translation"))
    far = len(gold) // 2  # neighbours are of one document, or one pattern
    others = translations[far:] + translations[:far]
    return {"source as it is": _chrf(gold, texts), "another sentence": _chrf(gold, others)}


def _chrf(gold: Sequence[Bitext], answers: Sequence[str]) -> float:
    chrf = load_metric("chrF")
    made = [
        TranslationPrediction(
            id=pair.id,
            language=pair.language,
            text=pair.text,
            translation_language=pair.translation_language,
            translation=answer,
        )
        for pair, answer in zip(gold, answers, strict=True)
    ]
    (value,) = language_values(chrf, count_items(chrf, gold, made, ())).values()
    return value


def table(name: str, found: Mapping[str, Any]) -> str:
    """The directions of a task with their scores."""
    lines = [f"{name}: chrF [95 % interval], BLEU, off target in %, chrF of the source as it is, of another sentence"]
    for direction, row in found.items():
        low, high = row["chrF_ci95"]
        off = f"{row['off_target']:.1f}" if "off_target" in row else "–"
        beside = f"{row['source as it is']:.1f}  {row['another sentence']:.1f}"
        lines.append(f"{direction}  {row['chrF']:.1f} [{low:.1f}, {high:.1f}]  {row['BLEU']:.1f}  {off}  {beside}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
