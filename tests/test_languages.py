import subprocess
import sys

import pytest

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


def test_an_unknown_code_names_the_nearest():
    with pytest.raises(UserError, match=r"did you mean swahili \(sw\)"):
        language("swahil")


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
