"""Making and changing an index: what is in it afterwards, who may write, and what a killed command leaves."""

import json
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retrieval.words import documents

from isogloss.errors import UserError
from isogloss.records import Document
from isogloss.retrieval import index as index_module
from isogloss.retrieval import indexing
from isogloss.retrieval.index import open_index
from isogloss.retrieval.indexing import build, change


class Stopped(BaseException):
    """A signal that nothing catches."""


def found(index, query, k=5):
    return [hit.document.id for hit in index.search([query], k)[0]]


def brute_force(words, docs, query, k=5):
    vectors = words.encode("words", [each.text for each in docs])
    scores = vectors @ words.encode("words", [query])[0]
    return [docs[i].id for i in np.argsort(-scores, kind="stable")[:k]]


@pytest.mark.parametrize("store", ["files", "lance", "qdrant"])
def test_an_index_finds_what_comparing_with_all_documents_finds_in_every_store(store, words, tmp_path):
    docs = documents(30)
    made, changes = build(iter(docs), "words", tmp_path / "i", store=store)
    assert (changes.added, changes.there_already) == (30, 0)
    made.close()
    index = open_index(tmp_path / "i")
    assert [found(index, f"w{i} y1") for i in range(7)] == [brute_force(words, docs, f"w{i} y1") for i in range(7)]
    index.close()
    new = documents(5, first=30)
    changed = [Document(id="de/3", language="de", text="another text")]
    index, changes = change(tmp_path / "i", new + docs[:2] + changed, delete=["de/0", "de/9"], update=True)
    assert (changes.added, changes.replaced, changes.deleted, changes.there_already) == (6, 1, 2, 1)
    now = [each for each in docs if each.id not in ("de/0", "de/9", "de/3")] + new + docs[:1] + changed
    assert index.store.count() == len(now) == 34
    assert set(found(index, "w0 y0", 8)) == set(brute_force(words, now, "w0 y0", 8))
    assert found(index, "another text")[0] == "de/3"
    index.close()


IDS = st.lists(st.integers(0, 9), max_size=5, unique=True)


