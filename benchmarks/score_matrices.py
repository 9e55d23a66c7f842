"""What can be done with a matrix of scores: hubs corrected by banks of texts, and a scorer's best found with few calls.

    python -m benchmarks.score_matrices --data DIR [--parts banks,anchors] [--seeds 1,2,3] [--items 0] [--scorer RUN]
        [--quick] [--output results/bench/score_matrices.json]

banks: captions of Multi30k and sentences of Tatoeba, whose English is to be found, under every correction of
`retrieval/dbnorm.py`, with banks of several sizes and of another domain (`benchmarks.banks`). anchors: questions of
XQuAD-R and English sentences, ANNCUR beside BM25 and vectors that are re-scored with as many calls
(`benchmarks.anchors`). Nothing is trained. What is tuned is tuned on dev or on held-out anchor questions. The results
are written anew after each direction, and a part that is not asked for is kept as it was.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import anchors, banks
from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.files import write_atomic
from isogloss.ranking_run import load_ranking

PARTS = ("banks", "anchors")


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds multi30k, tatoeba, ntrex, xquad_r")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seeds", default="1,2,3", help="of the draws of banks and anchors")
    parser.add_argument("--items", type=int, default=0, help="questions that are searched for at most; 0 = all")
    parser.add_argument("--scorer", help="a run that scores pairs, in the place of MaxSim")
    parser.add_argument("--quick", action="store_true", help="a few texts of one direction, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.items = 20
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Measure the parts that are asked for, print a line for each row, and write everything to the output."""
    seeds, parts = [int(seed) for seed in given.seeds.split(",")], given.parts.split(",")
    found: dict[str, Any] = {}
    if given.output and given.output.is_file():
        found = json.loads(given.output.read_text(encoding="utf-8"))
    if "anchors" in parts:
        scorer: Any = load_ranking(given.scorer).judge if given.scorer else None
        budgets = anchors.BUDGETS[1:3] if given.quick else anchors.BUDGETS
        found["anchors"] = anchors.measured(given.data, seeds, given.items, budgets, scorer)
        keep(given.output, found)
    if "banks" in parts:
        found["banks"] = []
        by_words, by_tiny = (banks.captions(given.data, each, seeds, given.quick) for each in (banks.BAG, banks.TINY))
        for several in (by_words, by_tiny, banks.sentences(given.data, given.quick)):
            for material in several:
                rows = banks.measured(material)
                found["banks"] += rows
                for row in rows:
                    tell(row)
                keep(given.output, found)


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
