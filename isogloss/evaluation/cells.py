"""How values, differences and columns read in every table."""

from isogloss.evaluation.bootstrap import Difference, Score
from isogloss.evaluation.compare import AVERAGE, TRANSFER, Row, Table
from isogloss.evaluation.labels import language_name

BEST = "above every other row (paired bootstrap over items, p < 0.05)"


def column_names(table: Table) -> list[str]:
    """The columns of a table: the average, the transfer if it is something else, and the languages."""
    others = [language for language in table.languages if language != table.train_language]
    return [AVERAGE, *([TRANSFER] if 0 < len(others) < len(table.languages) else []), *table.languages]


def column_title(table: Table, name: str) -> str:
    """What a column is called: `average`, `without English`, or the language's tag."""
    return {TRANSFER: f"without {language_name(table.train_language)}"}.get(name, name)


def difference_text(found: Difference | None) -> str:
    """`+2.1 [+0.4, +3.9]`, or a dash where there is nothing to compare."""
    return "–" if found is None else f"{value_text(found)} {interval_text(found)}"


def value_text(found: Difference | None) -> str:
    """`+2.1`, or a dash where there is nothing to compare."""
    return "–" if found is None else f"{found.value:+.1f}".replace("-", "−")


def interval_text(found: Difference | None) -> str:
    """`[+0.4, +3.9]`, or nothing where there is nothing to compare."""
    return "" if found is None else f"[{found.ci95[0]:+.1f}, {found.ci95[1]:+.1f}]".replace("-", "−")


def score_text(found: Score | None) -> str:
    """`62.3 [56, 68]`, or a dash where there is none."""
    return "–" if found is None else f"{found.value:.1f} [{found.ci95[0]:.0f}, {found.ci95[1]:.0f}]"


def columns_text(table: Table) -> str:
    """`15 languages`, `1 language`, or of translators `4 directions`."""
    count = len(table.languages)
    return f"{count} {table.unit}{'s' if count > 1 else ''}"


def items_text(table: Table) -> str:
    """`204 items per language`, or the range of their numbers."""
    numbers = sorted({score.n for score in table.rows[0].languages.values()})
    return f"{numbers[0]} items" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} items"


def seeds_text(table: Table) -> str:
    """`3 seeds`, or the range of their numbers."""
    numbers = sorted({len(row.seeds) for row in table.rows})
    if len(numbers) > 1:
        return f"{numbers[0]} to {numbers[-1]} seeds"
    return f"{numbers[0]} seed{'s' if numbers[0] > 1 else ''}"


def p_text(found: Difference | None) -> str:
    """`0.003`, or a dash where there is nothing to compare."""
    return "–" if found is None else f"{found.p:.3f}"


def sd_text(row: Row) -> str:
    """The standard deviation over seeds, or a dash for one seed."""
    return "–" if row.seed_sd is None else f"{row.seed_sd:.1f}"
