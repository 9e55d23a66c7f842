"""`isogloss translate` and `isogloss export`."""

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from isogloss.commands import Data, Json
from isogloss.errors import UserError


def translate(
    source: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help=".jsonl, .json (SQuAD), .tsv, .conllu, .conll; else lines.")
    ] = None,
    *,
    to: Annotated[str, typer.Option(help="Languages in any spelling, separated by commas.")],
    engine: Annotated[str, typer.Option(help="tiny-mt, hf:MODEL, ctranslate2:FOLDER, llm:MODEL@URL, pivot:... ...")],
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
    similarity: Annotated[str | None, typer.Option(help="How alike: edit, or an encoder (tiny, folder, Hub).")] = None,
    at_least: Annotated[float | None, typer.Option(help="Only those at least so similar, 0 to 1.")] = None,
    allow_exact: Annotated[bool, typer.Option("--allow-exact", help="A text may see its own translation.")] = False,
    seed: Annotated[int | None, typer.Option(help="Of the draws of random ones.")] = None,
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
    from isogloss.translation import command, options
    from isogloss.translation.decoding import read_decoding
    from isogloss.translation.job import ALL, Work
    from isogloss.translation.place import Place

    share = options.parse_shard(shard) if shard else ALL
    manifest = command.translate(
        options.Texts(source, task, data, split, from_),
        options.tags_of(to),
        options.Engine(
            engine,
            memory=memory,
            shots=shots,
            selection=selection,
            similarity=similarity,
            at_least=at_least,
            allow_exact=allow_exact or None,
            seed=seed,
            style=style,
            terms=terms,
            draft=draft,
        ),
        Place(output, store),
        read_decoding(decoding),
        options.judges_of(gates, reverse, quality),
        Work(tokens=batch_tokens, attempts=attempts, share=share, ray=ray),
    )
    if manifest is not None and as_json:
        print(json.dumps(manifest, ensure_ascii=False, indent=2))
    elif manifest is not None:
        from isogloss.translation.acceptance import acceptance

        print(acceptance(manifest["translations"]))


def export(
    model: Annotated[str, typer.Argument(help="A translation model of transformers: a folder, a Hub name, tiny-mt.")],
    output: Annotated[Path, typer.Option(help="New folder.")],
    to: Annotated[str, typer.Option(help="The engine that is to read it: ctranslate2 or hf.")] = "ctranslate2",
    quantization: Annotated[
        str | None, typer.Option(help="int8 (the default for ctranslate2), float16 (for hf), float32 ...")
    ] = None,
) -> None:
    """Convert a translation model for a faster engine, or store it smaller; it has to score a text as before."""
    if to not in ("ctranslate2", "hf"):
        raise UserError(f"--to {to}: models are converted for ctranslate2 and for hf")
    run = import_module(f"isogloss.translation.engines.{to}").convert
    print(run(model, output, *([quantization] if quantization else [])))
