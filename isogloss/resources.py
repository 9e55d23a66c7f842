"""What comes with the package beside code: the embedded encoder and translator, the sample, the recipes."""

from pathlib import Path

PACKAGE = Path(__file__).parent
EMBEDDED = {"tiny": PACKAGE / "data" / "tiny"}  # encoders by name
TRANSLATORS = {"tiny-mt": PACKAGE / "data" / "tiny_mt"}  # folders of runs that translate, by name


def recipe_files() -> dict[str, Path]:
    """The recipes that come with isogloss by name: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / "recipes"
    folder = inside if inside.is_dir() else PACKAGE.parent / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}
