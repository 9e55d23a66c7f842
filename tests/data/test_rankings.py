"""Queries of a task, and parallel text as a ranking."""

import pytest

from isogloss.data.rankings import among, as_ranking, read_queries
from isogloss.errors import UserError
from isogloss.records import Bitext, Document, RankedQuery
from isogloss.tasks import load_task

TEXTS = ("eins", "zwei", "drei")


@pytest.fixture
def pairs(tmp_path):
    """A data folder with Tatoeba in German and Multi30k in German and English."""
    for folder, name in (("tatoeba", "tatoeba.deu-eng"), ("multi30k", "test_2016_flickr")):
        (tmp_path / folder).mkdir()
        ends = ("deu", "eng") if folder == "tatoeba" else ("de", "en")
        for end, texts in zip(ends, (TEXTS, ("one", "two", "three")), strict=True):
            (tmp_path / folder / f"{name}.{end}").write_text("\n".join(texts) + "\n")
    return tmp_path


def test_a_bitext_is_a_ranking_of_all_translations_with_its_own_as_relevant():
    rows = [
        Bitext(id=str(i), language="de", text=t, translation_language="en", translation=t * 2)
        for i, t in enumerate(TEXTS)
    ]
    queries = as_ranking(rows)
    assert [query.text for query in queries] == list(TEXTS)
    assert all(query.documents is queries[0].documents for query in queries)
    for query in queries:
        (right,) = (each for each in query.documents if query.gains.get(each.id))
        assert (right.text, right.language) == (query.text * 2, "en")


def test_tatoeba_and_translations_can_be_read_as_rankings(pairs, capsys):
    found = read_queries(load_task("tatoeba"), pairs, "test", "de")
    assert list(found) == ["de"] and [document.text for document in found["de"][0].documents] == ["one", "two", "three"]
    found = read_queries(load_task("multi30k"), pairs, "test", "de-en,en-de", items=2)
    assert list(found) == ["de-en", "en-de"]
    assert {name: (len(queries), len(queries[0].documents)) for name, queries in found.items()} == {
        "de-en": (2, 3),
        "en-de": (2, 3),
    }
    assert [query.id for query in found["de-en"]] == [query.id for query in found["en-de"]]


def test_a_task_without_queries_is_refused(data):
    with pytest.raises(UserError, match="task sib200 is classification, nothing is ranked in it"):
        read_queries(load_task("sib200"), data, "test")


def test_a_collection_in_some_of_its_languages_stays_one_object():
    documents = tuple(Document(id=f"{tag}/1", language=tag, text="x") for tag in ("de", "en", "zh"))
    gains = {"de/1": 1, "zh/1": 2}
    queries = {
        tag: [RankedQuery(id="1", language=tag, text="x", documents=documents, gains=gains)] for tag in ("de", "en")
    }
    found = among(queries, ["zh", "en"])
    assert found["de"][0].documents is found["en"][0].documents
    assert [each.id for each in found["de"][0].documents] == ["en/1", "zh/1"] and found["de"][0].gains == {"zh/1": 2}
    with pytest.raises(UserError, match="query '1' has no document in 'sw', only in 'de', 'en', 'zh'"):
        among(queries, ["sw"])
