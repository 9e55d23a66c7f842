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

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder with the task's files, or the folder that holds it; hub, or hub:DIR for a mirror of it."),
]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder that holds the tasks' folders.")]
Precision = Annotated[
    str, typer.Option(help="float32; bfloat16 or int8 (processors) are faster, and the scores a little others.")
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


@app.command()
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


@app.command()
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


@app.command()
def evaluate(
    run: Annotated[
        str,
        typer.Argument(help="Run directory; for translation also an engine (hf:MODEL); for bitext also an encoder."),
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
    items: Annotated[int | None, typer.Option(min=0, help="At most so many per language; 0 = all.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of bitext_retrieval, or of decoding (beam=4).")
    ] = None,
    precision: Precision = "float32",
    output: Annotated[Path | None, typer.Option(help="Result file (.json).")] = None,
    as_json: Json = False,
) -> None:
    """Score a run, or its encoder on a task of bitext, on a split, per language and with intervals."""
    from isogloss.evaluation.evaluate import evaluate as score
    from isogloss.evaluation.show import result_table

    result = score(
        run,
        task=task,
        data=data,
        split=split,
        languages=languages,
        pairing=pairing,
        items=items,
        settings=set_ or (),
        precision=precision,
        output=output,
        translations=translations,
    )
    print(json.dumps(result.to_json(), ensure_ascii=False, indent=2) if as_json else result_table(result))


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    input: Annotated[Path | None, typer.Option(help="JSON lines; standard input by default.")] = None,
    output: Annotated[Path | None, typer.Option(help="File for the predictions; standard output by default.")] = None,
    translator: Annotated[
        str | None, typer.Option(help="Engine (NAME:REST) that translates texts which come without.")
    ] = None,
    precision: Precision = "float32",
) -> None:
    """Predict JSON lines: one line out per line in, same order, same ids."""
    from isogloss.predict import predict_lines

    predict_lines(run, input, output, precision, translator)


@app.command()
def translate(
    source: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help=".jsonl, .json (SQuAD), .tsv, .conllu, .conll; else lines.")
    ] = None,
    *,
    to: Annotated[str, typer.Option(help="Languages in any spelling, separated by commas.")],
    engine: Annotated[str, typer.Option(help="hf:MODEL, ctranslate2:FOLDER, llm:MODEL@URL, pivot:..., memory:FILE.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="Language of the texts; JSON lines carry their own.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="New folder for the data set, or file for lines; standard output by default.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Folder where translations are kept; OUTPUT.store by default.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Translate a task's split instead of a file.")] = None,
    data: Data = None,
    split: Annotated[str, typer.Option(help="Of the task.")] = "train",
    decoding: Annotated[str, typer.Option(help="NAME=VALUE,... such as beam=1,length=gnmt,alpha=0.6.")] = "",
    memory: Annotated[Path | None, typer.Option(help="Past translations; a language model sees similar ones.")] = None,
    shots: Annotated[int | None, typer.Option(min=0, help="How many of them it sees.")] = None,
    selection: Annotated[str | None, typer.Option(help="Which: similar, random, fixed or mixed.")] = None,
    style: Annotated[str | None, typer.Option(help="Only those of the memory with this mark.")] = None,
    terms: Annotated[Path | None, typer.Option(help="Glossary that a language model is to follow.")] = None,
    draft: Annotated[str | None, typer.Option(help="Engine whose translation it sees and improves.")] = None,
    gates: Annotated[str, typer.Option(help="all, none, or NAME,NAME=THRESHOLD,...: what is good enough.")] = "all",
    reverse: Annotated[str | None, typer.Option(help="Engine of the gate round_trip.")] = None,
    quality: Annotated[str | None, typer.Option(help="Program of the gate quality, with its arguments.")] = None,
    shard: Annotated[str | None, typer.Option(help="2/8: be the second of eight workers on one store.")] = None,
    ray: Annotated[int, typer.Option(min=0, metavar="WORKERS", help="Spread the work over so many of Ray's.")] = 0,
    batch_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens that an engine gets at a time, roughly; 2048 a core by default.")
    ] = None,
    attempts: Annotated[int, typer.Option(min=1, help="Runs in which a text may fail before it is left alone.")] = 3,
    as_json: Json = False,
) -> None:
    """Translate a labelled data set into a parallel one, or lines in a pipe; stopped, the same command goes on."""
    from isogloss.translation.command import translate as run

    manifest = run(
        source,
        to=to,
        engine=engine,
        from_=from_,
        output=output,
        store=store,
        task=task,
        data=data,
        split=split,
        decoding=decoding,
        context={
            "memory": memory,
            "shots": shots,
            "selection": selection,
            "style": style,
            "terms": terms,
            "draft": draft,
        },
        gates=gates,
        reverse=reverse,
        quality=quality,
        shard=shard,
        ray=ray,
        batch_tokens=batch_tokens,
        attempts=attempts,
    )
    if manifest is not None and as_json:
        print(json.dumps(manifest, ensure_ascii=False, indent=2))
    elif manifest is not None:
        from isogloss.translation.gates import acceptance

        print(acceptance(manifest["translations"]))


@app.command()
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


