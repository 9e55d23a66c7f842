"""The comparison as one HTML file: no scripts, nothing from elsewhere, readable in light, dark and on a telephone."""

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from isogloss.evaluation.bootstrap import Score
from isogloss.evaluation.cells import (
    BEST,
    column_names,
    column_title,
    columns_text,
    difference_text,
    items_text,
    p_text,
    sd_text,
    seeds_text,
)
from isogloss.evaluation.compare import AVERAGE, Comparison, Row, Table
from isogloss.evaluation.labels import language_name
from isogloss.evaluation.pictures import averages_picture, gaps_picture, languages_picture
from isogloss.files import write_atomic

POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # whatever a label says, the page fetches and runs nothing


def write_report(comparison: Comparison, path: Path, *, command: str | None = None) -> None:
    """Nothing; writes the report to `path`. `command` is the command line that made it, shown at its end.

    Raises:
        UserError: the place cannot be written.
    """
    write_atomic(path, report_html(comparison, command=command))


def report_html(comparison: Comparison, *, command: str | None = None) -> str:
    """The report as one HTML document."""
    sections = "\n".join(_section(table, f"t{i}") for i, table in enumerate(comparison.tables))
    tasks = ", ".join(dict.fromkeys(table.task for table in comparison.tables))
    body = f"""<h1>Comparison of methods</h1>
<p class="note">Scores are percent. Brackets and bars are 95 % intervals from a bootstrap over items; an item's
languages stay together. Seeds are averaged item by item, so the intervals speak about items; the spread over seeds is
given apart. An average is over all languages of the table.</p>
{_contents(comparison)}
{sections}"""
    return page(f"{tasks}: comparison", body, command)


