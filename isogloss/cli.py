"""The command line: a command is a typed function; torch is imported only by the commands that need it."""

import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from isogloss.commands import Data, Json, data, index, leaderboards, rerank, translation
from isogloss.errors import UserError
from isogloss.memory import ran_out
from isogloss.processes import first_alone_speaks, is_first, number

app = typer.Typer(
    help="Carry what a model learned in one language to every other one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

INTERRUPTED = 130  # what typer makes of a KeyboardInterrupt
PATIENCE = 10  # seconds that another process than the first waits before it tells its mistake

Precision = Annotated[
    str, typer.Option(help="float32; bfloat16 or int8 (processors) are faster, and the scores a little others.")
]
Gates = Annotated[
    str | None, typer.Option(help="all, none, or NAME,NAME=THRESHOLD,...: which of its translations are read.")
]
Languages = Annotated[
    str, typer.Option(help="Languages in any spelling, or directions (en-de), separated by commas; all by default.")
]


@app.callback()
def common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Never reach for the Hub.")] = False,
    attention: Annotated[
        str | None, typer.Option(help="How attention is computed: segments, blocks, varlen, flex; the best by default.")
    ] = None,
) -> None:
    """Options of every command."""
    if debug:
        os.environ["ISOGLOSS_DEBUG"] = "1"
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    if attention:
        os.environ["ISOGLOSS_ATTENTION"] = attention


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the runs, the results and the report.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(help="Seed of every run.")] = 1,
    as_json: Json = False,
) -> None:
    """Train five methods on the embedded sample with the embedded encoder, print their table, write a report."""
    from isogloss.evaluation.show import comparison_table
    from isogloss.suite import demo as run

    comparison = run(output, seed)
    print(json.dumps(comparison.to_json(), ensure_ascii=False, indent=2) if as_json else comparison_table(comparison))


def train(
    recipe: Annotated[str | None, typer.Argument(help="Recipe file, or the name of one that comes along.")] = None,
    method: Annotated[str | None, typer.Option(help="Method (`isogloss list methods`).")] = None,
    task: Annotated[str | None, typer.Option(help="Task (`isogloss list tasks`).")] = None,
    data: Data = None,
    translations: Annotated[
        Path | None, typer.Option(help="Parallel data set with training translations (`isogloss translate`).")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="tiny, a folder, or a Hub name.")] = None,
    languages: Annotated[str | None, typer.Option(help="Languages in any spelling, separated by commas.")] = None,
    pivots: Annotated[str | None, typer.Option(help="Languages read as further sides.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Run directory, resumed if unfinished; runs/RECIPE by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, order and dropout.")] = None,
    tokens_per_batch: Annotated[
        int | None, typer.Option(help="Tokens per update at most, in the place of batch_size examples.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value of a setting; may be repeated.")] = None,
) -> None:
    """Train a recipe, or what the flags say, into a run directory."""
    from isogloss.recipe import read_recipe, resolve
    from isogloss.runs import train as run

    flags: dict[str, Any] = {
        "method": method,
        "task": task,
        "data": data,
        "translations": translations,
        "encoder": encoder,
        "languages": languages,
        "pivots": pivots,
        "output": output,
        "seed": seed,
    }
    content = read_recipe(recipe) if recipe else {}
    if recipe and output is None and "output" not in content:
        flags["output"] = Path("runs") / Path(recipe).stem
    settings = list(set_ or ())
    if tokens_per_batch is not None:
        settings.append(f"train.tokens_per_batch={tokens_per_batch}")
    print(run(resolve(content, flags, settings)))


def evaluate(
    run: Annotated[
        str,
        typer.Argument(
            help="Run directory; for translation also an engine (hf:MODEL); for bitext also an encoder; for ranking "
            "also a ranker (bm25, dense:ENCODER, index:DIR)."
        ),
    ],
    task: Annotated[str | None, typer.Option(help="Another task: of the same kind and labels, or of bitext.")] = None,
    data: Data = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    languages: Languages = "",
    pairing: Annotated[
        str, typer.Option(help="translation, machine, self, shuffled, none, word_dropout or word_for_word.")
    ] = "translation",
    translations: Annotated[
        Path | None, typer.Option(help="Parallel data set of the split, into the training language; pairing machine.")
    ] = None,
    translator: Annotated[
        str | None, typer.Option(help="Engine (tiny-mt, NAME:REST) that makes these translations; pairing machine.")
    ] = None,
    gates: Gates = None,
    items: Annotated[int | None, typer.Option(min=0, help="At most so many per language; 0 = all.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value of bitext_retrieval, of a decoding (beam=4), or of a ranker (k1=0.9)."),
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Measures of a ranking as ir-measures writes them, the main one first: nDCG@10 R@100.")
    ] = "",
    documents: Annotated[str, typer.Option(help="Languages of the documents that are ranked; all by default.")] = "",
    precision: Precision = "float32",
    output: Annotated[Path | None, typer.Option(help="Result file (.json).")] = None,
    as_json: Json = False,
) -> None:
    """Score a run, or its encoder on a task of bitext, on a split, per language and with intervals."""
    from isogloss.evaluation.evaluate import Reading
    from isogloss.evaluation.evaluate import evaluate as score
    from isogloss.evaluation.show import result_table
    from isogloss.evaluation.translated import ByTranslator

    asked = asked_gates(gates, translator)
    settings = set_ or ()
    by = None if translator is None else ByTranslator(translator, asked, ",".join(settings))
    result = score(
        run,
        task=task,
        data=data,
        split=split,
        languages=languages,
        pairing=pairing,
        items=items,
        reading=Reading(
            precision=precision,
            translations=translations,
            translator=by,
            settings=() if by else settings,
            metrics=metric,
            documents=documents,
        ),
        output=output,
    )
    print(json.dumps(result.to_json(), ensure_ascii=False, indent=2) if as_json else result_table(result))


