import gzip
import json

import pytest

from isogloss.errors import UserError
from isogloss.translation.pair_files import Pair, read_pairs
from isogloss.translation.translation_memory import read_memory


def written(path, *rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("header", [("en", "de"), ("eng_Latn", "German"), ("source", "target")])
def test_a_table_may_name_its_columns(tmp_path, header):
    path = written(tmp_path / "tm.tsv", header, ("house", "Haus"))
    assert read_pairs(path, "en", "de") == [Pair("house", "Haus")]


def test_a_table_of_several_languages_serves_every_direction_among_them(tmp_path):
    path = written(tmp_path / "tm.tsv", ("en", "de", "sw", "style"), ("house", "Haus", "nyumba", "plain"))
    assert read_pairs(path, "sw", "de") == [Pair("nyumba", "Haus", "plain")]
    with pytest.raises(UserError, match="no column of fr; it has en, de, sw"):
        read_pairs(path, "en", "fr")


def test_words_that_are_also_language_codes_are_no_header(tmp_path):
    path = written(tmp_path / "terms.tsv", ("no", "si"), ("is", "es"))
    assert read_pairs(path, "en", "es") == [Pair("no", "si"), Pair("is", "es")]


def test_json_lines_may_say_their_direction_and_are_turned(tmp_path):
    rows = [
        {"source": "house", "target": "Haus", "style": "plain"},
        {"source": "Zug", "target": "train", "source_language": "de", "target_language": "en"},
        {"source": "car", "target": "gari", "source_language": "en", "target_language": "sw"},
    ]
    with gzip.open(tmp_path / "tm.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert read_pairs(tmp_path / "tm.jsonl", "en", "de") == [Pair("house", "Haus", "plain"), Pair("train", "Zug")]


TMX = """<?xml version="1.0"?><tmx version="1.4"><header srclang="en"/><body>
<tu><tuv xml:lang="en-US"><seg>the <bpt i="1">&lt;b&gt;</bpt>bus<ept i="1">&lt;/b&gt;</ept> stop</seg></tuv>
<tuv xml:lang="pt-BR"><seg>o ponto de ônibus</seg></tuv></tu>
<tu><tuv xml:lang="en-US"><seg>house</seg></tuv><tuv xml:lang="de"><seg>Haus</seg></tuv></tu>
<tu><tuv xml:lang="pt-PT"><seg>a paragem</seg></tuv><tuv xml:lang="en"><seg>the stop</seg></tuv></tu></body></tmx>"""


def test_tmx_is_read_without_its_codes_and_the_region_is_the_style(tmp_path):
    (tmp_path / "tm.tmx").write_text(TMX, encoding="utf-8")
    brazil, portugal = Pair("the bus stop", "o ponto de ônibus", "pt-BR"), Pair("the stop", "a paragem", "pt-PT")
    assert read_pairs(tmp_path / "tm.tmx", "en", "pt") == [brazil, portugal]
    assert read_pairs(tmp_path / "tm.tmx", "de", "en") == [Pair("Haus", "house", "en-US")]
    assert read_memory(tmp_path / "tm.tmx", "en", "pt", style="pt-PT").pairs == [portugal]
    with pytest.raises(UserError, match="no units en-sw"):
        read_pairs(tmp_path / "tm.tmx", "en", "sw")
    (tmp_path / "tm.tmx").write_text(TMX[:300], encoding="utf-8")
    with pytest.raises(UserError, match="not TMX"):
        read_pairs(tmp_path / "tm.tmx", "en", "pt")


@pytest.mark.parametrize("line", ["{", "[]", '{"source": "a"}', '{"source": 1, "target": "b"}', '"text"'])
def test_a_line_that_is_no_pair_is_named(tmp_path, line):
    (tmp_path / "tm.jsonl").write_text(f'{{"source": "a", "target": "b"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"tm.jsonl:2: "):
        read_pairs(tmp_path / "tm.jsonl", "en", "de")


def test_one_column_is_no_memory(tmp_path):
    with pytest.raises(UserError, match="one column"):
        read_pairs(written(tmp_path / "tm.tsv", ("only",)), "en", "de")
