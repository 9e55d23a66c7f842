"""Parallel text with English: what encoders and translators are pretrained on. One small function per source.

Every function takes the folder that holds the data sets and a language, and returns the pairs that training may see
(no pairs where the source lacks the language). What the tasks test on is left out: SIB-200 and NusaX give their
training splits only, NTREX its first 1,497 lines, the Bible no verse of the Taxi1500 test set.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from isogloss.data import sample
from isogloss.data.formats import read_lines, read_table
from isogloss.errors import UserError, nearest
from isogloss.languages import language
from isogloss.records import Bitext
from isogloss.tasks import load_task

NTREX_LINES = 1497  # the rest stays unseen, as a translation test
NTREX = (
    "deu fra swe rus arb hau mlt urd ben zho-CN jpn kor tha vie ind tur kaz uzb fin est hun eus swa yor ibo wol zul kin"
)
TICO19 = "fr sw tl"
XNLI = "de sw tr ur zh"
BIBLE = "swh zul wol ewe eus lav ukr kab chr"
CLDR = "de fr es pl ru ar he am sw yo zu fa ur ta zh ja ko th vi id tr fi hu ka eu"  # the emoji names' too


def _spellings(names: str) -> dict[str, str]:
    """The source's own names of its languages, by tag."""
    return {language(name).tag: name for name in names.split()}


def _columns(path: Path, first: int, second: int) -> dict[str, str]:
    """One column of a table without a header by another."""
    return {row.values[0]: row.values[1] for row in read_table(path, (first, second))}


def _bitexts(source: str, tag: str, pairs: Iterable[tuple[str, str, str]]) -> list[Bitext]:
    """Bitexts of (id, text, English); pairs with an empty side, or whose sides are equal, teach nothing."""
    return [
        Bitext(
            id=f"{source}-{name}",
            language=tag,
            text=text.strip(),
            translation_language="en",
            translation=english.strip(),
        )
        for name, text, english in pairs
        if text.strip() and english.strip() and text.strip() != english.strip()
    ]


def ntrex(data: Path, tag: str) -> list[Bitext]:
    """News sentences, lines 1 to 1,497."""
    folder, names = data / "ntrex", _spellings(NTREX)
    if tag not in names:
        return []
    english = read_lines(folder / "newstest2019-src.eng.txt")
    path = folder / f"newstest2019-ref.{names[tag]}.txt"
    others = read_lines(path)
    _same_length(path, len(others), len(english))
    numbered = zip(map(str, range(1, NTREX_LINES + 1)), others, english, strict=False)
    return _bitexts("ntrex", tag, numbered)


def tico19(data: Path, tag: str) -> list[Bitext]:
    """Sentences about COVID-19. Not for a model that is tested on TICO-19 translation."""
    if tag not in _spellings(TICO19):
        return []
    rows = read_table(data / "tico19" / f"tico19.en-{tag}.tsv", (0, 1))
    return _bitexts("tico19", tag, ((str(i), row.values[1], row.values[0]) for i, row in enumerate(rows, 1)))


def xnli_train_parallel(data: Path, tag: str) -> list[Bitext]:
    """Premises and hypotheses of 7,500 MultiNLI items in machine translation."""
    if tag not in _spellings(XNLI):
        return []
    folder = data / "xnli_train_parallel"
    english = read_table(folder / "multinli.train.en.tsv", ("premise", "hypo"))
    path = folder / f"multinli.train.{tag}.tsv"
    others = read_table(path, ("premise", "hypo"))
    _same_length(path, len(others), len(english))
    return _bitexts(
        "xnli",
        tag,
        (
            (f"{i}-{side}", other.values[side], source.values[side])
            for i, (other, source) in enumerate(zip(others, english, strict=True), 1)
            for side in (0, 1)
        ),
    )


def bible_nt(data: Path, tag: str) -> list[Bitext]:
    """Verses of the New Testament, without those that Taxi1500 tests on."""
    folder, names = data / "bible_nt", _spellings(BIBLE)
    if tag not in names:
        return []
    tested = _columns(folder / "taxi1500.test.tsv", 0, 1)
    english = _columns(folder / "eng-web.tsv", 0, 1)
    others = _columns(folder / f"{names[tag]}.tsv", 0, 1)
    verses = (verse for verse in others if verse in english and verse not in tested)
    return _bitexts("bible", tag, ((verse, others[verse], english[verse]) for verse in verses))


