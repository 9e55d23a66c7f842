"""How many times as fast as the released layout ours is, with the same outputs.

    python -m benchmarks.speed [--shapes tagging,classification,qa] [--repeats 5] [--output results/bench/speed.json]

At every shape, with texts that fill a third of what they are padded to and with full ones: a training step
(zero_grad, forward, loss, backward, clipping, AdamW; dropout 0.1) and the reading of a batch, in the released layout
and in ours, in one process, taking turns. Ours makes its batches and goes through the calls of the commands. Beside
the reading stands that of the target texts alone by the plain encoder: by ours, and on a processor also by the library,
text by text, so that nothing is padded. Before anything is timed, the outputs must be equal. A stream of eight batches
is read as the commands read it, in batches of their own, on a processor also in less precision, while the released
layout goes through it batch by batch.

Memory and the time from the start of Python to the end of the first step come from a process for each configuration.

On a GPU the encoder has xlm-roberta-large's shape, in bf16; `--peak-tflops` (the device's dense bf16 matrix peak) adds
the share of it that a training step reaches, counted over real tokens.
"""

import argparse
import copy
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel

from benchmarks import workload
from benchmarks.turns import circumstances, in_turns, ratio, rounded
from benchmarks.workload import LAYOUTS, SHAPES, STAGES, Shape, Size, Workload
from isogloss.cli import run_guarded
from isogloss.errors import UserError, nearest
from isogloss.files import write_atomic
from isogloss.precision import PRECISIONS, lower
from isogloss.prediction import Reader

GOALS = {
    "training": {"tagging": 3.0, "classification": 3.0, "qa": 4.5},
    "inference": {"tagging": 6.0, "classification": 6.0, "qa": 7.0},
}
PLAIN_GOAL = 1.15  # times the plain encoder, for one fusion layer
EQUAL = 1e-5  # the largest difference of logits and losses in float32; on a GPU kernels round differently
EQUAL_ON_GPU = 1e-3
STREAM = 8  # batches
FILLS = {"third": workload.third_full, "full": workload.full}


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="separated by commas")
    parser.add_argument("--fills", default=",".join(FILLS), help="separated by commas")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--pairs", type=int, help="in a batch; 8, or 16 on a GPU")
    parser.add_argument("--peak-tflops", type=float, help="of the GPU, bf16, dense")
    parser.add_argument("--no-memory", action="store_true", help="leave out memory and the time to the first batch")
    parser.add_argument("--quick", action="store_true", help="a tiny encoder, to see that it runs")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--once", help=argparse.SUPPRESS)  # SHAPE/STAGE/LAYOUT, in a process of its own
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    run_guarded(lambda: once(given) if given.once else speed(given))


def setting(given: argparse.Namespace, name: str) -> tuple[Shape, Size, int]:
    """The shape of that name, the encoder's size and the pairs of a batch."""
    gpu = torch.cuda.is_available()
    pairs = given.pairs or (16 if gpu else 8)
    if given.quick:
        return SHAPES[name].tiny(), workload.TINY, pairs
    return SHAPES[name], workload.LARGE if gpu else workload.SMALL, pairs


def chosen(names: str, known: Sequence[str]) -> list[str]:
    """The names in a list with commas.

    Raises:
        UserError: one is unknown.
    """
    for name in names.split(","):
        if name not in known:
            raise UserError(f"no {name!r}; {nearest(name, known)}")
    return names.split(",")


def speed(given: argparse.Namespace) -> None:
    """Measure every shape at every fill, print a line for each ratio, and write all of it to the output."""
    names = [(fill, name) for fill in chosen(given.fills, list(FILLS)) for name in chosen(given.shapes, list(SHAPES))]
    # reading comes first, as in a process that evaluates: after a training, memory for the large blocks of the released
    # layout is at hand that it would have to ask the system for
    reading = [measure_reading(*workload_of(given, fill, name), given) for fill, name in names]
    measured = []
    for (fill, name), read in zip(names, reading, strict=True):
        row = {"shape": name, "fill": fill} | read | measure_training(*workload_of(given, fill, name), given)
        if fill == "third":
            row["goals"] = {stage: GOALS[stage][name] for stage in STAGES}
            if SHAPES[name].fusion_layers == 1:
                row["goals"]["to_plain"] = PLAIN_GOAL
        if fill == "third" and not given.no_memory:
            row["processes"] = {
                stage: {layout: in_own_process(f"{name}/{stage}/{layout}") for layout in LAYOUTS} for stage in STAGES
            }
        measured.append(rounded(row))
        tell(measured[-1])
    if given.output:
        content = {"measured": measured, "size": size_of(given), "repeats": given.repeats} | circumstances()
        write_atomic(given.output, json.dumps(content, indent=1) + "\n")


