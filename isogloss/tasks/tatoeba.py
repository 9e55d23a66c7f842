"""Tatoeba: for each English sentence find its translation among up to 1,000 sentences of the other language.

The test sets of LASER (Artetxe and Schwenk 2019), whose line numbers are the ids: each language has its own English
side, so line 7 of German and line 7 of French are two items. XTREME asks from English to the other language in 36 of
the languages, `XTREME` below; the other direction is scored beside it. XTREME's own figures for XLM-R large take the
mean of layer 14 (`--set layer=14`). Fewer items are fewer candidates: scores with `--items` are higher.

The Hub has XTREME's languages.
"""

from collections.abc import Iterable
from pathlib import Path

from isogloss.data.formats import read_lines
from isogloss.data.hub import Row
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.records import Bitext
from isogloss.tasks import Task
from isogloss.tasks._hub import xtreme

XTREME_CODES = (  # the 36 of XTREME, as the files are called
    "afr ara ben bul cmn deu ell est eus fin fra heb hin hun ind ita jav jpn kat kaz kor mal mar nld pes por rus spa "
    "swh tam tel tgl tha tur urd vie"
)
MORE_CODES = (
    "ang arq ast awa bel ber bre cat ceb ces cor csb dan dsb epo fao gla gle gsw hrv hye ido ina isl khm kur lat lfn "
    "lvs max mkd mon nno nob oci orv pms pol slk slv srp swe tat tuk uig ukr war wuu yid yue"
)
SMALLER = (  # the others have 1,000 pairs
    "ang 134 arq 911 ast 127 awa 231 ceb 600 csb 253 dsb 479 fao 262 gla 829 gsw 117 hye 742 kaz 575 khm 722 kur 410 "
    "max 284 mon 440 orv 835 pms 525 slv 823 swh 390 tam 307 tel 234 tuk 203 yid 848"
)
UNCOUNTED = "bul ell est hin jav kat kor mal mar nld tgl tha"  # no size is declared for these
FILES = {language(code).tag: code for code in f"{XTREME_CODES} {MORE_CODES}".split()}
XTREME = tuple(sorted(language(code).tag for code in XTREME_CODES.split()))


def read(folder: Path, split: str, tag: str) -> list[Bitext]:
    """The pairs of a language with English; ids are line numbers, from 1."""
    if split != "test":
        raise UserError(f"task tatoeba has no split {split!r}; it is there to test on")
    stem = f"tatoeba.{FILES[tag]}-eng"
    path = folder / f"{stem}.{FILES[tag]}"
    texts, english = read_lines(path), read_lines(folder / f"{stem}.eng")
    if len(texts) != len(english):
        raise UserError(f"{path}: {len(texts)} lines, but the English file beside it has {len(english)}")
    return read_rows(zip(texts, english, strict=True), tag)


def read_rows(rows: Iterable[Row], tag: str) -> list[Bitext]:
    """The pairs of rows with a text and its English; those of the Hub have kept their line ends."""
    return [
        Bitext(
            id=str(number),
            language=tag,
            text=text.rstrip("\r\n"),
            translation_language="en",
            translation=translation.rstrip("\r\n"),
        )
        for number, (text, translation) in enumerate(rows, 1)
    ]


def _sizes() -> dict[str, int]:
    words = SMALLER.split()
    smaller = {code: int(number) for code, number in zip(words[::2], words[1::2], strict=True)}
    counted = {tag: code for tag, code in FILES.items() if code not in UNCOUNTED.split()}
    return {f"test/{tag}": smaller.get(code, 1000) for tag, code in counted.items()}


ON_HUB = xtreme(
    files={"test": "tatoeba.{language}/validation-*.parquet"},
    languages={tag: FILES[tag] for tag in XTREME},
    columns=("source_sentence", "target_sentence"),
    read=read_rows,
)
TASK = Task(
    name="tatoeba",
    kind="bitext",
    title="find a sentence's translation (Tatoeba), English with 86 languages; no training",
    read=read,
    hub=(ON_HUB,),
    languages=tuple(sorted(FILES)),
    dev_split=None,
    parallel=(),
    metric="accuracy",
    other_metrics=("reverse_accuracy",),
    encoder_method="bitext_retrieval",
    folder="tatoeba",
    sizes=_sizes(),
    paper="Artetxe and Schwenk 2019, arXiv 1812.10464",
    licence="CC BY 2.0 FR",
)