def emoji_captions(data: Path, tag: str) -> list[Bitext]:
    """Names of emoji, of the training images only."""
    if tag not in _spellings(CLDR):
        return []
    folder = data / "emoji_captions"
    splits = _columns(folder / "splits.tsv", 0, 1)
    english, others = _columns(folder / "en.tsv", 0, 2), _columns(folder / f"{tag}.tsv", 0, 2)
    keys = (key for key in others if splits[key] == "train" and key in english)
    return _bitexts("emoji", tag, ((key, others[key], english[key]) for key in keys))


def cldr_names(data: Path, tag: str) -> list[Bitext]:
    """Names of countries and languages."""
    if tag not in _spellings(CLDR):
        return []
    english, others = (
        {"-".join(row.values[:2]): row.values[2] for row in read_table(data / "cldr_names" / f"{name}.tsv", (0, 1, 2))}
        for name in ("en", tag)
    )
    return _bitexts("cldr", tag, ((key, name, english[key]) for key, name in others.items() if key in english))


def sib200(data: Path, tag: str) -> list[Bitext]:
    """The training sentences of SIB-200."""
    return _of_task("sib200", data, tag)


def nusax(data: Path, tag: str) -> list[Bitext]:
    """The training texts of NusaX."""
    return _of_task("nusax", data, tag)


def sample_requests(data: Path, tag: str) -> list[Bitext]:
    """The training requests of the embedded sample; `data` is not read."""
    return _of_task("sample_intent", data, tag)


def sample_passages(data: Path, tag: str) -> list[Bitext]:
    """The training questions and passages of the embedded sample; `data` is not read."""
    if tag not in sample.LANGUAGES or tag == "en":
        return []
    task = load_task("sample_answers")
    english = {each.id: each for each in task.read(task.root(None), "train", "en")}
    found = []
    for each in task.read(task.root(None), "train", tag):
        found.append((f"{each.id}-question", each.question, english[each.id].question))
        found.append((f"{each.id}-context", each.context, english[each.id].context))
    return _bitexts("sample", tag, found)


def _of_task(name: str, data: Path, tag: str) -> list[Bitext]:
    task = load_task(name)
    if tag not in task.languages or tag == "en":
        return []
    root = task.root(data)
    english = {each.id: each for each in task.read(root, "train", "en")}
    others = task.read(root, "train", tag)
    return _bitexts(name, tag, ((each.id, each.text, english[each.id].text) for each in others))


SOURCES: dict[str, Callable[[Path, str], list[Bitext]]] = {
    "ntrex": ntrex,
    "tico19": tico19,
    "sib200": sib200,
    "nusax": nusax,
    "xnli_train_parallel": xnli_train_parallel,
    "bible_nt": bible_nt,
    "emoji_captions": emoji_captions,
    "cldr_names": cldr_names,
    "sample_requests": sample_requests,
    "sample_passages": sample_passages,
}
LANGUAGES = tuple(
    sorted(
        {tag for names in (NTREX, TICO19, XNLI, BIBLE, CLDR) for tag in _spellings(names)}
        | {tag for name in ("sib200", "nusax", "sample_intent") for tag in load_task(name).languages} - {"en"}
    )
)


def read_parallel(data: Path, languages: Sequence[str], sources: Sequence[str] = tuple(SOURCES)) -> list[Bitext]:
    """All pairs of the sources in the languages, language by language; languages in any spelling.

    Raises:
        UserError: a source is unknown, its files are missing, or no source has one of the languages.
    """
    for name in sources:
        if name not in SOURCES:
            raise UserError(f"no source of parallel text {name!r}; {nearest(name, SOURCES)}")
    found: list[Bitext] = []
    for tag in dict.fromkeys(language(spelling).tag for spelling in languages):
        pairs = [bitext for name in sources for bitext in SOURCES[name](data, tag)]
        if not pairs:
            raise UserError(
                f"no parallel text in {tag} in {', '.join(sources)}; languages with some: {', '.join(LANGUAGES)}"
            )
        found += pairs
    return found


def _same_length(path: Path, lines: int, english: int) -> None:
    if lines != english:
        raise UserError(f"{path}: {lines} lines, but the English file beside it has {english}; they must line up")