def workload_of(given: argparse.Namespace, fill: str, name: str) -> tuple[Workload, Shape, Size]:
    """A fresh network and batch of a shape at a fill."""
    shape, size, pairs = setting(given, name)
    network, kind = workload.build(shape, size)
    texts = workload.examples(kind, FILLS[fill](shape.max_length, pairs), size.vocabulary)
    return Workload(network, kind, shape, texts), shape, size


def size_of(given: argparse.Namespace) -> dict[str, Any]:
    """The encoder that was measured, and how."""
    shape, size, pairs = setting(given, next(iter(SHAPES)))
    found = {name: getattr(size, name) for name in size.__slots__}
    parameters = sum(p.numel() for p in workload.build(shape, size)[0].encoder.parameters())
    return found | {
        "parameters": parameters,
        "pairs": pairs,
        "precision": "bfloat16" if torch.cuda.is_available() else "float32",
    }


def measure_reading(work: Workload, shape: Shape, size: Size, given: argparse.Namespace) -> dict[str, Any]:
    """Differences of the outputs, and seconds of every turn and their ratios for reading a batch and a stream.

    Raises:
        RuntimeError: the outputs differ.
    """
    differences = work.differences()
    if not all(value <= (EQUAL_ON_GPU if work.gpu else EQUAL) for value in differences.values()):
        raise RuntimeError(f"{shape.name}: the two layouts differ: {differences}")
    actions = {layout: work.action(layout, "inference") for layout in LAYOUTS} | {"plain": work.read_alone}
    if not work.gpu:
        actions["library"] = lambda: read_with_library(library, work)
        library = AutoModel.from_config(workload.encoder_config(shape, size), attn_implementation="sdpa").eval()
    seconds = in_turns(actions, given.repeats)
    to_plain = {name: ratio(seconds["ours"], seconds[name]) for name in actions if name not in LAYOUTS}
    return {
        "fused": [shape.local_layers, shape.fusion_layers],
        "max_length": shape.max_length,
        "tokens": work.tokens,
        "pairs": len(work.examples),
        "differences": differences,
        "inference": rates(seconds, work.tokens) | {"to_plain": to_plain},
        "stream": read_stream(work, shape, size, given),
    }


def measure_training(work: Workload, shape: Shape, size: Size, given: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every turn and their ratios for a training step."""
    seconds = in_turns({layout: work.action(layout, "training") for layout in LAYOUTS}, given.repeats)
    found = rates(seconds, work.tokens)
    if given.peak_tflops:  # backward costs twice the forward pass
        done = 3e-12 * workload.flops(size, shape, work.lengths)
        found["share_of_peak"] = done / statistics.median(seconds["ours"]) / given.peak_tflops
    return {"training": found}


def rates(seconds: dict[str, list[float]], tokens: int) -> dict[str, Any]:
    """Seconds of every turn, the ratio of the layouts, and the real tokens per second of ours."""
    return {
        "seconds": seconds,
        "ratio": ratio(seconds["released"], seconds["ours"]),
        "tokens_per_second": tokens / statistics.median(seconds["ours"]),
    }


def read_stream(work: Workload, shape: Shape, size: Size, given: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every turn for eight batches, read as the commands do; their ratios, and differences by precision."""
    lengths = work.lengths
    texts = workload.examples(work.kind, lengths * STREAM, size.vocabulary)  # all different
    batches = [
        Workload(work.network, work.kind, shape, texts[start : start + len(lengths)])
        for start in range(0, len(texts), len(lengths))
    ]
    readers = {"ours": work.reader}
    for name in () if work.gpu else PRECISIONS[1:]:
        readers[name] = Reader(copy.deepcopy(work.network), work.kind)
        lower(readers[name].network, name)
    actions: dict[str, Callable[[], object]] = {"released": lambda: [batch.read_released() for batch in batches]}
    for name, reader in readers.items():
        actions[name] = lambda reader=reader: work.read(reader, texts)
    seconds = in_turns(actions, given.repeats)
    logits = {name: np.concatenate(work.read(reader, texts), axis=None) for name, reader in readers.items()}
    return {
        "pairs": len(texts),
        "seconds": seconds,
        "ratio": {name: ratio(seconds["released"], seconds[name]) for name in readers},
        "largest_logit": float(np.abs(logits["ours"]).max()),
        "differences": {name: float(np.abs(found - logits["ours"]).max()) for name, found in logits.items()},
    }


def read_with_library(model: torch.nn.Module, work: Workload) -> None:
    """The target texts through transformers' own encoder, one after the other."""
    with torch.inference_mode():
        for example in work.alone:
            model(input_ids=torch.tensor([example.sides[0].input_ids]))


def in_own_process(name: str) -> dict[str, float]:
    """What `once` finds in a new process with the arguments of this one."""
    words = [sys.executable, "-m", "benchmarks.speed", *sys.argv[1:], "--once", name, "--started", str(time.time())]
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told.splitlines()[-1])