@given(steps=st.lists(st.tuples(IDS, IDS, st.booleans(), st.booleans()), max_size=5))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_commands_leaves_what_a_dictionary_would_hold(steps, words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("x") / "i"
    build(documents(2), "words", folder)
    model = {each.id: each for each in documents(2)}
    for number, (add, delete, update, compact) in enumerate(steps):
        new = [Document(id=f"de/{i}", language="de", text=f"turn {number % 2}") for i in add]
        gone = [f"de/{i}" for i in delete]
        after = {name: each for name, each in model.items() if name not in gone}
        clash = any(after.get(each.id, each) != each for each in new) and not update
        if clash or (gone and not model.keys() & set(gone)):
            with pytest.raises(UserError):
                change(folder, new, delete=gone, update=update, compact=compact)
        else:
            change(folder, new, delete=gone, update=update, compact=compact)
            model = after | {each.id: each for each in new}
        index = open_index(folder)
        assert {hit.document.id: hit.document for hit in index.search(["turn 1"], 99)[0]} == model


def test_a_command_that_was_killed_goes_on_and_encodes_nothing_twice(words, tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "BLOCK", 4)
    docs = documents(18)

    def stopping(name, texts, real=words.encode):
        if docs[13].text in texts:
            raise Stopped
        return real(name, texts)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(words, "encode", stopping)
        build(docs, "words", tmp_path / "i")
    with pytest.raises(UserError, match="was not finished; give the command that began it again"):
        open_index(tmp_path / "i")
    assert [text for text in words.encoded if text in [d.text for d in docs]] == [d.text for d in docs[:12]]
    words.encoded.clear()
    index, changes = build(docs, "words", tmp_path / "i")
    assert [text for text in words.encoded if text in [d.text for d in docs]] == [d.text for d in docs[12:]]
    assert changes.added == index.store.count() == 18
    assert not (tmp_path / "i" / "encoded").exists()
    assert found(index, "w3", 18) == brute_force(words, docs, "w3", 18)


@pytest.mark.parametrize("store", ["files", "lance"])
def test_a_change_that_was_killed_leaves_the_index_as_it_was(store, words, tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "BLOCK", 4)
    build(documents(6), "words", tmp_path / "i", store=store)

    def stopped(*_, **__):
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        opened = open_index(tmp_path / "i")
        patch.setattr(type(opened.store), "commit", stopped)
        change(tmp_path / "i", documents(6, first=6), delete=["de/1"])
    assert set(found(open_index(tmp_path / "i"), "w1", 99)) == {each.id for each in documents(6)}
    words.encoded.clear()
    index, _ = change(tmp_path / "i", documents(6, first=6), delete=["de/1"])
    assert not {each.text for each in documents(6, first=6)} & set(words.encoded), "they were kept"
    assert set(found(index, "w1", 99)) == {each.id for each in documents(12)} - {"de/1"}


def test_kept_vectors_that_were_cut_off_are_made_anew(words, tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "BLOCK", 4)

    def documents_then_stop():
        yield from documents(4)
        raise Stopped

    with pytest.raises(Stopped):
        build(documents_then_stop(), "words", tmp_path / "i")
    monkeypatch.setattr(indexing, "BLOCK", 2)
    with pytest.raises(Stopped):
        build(documents_then_stop(), "words", tmp_path / "i")
    for path in (tmp_path / "i" / "encoded").iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    index, _ = build(documents(4), "words", tmp_path / "i")
    assert found(index, "x2", 4) == brute_force(words, documents(4), "x2", 4)


def test_a_second_writer_is_told_and_readers_are_not_kept_out(words, tmp_path):
    build(documents(3), "words", tmp_path / "i")
    inside, go_on = threading.Event(), threading.Event()

    def slowly():
        inside.set()
        go_on.wait(30)
        yield from documents(2, first=3)

    first = threading.Thread(target=change, args=(tmp_path / "i", slowly()))
    first.start()
    inside.wait(30)
    with pytest.raises(UserError, match="another process is writing .*/i; give the command again when it has ended"):
        change(tmp_path / "i", documents(1, first=9))
    assert len(found(open_index(tmp_path / "i"), "w1", 99)) == 3
    go_on.set()
    first.join()
    assert len(found(open_index(tmp_path / "i"), "w1", 99)) == 5


def test_another_encoder_is_refused_wherever_it_comes_from(words, tmp_path, monkeypatch):
    build(documents(3), "words", tmp_path / "i")
    complaint = "was made with the encoder words, and others gives other vectors .*build the index again"
    with pytest.raises(UserError, match=complaint):
        open_index(tmp_path / "i", "others")
    with pytest.raises(UserError, match=complaint):
        change(tmp_path / "i", documents(1, first=3), encoder="others")
    real = words.encode
    monkeypatch.setattr(words, "encode", lambda _, texts: real("others", texts))  # as after training in place
    with pytest.raises(UserError, match=r"words gives other vectors \(cosine"):
        open_index(tmp_path / "i")
    monkeypatch.setattr(words, "encode", real)
    monkeypatch.setattr(words, "width", 8)
    with pytest.raises(UserError, match="8 dimensions, not 16"):
        open_index(tmp_path / "i")


def test_the_vectors_of_another_index_are_refused(words, tmp_path):
    for name in ("a", "b"):
        build(documents(3), "words", tmp_path / name)
    (tmp_path / "a" / "store" / "vectors.json").write_bytes((tmp_path / "b" / "store" / "vectors.json").read_bytes())
    with pytest.raises(UserError, match="its vectors are those of another index"):
        open_index(tmp_path / "a")


def test_a_vector_that_is_no_number_names_its_text_and_changes_nothing(words, tmp_path, monkeypatch):
    build(documents(3), "words", tmp_path / "i")
    real = words.encode

    def broken(name, texts):
        vectors = real(name, texts)
        vectors[[text.startswith("bad") for text in texts]] = np.nan
        return vectors

    monkeypatch.setattr(words, "encode", broken)
    bad = Document(id="de/8", language="de", text="bad " + "text " * 40)
    with pytest.raises(UserError, match=r"vector of 'de/8: bad text .*\.\.\.' holds NaN or infinity") as told:
        change(tmp_path / "i", [*documents(2, first=3), bad])
    assert len(str(told.value)) < 200
    assert open_index(tmp_path / "i").store.count() == 3
    monkeypatch.setattr(words, "encode", lambda name, texts: 2 * real(name, texts))
    with pytest.raises(UserError, match="has length 2, not 1"):
        build(documents(3), "words", tmp_path / "j")


def test_an_id_with_two_texts_is_refused_unless_it_is_an_update(words, tmp_path):
    twice = [*documents(2), Document(id="de/1", language="de", text="other")]
    with pytest.raises(UserError, match="document 'de/1' is there already with another text or language.*--update"):
        build(twice, "words", tmp_path / "i")
    index, changes = build([*documents(2), documents(2)[1]], "words", tmp_path / "i")
    assert (index.store.count(), changes.added, changes.there_already) == (2, 2, 1)
    with pytest.raises(UserError, match="'de/1' is there already"):
        change(tmp_path / "i", twice[2:])
    index, changes = change(tmp_path / "i", [*twice[2:], Document(id="de/1", language="de", text="last")], update=True)
    assert (index.store.count(), changes.replaced, changes.added) == (2, 2, 0)
    assert index.search(["last"], 1)[0][0].document.text == "last"


def test_an_empty_corpus_and_a_place_that_is_taken_are_one_line(words, tmp_path):
    with pytest.raises(UserError, match="no documents"):
        build([], "words", tmp_path / "i")
    assert not (tmp_path / "i").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("Mine.")
    with pytest.raises(UserError, match="is there and is no index; choose an empty or new folder"):
        build(documents(1), "words", tmp_path / "full")
    build(documents(1), "words", tmp_path / "i")
    with pytest.raises(UserError, match="is an index already; `--into"):
        build(documents(1), "words", tmp_path / "i")
    with pytest.raises(UserError, match="no store 'fils' .*did you mean files"):
        build(documents(1), "words", tmp_path / "j", store="fils")
    with pytest.raises(UserError, match="precision 'int8': choose float32 or float16"):
        build(documents(1), "words", tmp_path / "j", precision="int8")


def test_ids_that_are_not_there_are_told(words, tmp_path, capsys):
    build(documents(3), "words", tmp_path / "i")
    index, changes = change(tmp_path / "i", delete=["de/2", "nobody", "de/2"])
    assert (changes.deleted, index.store.count()) == (1, 2)
    assert "1 of 2 ids are not in" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"2 of 2 ids are not in .*\(first: 'x'\); nothing is deleted"):
        change(tmp_path / "i", delete=["x", "y"])


