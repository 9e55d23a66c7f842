import gzip

import pytest

from isogloss.data import parallel_text
from isogloss.errors import UserError


@pytest.fixture
def write(tmp_path):
    def writer(name, lines):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
        return tmp_path

    return writer


def pairs(bitexts):
    return [(bitext.id, bitext.text, bitext.translation) for bitext in bitexts]


def test_ntrex_ends_before_the_lines_kept_for_testing(write):
    write("ntrex/newstest2019-src.eng.txt.gz", [f"line {i}" for i in range(1, 1998)])
    data = write("ntrex/newstest2019-ref.zho-CN.txt.gz", [f"行 {i}" for i in range(1, 1998)])
    found = parallel_text.ntrex(data, "zh")
    assert len(found) == 1497
    assert pairs(found)[-1] == ("ntrex-1497", "行 1497", "line 1497")
    assert found[0].translation_language == "en"


def test_files_of_different_length_are_a_user_error(write):
    write("ntrex/newstest2019-src.eng.txt.gz", ["a", "b"])
    data = write("ntrex/newstest2019-ref.deu.txt.gz", ["x"])
    with pytest.raises(UserError, match=r"deu\.txt.*: 1 lines, but the English file beside it has 2"):
        parallel_text.ntrex(data, "de")


def test_no_verse_of_the_taxi1500_test_is_given_away(write):
    write("bible_nt/taxi1500.test.tsv.gz", ["40001002\tFaith"])
    write("bible_nt/eng-web.tsv.gz", ["40001001\tone", "40001002\ttwo", "40001003\tthree"])
    data = write("bible_nt/swh.tsv.gz", ["40001001\tmoja", "40001002\tmbili", "40001009\ttisa"])
    assert pairs(parallel_text.bible_nt(data, "sw")) == [("bible-40001001", "moja", "one")]


def test_only_training_emoji_are_named(write):
    write("emoji_captions/splits.tsv.gz", ["a\ttrain", "b\ttest"])
    write("emoji_captions/en.tsv.gz", ["a\t*\tstar\tstar | x", "b\t#\thash\thash"])
    data = write("emoji_captions/de.tsv.gz", ["a\t*\tStern\tStern | x", "b\t#\tRaute\tRaute"])
    assert pairs(parallel_text.emoji_captions(data, "de")) == [("emoji-a", "Stern", "star")]


def test_names_that_are_spelt_alike_teach_nothing(write):
    write("cldr_names/en.tsv.gz", ["territory\tDE\tGermany", "territory\tPE\tPeru"])
    data = write("cldr_names/de.tsv.gz", ["territory\tDE\tDeutschland", "territory\tPE\tPeru"])
    assert pairs(parallel_text.cldr_names(data, "de")) == [("cldr-territory-DE", "Deutschland", "Germany")]


def test_premises_and_hypotheses_are_pairs_of_their_own(write):
    write("xnli_train_parallel/multinli.train.en.tsv.gz", ["premise\thypo\tlabel", "p\th\tneutral"])
    data = write("xnli_train_parallel/multinli.train.sw.tsv.gz", ["premise\thypo\tlabel", "P\tH\tneutral"])
    assert pairs(parallel_text.xnli_train_parallel(data, "sw")) == [("xnli-1-0", "P", "p"), ("xnli-1-1", "H", "h")]


def test_tico19_is_turned_round(write):
    data = write("tico19/tico19.en-sw.tsv.gz", ["fever\thoma"])
    assert pairs(parallel_text.tico19(data, "sw")) == [("tico19-1", "homa", "fever")]


def test_sib200_gives_its_training_sentences_joined_by_id(write):
    header = "index_id\tcategory\ttext"
    write("eng_Latn/train.tsv.gz", [header, "1\ttravel\tone", "2\ttravel\ttwo"])
    data = write("swh_Latn/train.tsv.gz", [header, "2\ttravel\tmbili", "1\ttravel\tmoja"])
    assert pairs(parallel_text.sib200(data, "sw")) == [("sib200-2", "mbili", "two"), ("sib200-1", "moja", "one")]


@pytest.mark.parametrize("name", parallel_text.SOURCES)
def test_a_source_has_nothing_in_other_languages(name, tmp_path):
    assert parallel_text.SOURCES[name](tmp_path, "tlh") == []
    assert parallel_text.SOURCES[name](tmp_path, "en") == []


def test_sources_are_read_together(write):
    write("tico19/tico19.en-sw.tsv.gz", ["fever\thoma"])
    write("cldr_names/en.tsv.gz", ["territory\tDE\tGermany"])
    data = write("cldr_names/sw.tsv.gz", ["territory\tDE\tUjerumani"])
    found = parallel_text.read_parallel(data, ["swh_Latn", "sw"], ["tico19", "cldr_names"])
    assert [bitext.id for bitext in found] == ["tico19-1", "cldr-territory-DE"]


def test_unknown_sources_and_languages_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="did you mean tico19"):
        parallel_text.read_parallel(tmp_path, ["sw"], ["tico"])
    with pytest.raises(UserError, match="no parallel text in tlh in tico19"):
        parallel_text.read_parallel(tmp_path, ["tlh"], ["tico19"])
