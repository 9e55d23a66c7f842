import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from helpers import DATA
from language_codes import M2M100, MADLAD, MBART50, NLLB, OPUS

from isogloss.errors import UserError
from isogloss.languages import DIALECTS, dialect, from_dialect, language, languages

SAMPLE = ["en", "de", "es", "fr", "ru", "tr", "sw", "hi", "ar", "zh", "ja", "id"]


@pytest.mark.parametrize("tag", SAMPLE)
def test_the_sample_tags_stay_as_they_are(tag):
    assert language(tag).tag == tag


def test_every_tag_of_the_table_is_its_own_spelling():
    assert all(language(known.tag) == known for known in languages())


def test_every_dialect_spelling_leads_back_to_its_language():
    for known in languages():
        for name in DIALECTS:
            try:
                spelling = dialect(known, name)
            except UserError:
                continue
            assert from_dialect(spelling.removeprefix("<2").removesuffix(">"), name) == known
            if (known.tag, name) != ("sr-Latn", "xsid"):  # xSID writes `sr` for Serbian in Latin script
                assert language(spelling) == known


@pytest.mark.parametrize(
    ("spelling", "tag"),
    [
        ("deu_Latn", "de"),
        ("swh_Latn", "sw"),
        ("arb_Arab", "ar"),
        ("ary", "ary"),
        ("zho_Hans", "zh"),
        ("cmn", "zh"),
        ("zh_CN", "zh"),
        ("zho_Hant", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("yue_Hant", "yue"),
        ("de_DE", "de"),
        ("de-AT", "de"),
        ("pt_XX", "pt"),
        ("<2de>", "de"),
        ("<2fil>", "tl"),
        ("tgl_Latn", "tl"),
        ("jw", "jv"),
        ("iw", "he"),
        ("in", "id"),
        ("no", "nb"),
        ("nob_Latn", "nb"),
        ("nno_Latn", "nn"),
        ("ns", "nso"),
        ("sh", "sr-Latn"),
        ("uz_Cyrl", "uz-Cyrl"),
        ("de-st", "bar-IT"),
        ("gsw", "gsw"),
        ("javanese", "jv"),
        ("Toba_Batak", "bbc"),
        ("sat_Beng", "sat"),
        ("kab", "kab"),
        (" DE ", "de"),
    ],
)
def test_every_spelling_is_understood(spelling, tag):
    assert language(spelling).tag == tag


@pytest.mark.parametrize(
    ("tag", "name", "spelling"),
    [
        ("sw", "flores", "swh_Latn"),
        ("sat", "flores", "sat_Olck"),
        ("sat", "nllb", "sat_Beng"),
        ("zh-Hant", "nllb", "zho_Hant"),
        ("nb", "m2m100", "no"),
        ("nso", "m2m100", "ns"),
        ("en", "mbart50", "en_XX"),
        ("tl", "madlad", "<2fil>"),
        ("zh-Hant", "madlad", "<2zh_Hant>"),
        ("tl", "xtreme", "tl"),
        ("bar-IT", "xsid", "de-st"),
        ("nij", "nusax", "ngaju"),
        ("de", "iso639_1", "de"),
        ("sw", "iso639_3", "swh"),
        ("zh-Hant", "opus", "zh"),
        ("zh-Hant", "bcp47", "zh-Hant"),
    ],
)
def test_a_dialect_writes_its_own_code(tag, name, spelling):
    assert dialect(tag, name) == spelling


def test_script_and_variety_are_kept():
    assert (language("zh").script, language("zh-Hant").script, language("ja").script) == ("Hans", "Hant", "Jpan")
    assert (language("sw").iso639_3, language("ar").iso639_3, language("uz_Cyrl").iso639_3) == ("swh", "arb", "uzn")


@pytest.mark.parametrize("code", ["xx", "germn", "", "no such", "und", "zz_Latn"])
def test_an_unknown_code_is_a_user_error(code):
    with pytest.raises(UserError, match="unknown language"):
        language(code)


@pytest.mark.parametrize(
    ("code", "near"),
    [
        ("swahil", r"did you mean sw \(Swahili\)\? \(`isogloss list"),
        ("portugese", r"did you mean pt \(Portuguese\)\? "),
        ("deu_Ltan", r"did you mean de \(German\)\? "),
        ("tl-yy-zz", r"did you mean tl \(Tagalog\)\? "),
        ("uzbk-Cyrl", r"did you mean uz \(Uzbek\)\? "),
    ],
)
def test_an_unknown_code_names_the_tags_that_may_be_meant(code, near):
    with pytest.raises(UserError, match=near):
        language(code)


@pytest.mark.parametrize("code", ["xx", "xxy", "xx_XX", "xyz_Latn", "klingonese", ""])
def test_a_code_that_is_like_no_other_is_not_taken_for_one(code):
    with pytest.raises(UserError, match=r"write a BCP-47 tag such as .* \(`isogloss list languages` shows all\)"):
        language(code)


def test_yaml_no_is_explained():
    with pytest.raises(UserError, match="quotes"):
        language(False)  # type: ignore[arg-type]


def test_a_dialect_without_the_language_says_so():
    with pytest.raises(UserError, match=r"nllb has no code for Swiss German \(gsw\)"):
        dialect("gsw", "nllb")
    with pytest.raises(UserError, match="iso639_1 has no code"):
        dialect("gsw", "iso639_1")


def test_an_unknown_dialect_names_the_nearest():
    with pytest.raises(UserError, match="did you mean nllb"):
        dialect("de", "nlb")
    with pytest.raises(UserError, match="xsid has no language 'fr'"):
        from_dialect("fr", "xsid")


def test_the_import_needs_neither_torch_nor_langcodes():
    code = (
        "import sys, isogloss.languages as l; l.language('deu_Latn'); print({'torch', 'langcodes'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


FAMILIES = {"nllb": NLLB, "m2m100": M2M100, "mbart50": MBART50}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_language_of_a_model_family_has_its_row_and_the_rows_have_no_other(family):
    rows = {}
    for known in languages():
        try:
            rows[dialect(known, family)] = known.tag
        except UserError:
            continue
    assert sorted(rows) == sorted(FAMILIES[family])
    assert all(language(code).tag == rows[code] for code in FAMILIES[family])


def spellings_by_tag(codes):
    found = defaultdict(list)
    for code in codes:
        found[language(code).tag].append(code)
    return found


def test_every_language_of_madlad_is_understood_and_few_are_one():
    found = spellings_by_tag(set(MADLAD) - {"mass"})  # which is no code of any list
    one = {tag: sorted(codes) for tag, codes in found.items() if len(codes) > 1}
    assert one == {
        "ber": ["ber", "ber_Latn"],
        "crh-Latn": ["crh", "crh_Latn"],
        "fr": ["fr", "fr_CA"],
        "ms-Arab": ["ms_Arab", "ms_Arab_BN"],
        "nds": ["nds", "nds_NL"],
    }
    for known in languages():
        try:
            spelling = dialect(known, "madlad")
        except UserError:
            assert known.tag not in found
        else:
            assert spelling.removeprefix("<2").removesuffix(">") in MADLAD


def test_every_target_of_opus_is_understood_with_its_script():
    found = spellings_by_tag(OPUS)
    assert found["zh"] == ["cmn", "cmn_Hans", "zho", "zho_Hans"]
    assert found["zh-Hant"] == ["cmn_Hant", "zho_Hant"]
    assert found["az-Cyrl"] == ["aze_Cyrl"] and found["yue-Hans"] == ["yue_Hans"]
    assert found["ar"] == ["ara"] and found["arq"] == ["arq"] and found["lv"] == ["lav"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("ak", "twi"), ("fas", "prs"), ("kmr", "ckb"), ("que", "quy"), ("nor", "nno"), ("srp", "srp_Latn"), ("zh", "yue")],
)
def test_neighbours_are_kept_apart(one, other):
    assert language(one) != language(other)


@pytest.mark.parametrize(
    ("spelling", "nllb"),
    [
        ("ak", "aka_Latn"),
        ("tw", "twi_Latn"),
        ("fa", "pes_Arab"),
        ("prs", "prs_Arab"),
        ("ps", "pbt_Arab"),
        ("no", "nob_Latn"),
        ("quy", "quy_Latn"),
        ("ko", "kor_Hang"),
        ("kor_Kore", "kor_Hang"),
        ("sat", "sat_Beng"),
        ("sq", "als_Latn"),
        ("ku", "kmr_Latn"),
        ("ar", "arb_Arab"),
        ("om", "gaz_Latn"),
    ],
)
def test_the_codes_that_no_rule_finds(spelling, nllb):
    assert dialect(spelling, "nllb") == nllb


def test_a_language_without_its_script_in_a_family_is_an_error_and_no_other_script():
    with pytest.raises(UserError, match="nllb has no code for Serbian"):
        dialect("sr-Latn", "nllb")
    with pytest.raises(UserError, match="nllb has no code for Quechua"):
        dialect("qu", "nllb")


# where the codes of a data set stand: a pattern of file names, and the part that is codes
CODES_OF = {
    "abstrct": r"(\w\w)_neoplasm.*",
    "afriqa": r".*\.(\w{3})\.(en)\..*",
    "afrisenti": r"(\w{3})",
    "afrixnli": r"(\w{3})",
    "belebele": r"(\w{3}_\w{4})\..*",
    "bible_nt": r"(\w{3})(?:-web)?\.tsv\.gz",
    "bucc2018": r"(\w\w)-(\w\w)\..*",
    "cldr_names": r"(\w\w)\.tsv",
    "emoji_captions": r"(\w\w)\.tsv\.gz",
    "europarl_ner": r"(\w\w)-europarl.*",
    "mantra_gsc": r"(\w+)\.jsonl\.gz",
    "masakhapos": r"(\w{3})",
    "mlqa": r".*context-(\w\w)-question-(\w\w)\..*",
    "multi30k": r".*\.(\w\w)\.gz",
    "nollysenti": r"([a-z]{2,3})",
    "ntrex": r"newstest2019-(?:ref|src)\.(.+)\.txt\.gz",
    "panx": r"(?:dev|train)-(\w\w)\.tsv.*",
    "pawsx": r"(?:dev|test)-(\w\w)\.tsv\.gz",
    "sib200": r"(\w{3}_\w{4})",
    "stsb_multi_mt": r"stsb-(\w\w)-.*",
    "tatoeba": r"tatoeba\.(\w{3})-(\w{3})\..*",
    "tico19": r"tico19\.(\w\w)-(\w\w)\..*",
    "tydiqa": r".*\.(\w\w)\.train.*",
    "ud_pud": r"(\w\w)_pud.*",
    "ud_train": r"(\w\w)_\w+-ud.*",
    "uner_pud": r"(\w\w)_\w+-ud.*",
    "word_align_gold": r"(\w\w)(\w\w)\.gold.*",
    "xdailydialog": r"(\w\w)_.*_human\..*",
    "xl_wa": r"(\w\w)-(\w\w)\..*",
    "xnli": r"(?:dev|test)-(\w\w)\.tsv\.gz",
    "xnli_mt": r"(\w\w)\.trans.*",
    "xnli_train_parallel": r"multinli\.train\.(\w\w)\..*",
    "xquad": r"xquad\.(\w\w)\..*",
    "xquad_r": r"(\w\w)\.json\.gz",
    "xsid": r"(\w\w(?:-st)?|gsw)\.(?:test|valid).*",
    "yso_finna": r"(\w\w)\.(?:dev|test|train).*",
}


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data sets in {DATA}")
@pytest.mark.parametrize("name", CODES_OF)
def test_every_code_of_a_data_set_is_understood(name):
    names = [path.name for path in Path(DATA / name).iterdir()]
    codes = {code for file in names if (match := re.fullmatch(CODES_OF[name], file)) for code in match.groups()}
    assert codes, names
    known = {tag.tag for tag in languages()}
    assert {language(code).tag for code in codes} <= known


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data sets in {DATA}")
def test_every_code_of_the_long_lists_is_understood():
    ntrex = (DATA / "ntrex" / "LANGUAGES.tsv").read_text(encoding="utf-8").splitlines()
    found = spellings_by_tag(line.split()[0] for line in ntrex if line.strip())
    assert {tag for tag, codes in found.items() if len(codes) > 1} == {"en", "es", "fr", "gsw", "pt"}  # regions
    cldr = (DATA / "cldr_names" / "en.tsv").read_text(encoding="utf-8").splitlines()
    codes = {line.split("\t")[1] for line in cldr if line.startswith("language")}
    # no languages, and Toki Pona, which is younger than the list that langcodes has
    assert len(spellings_by_tag(codes - {"mul", "und", "zxx", "tok"})) > 620
