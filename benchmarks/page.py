"""The pages on speed, translators and retrieval, in Markdown and as HTML with pictures, from benchmarks' files.

    python -m benchmarks.page [--results results/bench] [--docs docs] [--check]

`benchmarks.speed_page`, `translators_page` and `retrieval_page` say which files become which part; several of a kind
stand one after the other. What was not measured is named, with the command that does it. `--check` writes nothing and
fails if a page is not what the results say.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import retrieval_page, speed_page, translators_page
from benchmarks.pieces import Describe, Heading, Picture, Piece, Table
from isogloss.cli import run_guarded
from isogloss.errors import UserError
from isogloss.evaluation.report import figure, page, scroll
from isogloss.evaluation.tables import markdown_line, markdown_text
from isogloss.files import write_atomic


class Page(NamedTuple):
    """A page: the name of its files, its title, what stands above its parts, and these."""

    name: str
    title: str
    introduction: str
    parts: Mapping[str, tuple[str, str, Describe]]  # title: its files, the benchmark, and how a file is described


PAGES = (
    Page("speed", "Speed", speed_page.INTRODUCTION, speed_page.PARTS),
    Page("translators", "Translators", translators_page.INTRODUCTION, translators_page.PARTS),
    Page("retrieval", "Retrieval", retrieval_page.INTRODUCTION, retrieval_page.PARTS),
)


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/bench"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a page is stale")
    given = parser.parse_args()
    run_guarded(lambda: render(given.results, given.docs, check=given.check))


def render(results: Path, docs: Path, *, check: bool = False) -> None:
    """Nothing; the pages are what the results say.

    Raises:
        UserError: a result cannot be read, or with `check` a page is stale.
    """
    written = {}
    for each in PAGES:
        made = parts(results, each)
        written[docs / f"{each.name}.md"] = as_markdown(each, made)
        written[docs / f"{each.name}.html"] = as_html(each, made)
    for path, text in written.items():
        fresh = path.is_file() and path.read_text(encoding="utf-8") == text
        if check and not fresh:
            raise UserError(f"{path} is not what {results} says; run python -m benchmarks.page")
        if not fresh:
            write_atomic(path, text)
        print(f"{path}: {'fresh' if fresh else 'written anew'}")


def parts(results: Path, of: Page = PAGES[0]) -> dict[str, list[Piece]]:
    """The parts of a page by their titles."""
    made: dict[str, list[Piece]] = {}
    for title, (name, module, describe) in of.parts.items():
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


def as_markdown(of: Page, made: Mapping[str, Sequence[Piece]]) -> str:
    """A page in Markdown, without the pictures."""
    made_by = f"Made by `python -m benchmarks.page` from `results/bench`; with pictures: {of.name}.html."
    lines = [f"# {of.title}", "", made_by, "", of.introduction]
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


def as_html(of: Page, made: Mapping[str, Sequence[Piece]]) -> str:
    """A page as one HTML document."""
    body = [f"<h1>{of.title}</h1>", f"<p>{escape(of.introduction)}</p>"]
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
    return page(of.title, "\n".join(body), "make bench")


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