def once(given: argparse.Namespace) -> None:
    """Print the seconds from the start of Python to the end of the first step, and memory in MB, as JSON.

    `ready_MB` is the peak before the first step, `peak_MB` that after the second: of the process, or of the GPU.
    """
    name, stage, layout = given.once.split("/")
    shape, size, pairs = setting(given, name)
    network, kind = workload.build(shape, size)
    lengths = workload.third_full(shape.max_length, pairs)
    work = Workload(network, kind, shape, workload.examples(kind, lengths, size.vocabulary))
    ready, step = peak_memory(), work.action(layout, stage)
    step()
    if work.gpu:
        torch.cuda.synchronize()
    first = time.time() - given.started
    step()
    found = {"first_seconds": first, "ready_MB": ready, "peak_MB": peak_memory()}
    if work.gpu:  # without what does not grow with the pairs: weights, in training gradients and two moments too
        fixed = sum(4 * p.numel() for p in work.parameters) * (4 if stage == "training" else 1)
        found["MB_per_pair"] = (found["peak_MB"] - fixed / 1e6) / pairs
    print(json.dumps(rounded(found)))


def peak_memory() -> float:
    """The most memory so far in MB: of the GPU if there is one, else of the process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status")
    if status.exists():  # unlike the other figure this one forgets the process that started this one
        (line,) = (line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def tell(row: dict[str, Any]) -> None:
    """Print the ratios of one shape beside their goals."""
    differences = ", ".join(f"{name} {value:.1e}" for name, value in row["differences"].items())
    print(f"{row['shape']}, {row['fill']}: largest differences {differences}")
    for stage in STAGES:
        seconds = {name: statistics.median(times) for name, times in row[stage]["seconds"].items()}
        times = ", ".join(f"{name} {value:.3g} s" for name, value in seconds.items())
        goal = _goal(row, stage)
        print(f"  {stage}: {spread(row[stage]['ratio'])} times as fast{goal}; {times}")
    for name, found in row["stream"]["ratio"].items():
        print(f"  a stream of {row['stream']['pairs']} pairs, {name}: {spread(found)} times as fast")
    for name, found in row["inference"]["to_plain"].items():
        print(f"  FILTER over the target text alone ({name}): {spread(found)} times as long{_goal(row, 'to_plain')}")
    for stage, layouts in row.get("processes", {}).items():
        for layout, found in layouts.items():
            values = ", ".join(f"{name} {value:g}" for name, value in found.items())
            print(f"  {stage}, {layout}, own process: {values}")


def _goal(row: dict[str, Any], name: str) -> str:
    goal = row.get("goals", {}).get(name)
    return "" if goal is None else f" (goal {goal:g})"


def spread(found: dict[str, float]) -> str:
    """A ratio with its range over the turns."""
    return f"{found['median']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


if __name__ == "__main__":
    main()
