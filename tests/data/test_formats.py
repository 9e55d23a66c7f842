import bz2
import gzip
import json

import pytest

from isogloss.data.formats import (
    align_words,
    find,
    read_conll,
    read_conllu,
    read_lines,
    read_squad,
    read_table,
)
from isogloss.errors import UserError
from isogloss.records import Answer


@pytest.fixture
def write(tmp_path):
    def writer(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    return writer


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_files_are_read_under_their_plain_name(write, tmp_path, suffix, pack):
    write("a.tsv" + suffix, pack("x\ty\nä\t2\n".encode()))
    assert [row.values for row in read_table(tmp_path / "a.tsv", ("y", "x"))] == [("2", "ä")]


def test_a_byte_order_mark_is_no_text(write):
    assert read_lines(write("a", b"\xef\xbb\xbfone\r\ntwo")) == ["one", "two"]


def test_only_line_feeds_end_a_line(write):
    assert read_lines(write("a", "a\u2028b\x0bc\x85d\n")) == ["a\u2028b\x0bc\x85d"]


def test_a_missing_file_names_the_nearest(write, tmp_path):
    write("train.tsv", "x")
    with pytest.raises(UserError, match=r"tran\.tsv: no such file; the folder holds train\.tsv"):
        find(tmp_path / "tran.tsv")
    with pytest.raises(UserError, match="no folder"):
        find(tmp_path / "nowhere" / "tran.tsv")


def test_bytes_that_are_not_utf8_are_a_user_error(write):
    with pytest.raises(UserError, match="0xe4 is not UTF-8"):
        read_lines(write("a", b"x\xe4y"))


def test_a_cut_gzip_file_is_a_user_error(write, tmp_path):
    write("a.gz", gzip.compress(b"hello " * 1000)[:-20])
    with pytest.raises(UserError, match=r"a\.gz: cannot be read"):
        read_lines(tmp_path / "a")


def test_damaged_bytes_are_a_user_error(write, tmp_path):
    packed = bytearray(gzip.compress(bytes(range(256)) * 50, mtime=0))
    packed[20:60] = b"\xff" * 40
    write("a.gz", bytes(packed))
    with pytest.raises(UserError, match=r"a\.gz: cannot be read"):
        read_lines(tmp_path / "a")


def test_an_unclosed_quote_is_a_user_error(write):
    path = write("a.csv", 'id,text\n1,"' + "x\n" * 100_000)
    with pytest.raises(UserError, match="not CSV .* unclosed quote"):
        read_table(path, ("id",), delimiter=",", quoting=True)


def test_quotes_are_ordinary_characters_unless_asked_for(write):
    path = write("a.csv", 'id,text\n1,"a, ""b""\nc"\n')
    assert read_table(path, ("text",), delimiter=",", quoting=True)[0].values == ('a, "b"\nc',)
    path = write("a.tsv", 'id\ttext\n1\t"open\n2\tb\n')
    assert [row.values[0] for row in read_table(path, ("text",))] == ['"open', "b"]


def test_rows_know_their_line(write):
    path = write("a.tsv", "id\ttext\n\n1\tx\n")
    assert read_table(path, ("id",))[0].where == f"{path}:3"


def test_a_table_without_header_is_read_by_number(write):
    assert read_table(write("a.tsv", "a\tb\tc\n"), (2, 0))[0].values == ("c", "a")


def test_a_missing_column_names_those_there(write):
    with pytest.raises(UserError, match=r"a\.tsv:1: no column 'label'; the columns are id, text"):
        read_table(write("a.tsv", "id\ttext\n1\tx\n"), ("label",))


@pytest.mark.parametrize("line", ["1", "1\tx\ty"])
def test_a_row_of_another_width_names_its_line(write, line):
    with pytest.raises(UserError, match=r"a\.tsv:3: \d columns where 2 were expected"):
        read_table(write("a.tsv", f"id\ttext\n0\tx\n{line}\n"), ("text",))


@pytest.mark.parametrize("content", ["", "id\ttext\n", "\n\n"])
def test_an_empty_table_is_a_user_error(write, content):
    columns = ("id",) if content.startswith("id") else (0,)
    with pytest.raises(UserError, match="no rows"):
        read_table(write("a.tsv", content), columns)


def test_conll_blocks_keep_comments_and_place(write):
    path = write("a", "# id = 1\n# text: a = b\n1\ta\n# \tx\n\n\n1\tc\n")
    first, second = read_conll(path, columns=2)
    assert dict(first.comments) == {"id": "1", "text": "a = b"}
    assert first.rows == (("1", "a"), ("# ", "x"))  # a word may be a hash sign
    assert (first.where, second.where) == (f"{path}:3", f"{path}:7")


def test_conll_rows_of_another_width_name_their_line(write):
    with pytest.raises(UserError, match=r"a:2: 1 columns where 2 were expected"):
        read_conll(write("a", "1\tx\n2\n"), columns=2)
    with pytest.raises(UserError, match="no sentences"):
        read_conll(write("b", "# only = comments\n\n"), columns=2)


def test_words_are_found_in_their_text():
    assert align_words(["Do", "n't", "go"], "Don't  go ", "here") == ((0, 2), (2, 5), (7, 9))


@pytest.mark.parametrize("words", [["a", "c"], ["b"], ["a"], ["a", "", "b"], ["b", "a"]])
def test_words_that_do_not_spell_the_text_are_a_user_error(words):
    with pytest.raises(UserError, match="here: "):
        align_words(words, "a b", "here")


def conllu(*rows):
    return "".join("\t".join([number, form, "_", tag] + ["_"] * 6) + "\n" for number, form, tag in rows)


def test_multi_word_tokens_are_split_where_the_words_spell_them(write):
    rows = [
        ("1-2", "Don't", "_"), ("1", "Do", "AUX"), ("2", "n't", "PART"), ("2.1", "ghost", "X"),
        ("3-4", "am", "_"), ("3", "an", "ADP"), ("4", "dem", "DET"), ("5", "go", "VERB"),
    ]  # fmt: skip
    path = write("a", f"# sent_id = s1\n# text = Don't am go\n{conllu(*rows)}\n")
    (record,) = read_conllu(path, "en")
    assert [record.text[a:b] for a, b in record.words] == ["Do", "n't", "am", "go"]
    assert record.tags == ("AUX", "PART", "ADP", "VERB")
    assert record.id == "s1"


def test_a_sentence_without_its_text_is_a_user_error(write):
    with pytest.raises(UserError, match=r"a:2: the sentence has no `# text ="):
        read_conllu(write("a", "# sent_id = s1\n" + conllu(("1", "x", "X"))), "en")


def squad(start, text="Rom"):
    answers = [{"text": text, "answer_start": start}]
    qas = [{"id": 7, "question": "Wo?", "answers": answers}]
    return json.dumps({"data": [{"paragraphs": [{"context": "Grüße aus Rom", "qas": qas}]}]})


def test_squad_answers_count_characters(write):
    ((question,),) = read_squad(write("a.json", squad(10)), "de")
    assert (question.id, question.answers) == ("7", (Answer("Rom", 10),))


def test_an_answer_at_another_place_is_a_user_error(write):
    with pytest.raises(UserError, match=r"question '7': answer_start 11 .* the text is at 10"):
        read_squad(write("a.json", squad(11)), "de")
    with pytest.raises(UserError, match="not in the context"):
        read_squad(write("a.json", squad(0, "Paris")), "de")


def test_answers_that_are_not_kept_are_not_looked_at(write):
    ((question,),) = read_squad(write("a.json", squad(-1, "Paris")), "de", keep=lambda answer: answer.start >= 0)
    assert question.answers == ()


def test_a_file_in_another_form_is_a_user_error(write):
    with pytest.raises(UserError, match="not in SQuAD form"):
        read_squad(write("a.json", '{"data": [{"x": 1}]}'), "de")
    with pytest.raises(UserError, match=r"a\.json:2: not JSON"):
        read_squad(write("a.json", "{\n"), "de")