def page(title: str, body: str, command: str | None = None) -> str:
    """An HTML document with the style of the reports, and at its end the command that made it, if that is given."""
    style = (files("isogloss.evaluation") / "report.css").read_text(encoding="utf-8")
    made = f"<h2>How to make this page</h2><pre>{escape(command)}</pre>" if command else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
{body}
{made}
</body>
</html>
"""


def headline(table: Table) -> str:
    """One sentence: which row leads, by how much over the baseline, and whether that is beyond doubt."""
    top = max(table.rows, key=lambda row: row.average.value)
    low, high = top.average.ci95
    text = f"{top.label} has the highest average, {top.average.value:.1f} [{low:.1f}, {high:.1f}]"
    if top.against_baseline is not None:
        text += f", {difference_text(top.against_baseline)} against {table.baseline}"
    if len(table.rows) == 1:
        return f"{top.label}: average {top.average.value:.1f} [{low:.1f}, {high:.1f}]."
    if AVERAGE in top.best:
        return f"{text}. It is {BEST}."
    return f"{text}. It is not clearly {BEST.replace('p < 0.05', 'p ≥ 0.05 for at least one')}."


def _contents(comparison: Comparison) -> str:
    """Links to the tables with the leading row of each, where there are several."""
    if len(comparison.tables) < 2:
        return ""
    items = "".join(
        f'<li><a href="#t{i}">{escape(_title(table))}</a>: {escape(headline(table))}</li>'
        for i, table in enumerate(comparison.tables)
    )
    return f"<nav><ul>{items}</ul></nav>"


def _title(table: Table) -> str:
    return f"{table.task}, {table.split}: {table.metric.replace('_', ' ')}"


def _section(table: Table, anchor: str) -> str:
    source = language_name(table.train_language)
    labelled = table.train_language in table.languages
    order = f"{source} (the language of the labels) first, then from" if labelled else "From"
    parts = [
        f'<h2 id="{anchor}">{escape(_title(table))}</h2>',
        f"<p>{escape(headline(table))}</p>",
        f'<p class="note">{escape(f"{items_text(table)} in each of {columns_text(table)}, {seeds_text(table)}.")}</p>',
        "<h3>Averages</h3>",
        figure(
            averages_picture(table),
            f"Large dot and bar: average over {table.unit}s and its interval. Small dots below: single {table.unit}s. "
            f"Dashed: {table.baseline}.",
        ),
        _summary_table(table),
    ]
    if len(table.languages) > 1:
        parts += [
            f"<h3>{table.unit.capitalize()} by {table.unit}</h3>",
            figure(
                languages_picture(table),
                f"{order} the easiest {table.unit} to the hardest; in each, the rows from top to bottom in the order "
                "of the legend.",
            ),
        ]
    if any(row.gap is not None for row in table.rows):
        parts += [
            f"<h3>Gap to {escape(source)}</h3>",
            figure(
                gaps_picture(table),
                f"Ring: {source}. Dot: mean of the other languages. Number: the gap in percentage points. A small gap "
                "is worth something only where the dot is far to the right.",
            ),
        ]
    parts += ["<h3>All scores</h3>", _score_table(table), "<h3>Where the numbers come from</h3>"]
    return "\n".join(parts + [_provenance(row) for row in table.rows])


def figure(picture: str, caption: str) -> str:
    """A picture with its caption, which is escaped."""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _summary_table(table: Table) -> str:
    others = list(dict.fromkeys(name for row in table.rows for name in row.other_metrics))
    header = [
        "",
        f"against {table.baseline}",
        "p",
        "sd over seeds",
        "seeds",
        *(name.replace("_", " ") for name in others),
    ]
    lines = [
        [
            escape(row.label),
            escape(difference_text(row.against_baseline)),
            p_text(row.against_baseline),
            sd_text(row),
            str(len(row.seeds)),
            *(f"{row.other_metrics[name]:.1f}" if name in row.other_metrics else "–" for name in others),
        ]
        for row in table.rows
    ]
    body = "".join(
        f"<tr><th scope='row'>{line[0]}</th>{''.join(f'<td>{x}</td>' for x in line[1:])}</tr>" for line in lines
    )
    return f"<h3>Tests and other metrics, on average</h3>{scroll(header, f'<tbody>{body}</tbody>')}"


def _score_table(table: Table) -> str:
    names = column_names(table)
    bodies = {
        "total": [n for n in names if n not in table.languages],
        "": [n for n in names if n in table.languages],
    }

    def line(name: str) -> str:
        shown = language_name(name) if name in table.languages else column_title(table, name)
        cells = "".join(_cell(row.column(name), name in row.best) for row in table.rows)
        return f"<tr><th scope='row'>{escape(shown)}</th>{cells}</tr>"

    body = "".join(
        f'<tbody class="{kind}">{"".join(line(name) for name in chosen)}</tbody>' for kind, chosen in bodies.items()
    )
    note = f'<p class="note">Shaded and bold: {escape(BEST)}.</p>' if len(table.rows) > 1 else ""
    return scroll(["", *(row.label for row in table.rows)], body) + note


def scroll(header: Iterable[str], body: str) -> str:
    """A table that scrolls sideways; the header is escaped, the body is HTML."""
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in header)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>{body}</table></div>'


def _cell(score: Score | None, best: bool) -> str:
    if score is None:
        return "<td>–</td>"
    low, high = score.ci95
    kind = ' class="best"' if best else ""
    return f"<td{kind}>{score.value:.1f}<small>{low:.0f}–{high:.0f}</small></td>"


def _provenance(row: Row) -> str:
    first = row.results[0]
    facts: dict[str, Any] = {
        "encoder": row.encoder,
        "pairing": row.pairing,
        "settings": row.settings,
        "seeds": ", ".join(map(str, row.seeds)),
        "items": ", ".join(f"{tag} {score.n}" for tag, score in row.languages.items()),
        "data": first.data,
        "commit": ", ".join(dict.fromkeys(result.commit for result in row.results)),
        "versions": first.versions,
        "hardware": first.hardware,
        "seconds": ", ".join(f"{result.seconds:g}" for result in row.results),
        "signature": first.signature,
        "files": ", ".join(row.sources),
    }
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{_fact(value)}</dd>" for name, value in facts.items())
    count = f"{len(row.seeds)} seed{'s' if len(row.seeds) > 1 else ''}, {row.encoder}"
    return f"<details><summary>{escape(row.label)}<span>{escape(count)}</span></summary><dl>{lines}</dl></details>"


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        shown = (
            f"{name}={item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)}"
            for name, item in value.items()
        )
        value = ", ".join(shown) or "–"
    return re.sub(r"([|/])", r"\1<wbr>", escape(str(value)))  # signatures and paths may break there
