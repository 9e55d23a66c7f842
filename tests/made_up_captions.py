"""A Multi30k of made-up captions for tests of the benchmarks, the same in three languages."""

from pathlib import Path

WORDS = {
    "en": ("A dog", "A bird", "The child", "This house", "sees", "likes", "a tree", "the river", "snow"),
    "de": ("Ein Hund", "Ein Vogel", "Das Kind", "Dieses Haus", "sieht", "mag", "einen Baum", "den Fluss", "Schnee"),
    "fr": ("Un chien", "Un oiseau", "L'enfant", "Cette maison", "voit", "aime", "un arbre", "le fleuve", "la neige"),
}


def write_captions(data: Path) -> Path:
    """The data folder, with the captions of all splits below it."""
    folder = data / "multi30k"
    folder.mkdir()
    for tag, words in WORDS.items():
        lines = [f"{a} {b} {c}." for a in words[:4] for b in words[4:6] for c in words[6:]]
        for name, chosen in (("train", lines), ("val", lines[:4]), ("test_2016_flickr", lines[::4])):
            (folder / f"{name}.{tag}").write_text("\n".join(chosen) + "\n", encoding="utf-8")
    return data
