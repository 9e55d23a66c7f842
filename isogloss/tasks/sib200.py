"""SIB-200: the topic of a FLORES-200 sentence, the same sentences in every language."""

from collections.abc import Iterable
from pathlib import Path

from isogloss.data.formats import read_table
from isogloss.data.hub import Hub, Row
from isogloss.languages import dialect, language
from isogloss.records import Sentence
from isogloss.tasks import SPLITS, Task

CODES = """
    amh_Ethi arb_Arab ayr_Latn bam_Latn ben_Beng bod_Tibt cat_Latn ces_Latn cym_Latn deu_Latn eng_Latn est_Latn eus_Latn
    ewe_Latn fin_Latn fon_Latn fra_Latn gle_Latn grn_Latn hau_Latn heb_Hebr hun_Latn hye_Armn ibo_Latn ind_Latn isl_Latn
    ita_Latn jpn_Jpan kat_Geor kaz_Cyrl kin_Latn kor_Hang lao_Laoo lug_Latn luo_Latn mar_Deva mlt_Latn mya_Mymr nld_Latn
    pes_Arab pol_Latn por_Latn quy_Latn rus_Cyrl sin_Sinh som_Latn spa_Latn sun_Latn swe_Latn swh_Latn tam_Taml tel_Telu
    tgl_Latn tha_Thai tur_Latn twi_Latn uig_Arab ukr_Cyrl urd_Arab uzn_Latn vie_Latn wol_Latn yor_Latn zho_Hans zul_Latn
"""
LANGUAGES = tuple(sorted(language(name).tag for name in CODES.split()))
COLUMNS = ("index_id", "text", "category")


def read(folder: Path, split: str, tag: str) -> list[Sentence]:
    """The sentences of a split in one language with their topics; FLORES's sentence number is the id."""
    rows = read_table(folder / dialect(tag, "flores") / f"{split}.tsv", COLUMNS)
    return read_rows((row.values for row in rows), tag)


def read_rows(rows: Iterable[Row], tag: str) -> list[Sentence]:
    """The sentences of rows with a number, a text and its topic."""
    return [Sentence(id=str(number), language=tag, text=text, label=topic) for number, text, topic in rows]


ON_HUB = Hub(
    repository="Davlan/sib200",
    revision="main",  # no commit of it is known here
    files={split: f"data/{{language}}/{split}.tsv" for split in SPLITS},
    languages={tag: dialect(tag, "flores") for tag in LANGUAGES},
    columns=COLUMNS,
    read=read_rows,
)
TASK = Task(
    name="sib200",
    kind="classification",
    title="topic of a sentence (SIB-200), 65 languages",
    read=read,
    hub=(ON_HUB,),
    languages=LANGUAGES,
    labels=("science/technology", "travel", "politics", "sports", "health", "entertainment", "geography"),
    metric="accuracy",
    other_metrics=("macro_F1",),
    folder="sib200",
    sizes={"train": 701, "dev": 99, "test": 204},
    paper="Adelani et al. 2024, arXiv 2309.07445",
    licence="CC BY-SA 4.0",
)
