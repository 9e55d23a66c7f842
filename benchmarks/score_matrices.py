"""What is done with a matrix of scores: hubs corrected by banks of texts, and a scorer's best found with few calls.

    python -m benchmarks.score_matrices --data DIR [--parts words,anchors,captions,sentences] [--seeds 1,2,3]
        [--items 0] [--anchors 0] [--scorer RUN --kept FOLDER] [--quick] [--output results/bench/score_matrices.json]

Captions of Multi30k by a bag of words (words) and by the embedded encoder (captions), and sentences of Tatoeba
(sentences), look for their English under every correction of `retrieval/dbnorm.py`, with banks of several sizes and of
another domain (`benchmarks.banks`). Questions of XQuAD-R look for English sentences (anchors): ANNCUR beside BM25 and
vectors that are re-scored with as many calls (`benchmarks.anchors`), by MaxSim or by a run that scores pairs, all of
whose scores are kept in a folder: 480,000 calls for 100 questions. Nothing is trained; what is tuned is tuned on dev or
on held-out anchor questions. The results are written anew after each direction, and a part or scorer that is not asked
for is kept as it was.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import anchors, banks
from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.ranking_run import load_ranking
from isogloss.run_folder import read_manifest

PARTS = ("words", "anchors", "captions", "sentences")


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds multi30k, tatoeba, ntrex, xquad_r")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seeds", default="1,2,3", help="of the draws of banks and anchors")
    parser.add_argument("--items", type=int, default=0, help="questions that are searched for at most; 0 = all")
    parser.add_argument("--anchors", type=int, default=0, help="anchor questions at most; 0 = all")
    parser.add_argument("--scorer", type=Path, help="a run that scores pairs, in the place of MaxSim")
    parser.add_argument("--kept", type=Path, help="folder for its scores, from which a second call goes on")
    parser.add_argument("--quick", action="store_true", help="a few texts of one direction, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.items = 20
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Measure the parts that are asked for, print a line for each row, and write everything to the output."""
    seeds, parts = [int(seed) for seed in given.seeds.split(",")], given.parts.split(",")
    if wrong := set(parts) - set(PARTS):
        raise UserError(f"--parts: there is no part {min(wrong)}; choose among {', '.join(PARTS)}")
    if bool(given.scorer) != bool(given.kept):
        raise UserError("--scorer and --kept belong together: name a run and the folder that keeps its scores")
    found: dict[str, Any] = {}
    if given.output and given.output.is_file():
        found = json.loads(given.output.read_text(encoding="utf-8"))
    for part in parts:
        if part == "anchors":
            scorer = trained_scorer(given.scorer) if given.scorer else anchors.max_sim()
            budgets = anchors.BUDGETS[1:3] if given.quick else anchors.BUDGETS
            others = [each for each in found.get("anchors", []) if each["scorer"] != scorer.name]
            limits = anchors.Limits(given.items, given.anchors)
            for content in anchors.measured(given.data, seeds, limits, budgets, scorer, given.kept):
                found["anchors"] = [*others, content]
                keep(given.output, found)
            continue
        found["banks"] = [row for row in found.get("banks", []) if row["part"] != part]
        for material in materials(part, given.data, seeds, given.quick):
            rows = [{"part": part} | row for row in banks.measured(material)]
            found["banks"] += rows
            for row in rows:
                tell(row)
            keep(given.output, found)


def trained_scorer(run: Path) -> Any:
    """The scorer of a run, called by what it was trained on and not by its folder."""
    scorer: Any = load_ranking(run).judge
    manifest = read_manifest(run)
    kind = manifest["config"].get("score")
    scorer.name = f"{manifest['method']} of {manifest['task']}" + (f", {kind}" if kind else "")
    return scorer


def materials(part: str, data: Path, seeds: Sequence[int], quick: bool) -> Iterator[banks.Material]:
    """What a part of the measurements of banks is made on."""
    if part == "sentences":
        return banks.sentences(data, quick)
    return banks.captions(data, {"words": banks.BAG, "captions": banks.TINY}[part], seeds, quick)


def keep(output: Path | None, found: dict[str, Any]) -> None:
    """Nothing; what was found so far is written."""
    if output:
        write_atomic(output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def tell(row: dict[str, Any]) -> None:
    """Print a row of a correction."""
    hubs = f"skewness {row['skewness@10']:.2f}" if "skewness@10" in row else ""
    print(
        f"{row['task']} {row['direction']} {row['encoder']}: {row['correction']} [{row['bank']}] "
        f"R@1 {row['R@1']['value']:.1f} {hubs}",
        flush=True,
    )


if __name__ == "__main__":
    main()
