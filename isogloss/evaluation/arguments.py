"""Arguments of the form NAME=PATH."""

from pathlib import Path


def named_path(argument: str | Path) -> tuple[str | None, Path]:
    """The name and the path; no name where the argument has none or is a path that is there as it stands."""
    name, equals, path = str(argument).partition("=")
    if not equals or "/" in name or Path(argument).exists():
        return None, Path(argument)
    return name, Path(path)