def predict(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    input: Annotated[Path | None, typer.Option(help="JSON lines; standard input by default.")] = None,
    output: Annotated[Path | None, typer.Option(help="File for the predictions; standard output by default.")] = None,
    translator: Annotated[
        str | None, typer.Option(help="Engine (tiny-mt, NAME:REST) that translates texts which come without.")
    ] = None,
    gates: Gates = None,
    precision: Precision = "float32",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the decoding (beam=4) of a run that translates.")
    ] = None,
) -> None:
    """Predict JSON lines: one line out per line in, same order, same ids."""
    from isogloss.predict import predict_lines

    predict_lines(run, input, output, precision, translator, asked_gates(gates, translator), set_ or ())


def asked_gates(gates: str | None, translator: str | None) -> str:
    """The gates that were asked for, all if none were named.

    Raises:
        UserError: there is no translator whose translations they could judge.
    """
    if gates is not None and translator is None:
        raise UserError("--gates judges the translations of --translator ENGINE; give that too")
    return gates or "all"


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run directories or result files.")],
    output: Annotated[Path | None, typer.Option(help="HTML report.")] = None,
    split: Annotated[str | None, typer.Option(help="The split to compare, where runs have several.")] = None,
    baseline: Annotated[str | None, typer.Option(help="The row that the others are tested against.")] = None,
    as_json: Json = False,
) -> None:
    """Set results side by side: one table per task, seeds averaged, differences tested over items."""
    from isogloss.evaluation.compare import compare as set_side_by_side
    from isogloss.evaluation.show import comparison_table

    comparison = set_side_by_side(runs, split=split, baseline=baseline)
    print(json.dumps(comparison.to_json(), ensure_ascii=False, indent=2) if as_json else comparison_table(comparison))
    if output is not None:
        from isogloss.evaluation.report import write_report

        write_report(comparison, output, command=shlex.join(["isogloss", *sys.argv[1:]]))
        print(f"report: {output}", file=sys.stderr)


def convert(
    path: Annotated[Path, typer.Argument(help="A published FILTER folder, or a run of FILTER.")],
    output: Annotated[Path, typer.Option(help="Run directory, or folder in the published layout.")],
    task: Annotated[str | None, typer.Option(help="What a published folder was trained for.")] = None,
    tokenizer: Annotated[str | None, typer.Option(help="Its tokenizer, where the folder has none it can read.")] = None,
) -> None:
    """Turn a published FILTER checkpoint into a run directory, or a run back into that layout."""
    from isogloss.understanding.convert import convert as run

    print(run(path, output, task, tokenizer))


def list_(
    what: Annotated[str, typer.Argument(help="methods, tasks, recipes, languages, encoders, engines or rankers.")],
    as_json: Json = False,
) -> None:
    """List what there is to choose from."""
    from isogloss.catalogue import catalogue

    rows = catalogue(what)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    width = max((len(name) for name in rows), default=0)
    print("\n".join(f"{name:<{width}}  {title}" for name, title in rows.items()))


def show(
    name: Annotated[str, typer.Argument(help="A method, task, recipe, language, encoder, engine or ranker.")],
) -> None:
    """Show one thing: what it is, its settings, where it comes from."""
    from isogloss.catalogue import describe

    print(describe(name))


for command in (demo, train, evaluate, predict, translation.translate):  # in the order of --help
    app.command()(command)
for command in (index.index, index.search, rerank.rerank):
    app.command()(command)
for command in (compare, leaderboards.leaderboard, leaderboards.submit, convert, translation.export):
    app.command()(command)
app.command("list")(list_)
app.command()(show)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line; exit with 0, 1 (the user's mistake or a failed run), or 2 (usage)."""
    run_guarded(app)


def run_guarded(action: Callable[[], object]) -> None:
    """Run an action; whatever goes wrong becomes one line on standard error and exit code 1 (--debug: a traceback)."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads warn about every forked process
    # OpenMP's threads wait by spinning: beside any other busy process that makes training many times slower, but a
    # thread that sleeps at once wakes up too late for small matrices. GNU's turns a few thousand times, then sleeps.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    try:
        with first_alone_speaks():
            action()
    except Exception as error:
        if os.environ.get("ISOGLOSS_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error} (--debug shows where)"
        if isinstance(error, UserError):
            text = str(error)
        elif ran_out(error):
            text = f"out of memory; a shorter max_length takes less, or end what else fills this device ({error})"
        _stop(" ".join(text.split()))
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != INTERRUPTED:
            raise
        _stop("stopped; give the same command again to go on")


def _stop(message: str) -> None:
    if not is_first():  # mostly the first process meets the same mistake, says so, and the launcher ends this one
        time.sleep(PATIENCE)
        message = f"process {number()}: {message}"
    print(f"isogloss: {message}", file=sys.stderr)
    raise SystemExit(1)
