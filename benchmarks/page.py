"""The page on speed, in Markdown and as HTML with pictures, made from the files that the benchmarks wrote.

    python -m benchmarks.page [--results results/bench] [--markdown docs/speed.md] [--html docs/speed.html] [--check]

`benchmarks.page_parts` says which files become which part; several of a kind stand one after the other. What was not
measured is named, with the command that does it. `--check` writes nothing and fails if a page is not what the results
say.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.page_parts import PARTS, Heading, Picture, Piece, Table
from isogloss.cli import run_guarded
from isogloss.errors import UserError
from isogloss.evaluation.report import figure, page, scroll
from isogloss.evaluation.tables import markdown_line, markdown_text
from isogloss.files import write_atomic

INTRODUCTION = """The released layout pads both sides to the longest text allowed, reads each by itself outside the
fusion, writes its attention scores out and applies the head to every position. The reference that the benchmarks
compare with was written for that purpose and reads the same weights; its outputs are ours, and a benchmark that finds
them different stops. Things that are compared run in one process and take turns. Ratios are taken turn by turn: the
median, and in brackets the smallest and the largest."""


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/bench"))
    parser.add_argument("--markdown", type=Path, default=Path("docs/speed.md"))
    parser.add_argument("--html", type=Path, default=Path("docs/speed.html"))
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a page is stale")
    given = parser.parse_args()
    run_guarded(lambda: render(given.results, given.markdown, given.html, check=given.check))


def render(results: Path, markdown: Path, html: Path, *, check: bool = False) -> None:
    """Nothing; both pages are what the results say.

    Raises:
        UserError: a result cannot be read, or with `check` a page is stale.
    """
    made = parts(results)
    for path, text in ((markdown, as_markdown(made)), (html, as_html(made))):
        fresh = path.is_file() and path.read_text(encoding="utf-8") == text
        if check and not fresh:
            raise UserError(f"{path} is not what {results} says; run python -m benchmarks.page")
        if not fresh:
            write_atomic(path, text)
        print(f"{path}: {'fresh' if fresh else 'written anew'}")


def parts(results: Path) -> dict[str, list[Piece]]:
    """The parts of the page by their titles."""
    made: dict[str, list[Piece]] = {}
    for title, (name, module, describe) in PARTS.items():
        made[title] = []
        for path in sorted(results.glob(f"{name}*.json")):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                made[title] += [_circumstances(path.name, content), *describe(content)]
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                problem = f"{type(error).__name__}: {error}"
                raise UserError(f"{path}: not what benchmarks.{module} writes ({problem}); measure it again") from None
        if not made[title]:
            made[title] = [f"Not measured yet: python -m benchmarks.{module} --output {results / name}.json"]
    return made


def as_markdown(made: Mapping[str, Sequence[Piece]]) -> str:
    """The page in Markdown, without the pictures."""
    made_by = "Made by `python -m benchmarks.page` from `results/bench`; with pictures: speed.html."
    lines = ["# Speed", "", made_by, "", INTRODUCTION]
    for title, pieces in made.items():
        lines += ["", f"## {title}"]
        for piece in pieces:
            if isinstance(piece, Heading):
                lines += ["", f"### {piece.text}"]
            elif isinstance(piece, Table):
                marks = ["---", *["---:"] * (len(piece.header) - 1)]
                lines += ["", *map(markdown_line, (piece.header, marks, *piece.rows))]
            elif isinstance(piece, str):
                lines += ["", markdown_text(piece)]
    return "\n".join(lines) + "\n"


def as_html(made: Mapping[str, Sequence[Piece]]) -> str:
    """The page as one HTML document."""
    body = ["<h1>Speed</h1>", f"<p>{escape(INTRODUCTION)}</p>"]
    for title, pieces in made.items():
        body.append(f"<h2>{escape(title)}</h2>")
        for piece in pieces:
            if isinstance(piece, Heading):
                body.append(f"<h3>{escape(piece.text)}</h3>")
            elif isinstance(piece, Table):
                body.append(scroll(piece.header, f"<tbody>{''.join(map(_html_row, piece.rows))}</tbody>"))
            elif isinstance(piece, Picture):
                body.append(figure(piece.drawing, piece.caption))
            else:
                body.append(f'<p class="note">{escape(piece)}</p>')
    return page("Speed", "\n".join(body), "make bench")


def _html_row(cells: Sequence[str]) -> str:
    first, *rest = map(escape, cells)
    return f"<tr><th scope='row'>{first}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>"


def _circumstances(name: str, content: Mapping[str, Any]) -> str:
    machine, used = content["hardware"], content["versions"]
    facts = [
        name,
        f"{machine['gpu']}" if "gpu" in machine else f"{machine['processor']}, {machine['cores']} cores",
        *([f"{machine['threads']} threads"] if "threads" in machine and "gpu" not in machine else []),
        f"torch {used['torch']}",
        f"transformers {used['transformers']}",
        *([f"commit {content['commit']}"] if "commit" in content else []),
    ]
    return f"{', '.join(facts)}."


if __name__ == "__main__":
    main()