def test_queries_that_ask_for_nothing_are_refused(words, tmp_path):
    index, _ = build(documents(3), "words", tmp_path / "i")
    assert index.search([], 3) == []
    for queries, k, complaint in ((["a", " "], 3, "an empty query"), (["a"], 0, "top_k = 0: ask for one")):
        with pytest.raises(UserError, match=complaint):
            index.search(queries, k)


def test_damaged_facts_are_one_line(words, tmp_path):
    build(documents(3), "words", tmp_path / "i")
    path = tmp_path / "i" / "index.json"
    content = json.loads(path.read_text())
    for damage, complaint in (
        ("{", "is damaged"),
        ("[]", "is damaged"),
        (json.dumps(content | {"index": 9}), "is of version 9, this isogloss reads 1"),
        (json.dumps({name: value for name, value in content.items() if name != "encoder"}), "is damaged"),
    ):
        path.write_text(damage)
        with pytest.raises(UserError, match=complaint):
            open_index(tmp_path / "i")


def test_memory_holds_a_block_of_documents_however_many_there_are(words, tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "BLOCK", 10)
    read = []

    def source():
        for document in documents(95):
            read.append(document.id)
            assert len(read) - written < 22
            yield document

    written, real = 0, words.encode

    def counting(name, texts):
        nonlocal written
        written += len(texts)
        assert len(texts) <= 10
        return real(name, texts)

    monkeypatch.setattr(words, "encode", counting)
    index, _ = build(source(), "words", tmp_path / "i")
    assert index.store.count() == 95 and index_module.open_index(tmp_path / "i").store.count() == 95