@app.command()
def leaderboard(
    results: Annotated[
        list[str], typer.Argument(help="Runs, folders of results or result files; NAME=PATH makes one row of a path.")
    ],
    benchmark: Annotated[str, typer.Option(help="xtreme or xglue.")] = "xtreme",
    output: Annotated[Path | None, typer.Option(help="The table as .html, .md or .json.")] = None,
    as_json: Json = False,
) -> None:
    """Score results as a benchmark does, beside published rows: tasks, groups, overall, then language by language."""
    from isogloss.evaluation.leaderboard import leaderboard as scored

    board = scored(results, benchmark)
    if output is not None:
        from isogloss.evaluation.leaderboard_page import write_leaderboard

        write_leaderboard(board, output, command=shlex.join(["isogloss", *sys.argv[1:]]))
    if as_json:
        print(json.dumps(board.to_json(), ensure_ascii=False, indent=2))
    else:
        from isogloss.evaluation.leaderboard_tables import leaderboard_text

        print(leaderboard_text(board))


@app.command()
def submit(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Runs; TASK=RUN for a run of another task, TASK=FILE for predictions as `predict` writes."),
    ] = None,
    *,
    data: DataFolder,
    output: Annotated[Path, typer.Option(help="New folder for the submission.")],
    encoder: Annotated[str | None, typer.Option(help="Answers bucc2018 and tatoeba: tiny, a run, a Hub name.")] = None,
    tasks: Annotated[str, typer.Option(help="Tasks to write, separated by commas; all nine by default.")] = "",
    pairing: Annotated[list[str] | None, typer.Option(help="As in evaluate; TASK=PAIRING for one task.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Retrieval: key=value or TASK.key=value.")] = None,
) -> None:
    """Predict XTREME's test splits into a submission folder; test labels are not needed."""
    from isogloss.evaluation.submit import submit as write

    print(
        write(
            sources or (),
            data=data,
            output=output,
            encoder=encoder,
            tasks=tasks,
            pairing=pairing or (),
            settings=set_ or (),
        )
    )


@app.command()
def convert(
    path: Annotated[Path, typer.Argument(help="A published FILTER folder, or a run of FILTER.")],
    output: Annotated[Path, typer.Option(help="Run directory, or folder in the published layout.")],
    task: Annotated[str | None, typer.Option(help="What a published folder was trained for.")] = None,
    tokenizer: Annotated[str | None, typer.Option(help="Its tokenizer, where the folder has none it can read.")] = None,
) -> None:
    """Turn a published FILTER checkpoint into a run directory, or a run back into that layout."""
    from isogloss.understanding.convert import convert as run

    print(run(path, output, task, tokenizer))


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="A translation model of transformers: a folder or a Hub name.")],
    output: Annotated[Path, typer.Option(help="New folder.")],
    to: Annotated[str, typer.Option(help="The engine that is to read it: ctranslate2.")] = "ctranslate2",
    quantization: Annotated[str, typer.Option(help="int8, int8_float16, float16, float32 ...")] = "int8",
) -> None:
    """Convert a translation model for a faster engine, with its tokenizer; it has to score a text as before."""
    if to != "ctranslate2":
        raise UserError(f"--to {to}: models are converted for ctranslate2 alone")
    from isogloss.translation.engines.ctranslate2 import convert as run

    print(run(model, output, quantization))


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="methods, tasks, recipes, languages, encoders or engines.")],
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


@app.command()
def show(name: Annotated[str, typer.Argument(help="A method, task, recipe, language, encoder or engine.")]) -> None:
    """Show one thing: what it is, its settings, where it comes from."""
    from isogloss.catalogue import describe

    print(describe(name))


data_app = typer.Typer(help="See, get and verify data sets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")


@data_app.command("ls")
def data_ls(
    name: Annotated[str | None, typer.Argument(metavar="[SET]", help="A set; all by default.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder: what of it is there?")] = None,
    as_json: Json = False,
) -> None:
    """List what can be had: size, licence, how, and whether it is in the data folder."""
    from isogloss.data.data_folder import rows, table

    entries = rows(name, data)
    print(json.dumps(entries, ensure_ascii=False, indent=2) if as_json else table(entries))


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(metavar="SET", help="A set (`isogloss data ls`).")],
    data: DataFolder,
    tasks: Annotated[str, typer.Option(help="Tasks of the set, separated by commas; all by default.")] = "",
    accept_licences: Annotated[bool, typer.Option("--accept-licences", help="Accept what `ls` lists.")] = False,
) -> None:
    """Get the files of a set: resumed where a transfer broke off, checked against their SHA-256, unpacked."""
    from isogloss.data.get import get

    for line in get(name, data, tasks, accept_licences=accept_licences):
        print(line, flush=True)


@data_app.command("verify")
def data_verify(
    data: DataFolder,
    name: Annotated[str | None, typer.Argument(metavar="[SET]", help="A set; all by default.")] = None,
    tasks: Annotated[str, typer.Option(help="Tasks of the set; by default those that are there.")] = "",
    as_json: Json = False,
) -> None:
    """Check a data folder: which files are missing or altered? Exit code 1 if any is."""
    from dataclasses import asdict

    from isogloss.data.data_folder import report, verify

    checked, findings = verify(name, data, tasks)
    rows = [asdict(finding) for finding in findings]
    print(json.dumps(rows, ensure_ascii=False, indent=2) if as_json else report(checked, findings, data))
    bad = sum(finding.state in ("missing", "altered") for finding in findings)
    if bad:
        raise UserError(f"{data}: {bad} of {len(findings)} files are missing or altered; `isogloss data get` mends it")


@data_app.command("check")
def data_check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A parallel data set.")], as_json: Json = False
) -> None:
    """Check a parallel data set: schema, ids, joins, languages, texts, offsets, counts. Exit code 1 if any is wrong."""
    from isogloss.data.parallel_set_check import defects, report

    found = defects(folder)
    print(json.dumps(found, ensure_ascii=False, indent=2) if as_json else report(folder, found))
    if found:
        raise UserError(f"{folder}: {len(found)} line(s) of defects; make the set again, or leave out what is wrong")


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
