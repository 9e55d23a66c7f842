"""TREC's formats: what is written is read again, and a line that is none is told with its place."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.data.trec import judged, read_documents, read_qrels, read_run, write_qrels, write_run
from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery, RankingPrediction

names = st.lists(st.text("abc/1äö火", min_size=1, max_size=4), min_size=1, max_size=5, unique=True)


@settings(max_examples=20)  # they write files
@given(documents=names, grades=st.lists(st.integers(-2, 4), min_size=5, max_size=5))
def test_judgements_and_runs_come_back_as_they_were_written(tmp_path_factory, documents, grades):
    path = tmp_path_factory.mktemp("trec") / "x"
    gains = dict(zip(documents, grades, strict=False))
    write_qrels(path, [RankedQuery(id="q/1", language="de", text="t", documents=(), gains=gains)])
    assert read_qrels(path) == {"q/1": gains}
    scores = tuple(1 / (3 + place) for place in range(len(documents)))
    write_run(path, [RankingPrediction("q/1", "de", tuple(documents), scores)], "my system")
    found = read_run(path)
    assert list(found["q/1"].items()) == list(zip(documents, scores, strict=True))


def test_a_run_is_read_by_score_and_equal_scores_keep_their_order(tmp_path):
    (tmp_path / "run").write_text("1 Q0 a 1 0.5 x\n\n1 Q0 b 2 0.5 x\n1 Q0 c 3 2 x\n")
    assert list(read_run(tmp_path / "run")["1"]) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (read_run, "1 Q0 a 1 0.5\n", "x:1: 5 columns, expected 6: query Q0 document rank score name"),
        (read_run, "1 Q0 a 1 0.5 n\n1 Q0 b 2 high n\n", "x:2: score 'high' is not a number"),
        (read_run, "1 Q0 a 1 nan n\n", "x:1: score 'nan' is not a number"),
        (read_run, "1 Q0 a 1 2 n\n1 Q0 a 2 1 n\n", "x:2: query '1' has document 'a' twice"),
        (read_qrels, "1 0 a 0.5\n", "x:1: grade '0.5' is not a whole number"),
        (read_qrels, "1 0 a 1\n1 0 a 0\n", "x:2: query '1' has document 'a' twice"),
        (read_qrels, "\n", "no lines; the file is empty"),
    ],
)
def test_a_wrong_line_is_told_with_its_place(tmp_path, read, text, told):
    (tmp_path / "x").write_text(text)
    with pytest.raises(UserError, match=re.escape(told)):
        read(tmp_path / "x")


def test_an_id_with_a_space_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match="'a b' cannot be written"):
        write_run(tmp_path / "x", [RankingPrediction("1", "de", ("a b",), (1.0,))], "n")
    assert not (tmp_path / "x").exists()


def test_documents_are_read_in_either_way_and_those_without_text_are_told(tmp_path, capsys):
    path = tmp_path / "docs"
    path.write_text("<DOC>\n<DOCNO> 1 </DOCNO>\nplain\n text\n</DOC><DOC><DOCNO>2</DOCNO>\n</DOC>")
    assert read_documents(path, "en") == [Document(id="1", language="en", text="plain text")]
    assert "documents '2' have no text and are left out" in capsys.readouterr().err
    path.write_text("<doc><docno>1</docno><title>a</title>\n<text>b\nc</text></doc>")
    assert read_documents(path, "en", ("title", "text"))[0].text == "a b c"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<DOC><DOCNO>1</DOCNO>a</DOC><DOC><DOCNO>1</DOCNO>b</DOC>", "duplicate ids '1'"),
        ("<DOC>a</DOC>", "one has no id"),
        ("a\tb", "no <doc> in it"),
    ],
)
def test_documents_that_are_none_are_told(tmp_path, text, told):
    (tmp_path / "docs").write_text(text)
    with pytest.raises(UserError, match=told):
        read_documents(tmp_path / "docs", "en")


def test_judgements_must_belong_to_the_queries_and_are_counted_where_a_document_is_missing(capsys):
    documents = (Document(id="a", language="en", text="x"),)
    (query,) = judged({"1": "t"}, "en", documents, {"1": {"a": 2, "b": 1}}, "here")
    assert query.gains == {"a": 2} and query.documents is documents
    assert capsys.readouterr().err == "here: judged documents 'b' are not in the collection and do not count\n"
    with pytest.raises(UserError, match="here: judgements of the unknown queries '7'"):
        judged({"1": "t"}, "en", documents, {"7": {"a": 1}}, "here")
    with pytest.raises(UserError, match="queries '1' have no text"):
        judged({"1": " "}, "en", documents, {}, "here")
    with pytest.raises(UserError, match="the collection is empty"):
        judged({"1": "t"}, "en", (), {}, "here")
