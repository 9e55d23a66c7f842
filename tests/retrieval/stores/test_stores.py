"""Every store keeps the same promises: what was added is found, in the right order, and what was deleted is not."""

import sys
from pathlib import Path

import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.records import Document
from isogloss.retrieval.stores import lance
from isogloss.retrieval.vector_store import Shape, create_store, open_store, store_files

SHAPE = Shape("0123abcd", 8, "float32")
every_store = pytest.mark.parametrize("name", ["files", "lance", "qdrant"])


def units(rows, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, SHAPE.dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def documents(*names):
    return [Document(id=name, language="de", text=f"Text {name} \u2028\n'\"") for name in names]


def names(hits):
    return [hit.document.id for hit in hits]


def brute_force(queries, ids, vectors, k):
    scores = queries @ vectors.T
    return [[ids[i] for i in row] for row in np.argsort(-scores, axis=1, kind="stable")[:, :k]]


def test_the_stores_are_the_files_of_the_folder():
    assert set(store_files()) == {"files", "lance", "qdrant"}
    with pytest.raises(UserError, match="no store 'lanse' in 'lanse'; did you mean lance"):
        create_store("lanse", None, SHAPE)  # pyright: ignore


@every_store
def test_a_store_finds_what_comparing_with_all_finds_and_forgets_what_is_deleted(name, tmp_path):
    store, queries = create_store(name, tmp_path / "s", SHAPE), units(5, seed=1)
    ids, vectors = [f"d'{number}/é" for number in range(40)], units(40)
    store.add(documents(*ids[:25]), vectors[:25])
    store.add(documents(*ids[25:]), vectors[25:])
    store.commit()
    assert store.count() == 40 and store.fingerprint == "0123abcd"
    found = store.search(queries, 6)
    assert [names(hits) for hits in found] == brute_force(queries, ids, vectors, 6)
    best = np.sort(queries @ vectors.T)[:, ::-1][:, :6]
    np.testing.assert_allclose([[hit.score for hit in hits] for hits in found], best, atol=1e-5)
    assert found[0][0].document == documents(found[0][0].document.id)[0]
    store.delete(ids[::2])
    store.commit()
    assert store.count() == 20
    assert [names(hits) for hits in store.search(queries, 6, exact=True)] == brute_force(
        queries, ids[1::2], vectors[1::2], 6
    )
    assert len(store.search(queries, 100)[0]) == 20
    store.compact()
    store.commit()
    assert store.count() == 20 and [names(hits) for hits in store.search(queries, 6)] == brute_force(
        queries, ids[1::2], vectors[1::2], 6
    )
    store.close()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_server_that_is_not_there_is_one_line_without_the_key(monkeypatch):
    monkeypatch.setenv("QDRANT_API_KEY", "s3cret")
    with pytest.raises(UserError, match="Qdrant fails: .*is the server there") as told:
        create_store("qdrant:http://127.0.0.1:9", Path("nowhere"), SHAPE)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("name, library", [("lance", "lancedb"), ("qdrant", "qdrant_client")])
def test_a_store_whose_library_is_missing_names_what_to_install(name, library, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"pip install 'isogloss\[{name}\]'"):
        create_store(name, tmp_path, SHAPE)


@every_store
def test_a_store_knows_what_is_there_and_takes_back_what_was_deleted(name, tmp_path):
    store = create_store(name, tmp_path / "s", SHAPE)
    assert store.known(["a"]) == {} and store.count() == 0 and store.search(units(2), 3) == [[], []]
    first = documents("a", "b", "c'd")
    store.add(first, units(3))
    store.commit()
    assert store.known(["c'd", "zz", "a"]) == {"c'd": first[2], "a": first[0]}
    store.delete(["a"])
    changed = Document(id="a", language="fr", text="autre")
    store.add([changed], units(1, seed=7))
    store.commit()
    assert store.known(["a", "b"]) == {"a": changed, "b": first[1]}
    assert store.search(units(1, seed=7), 1)[0][0].document == changed
    store.close()


@every_store
def test_a_store_is_opened_again_as_it_was(name, tmp_path):
    store = create_store(name, tmp_path / "s", SHAPE)
    store.add(documents("a", "b", "c"), units(3))
    store.delete(["b"])
    store.commit()
    found = store.search(units(1, seed=3), 3)
    store.close()
    again = open_store(name, tmp_path / "s", SHAPE)
    assert again.fingerprint == "0123abcd" and again.count() == 2
    assert names(again.search(units(1, seed=3), 3)[0]) == names(found[0])
    again.add(documents("d"), units(1, seed=3))
    again.commit()
    assert names(again.search(units(1, seed=3), 1)[0]) == ["d"]
    again.close()
    with pytest.raises(UserError):
        open_store(name, tmp_path / "s", SHAPE._replace(fingerprint="ffff"))


@every_store
def test_equal_vectors_come_in_the_order_in_which_they_were_added(name, tmp_path):
    store, same = create_store(name, tmp_path / "s", SHAPE), units(1)
    for part in ("cab", "dfe"):
        store.add(documents(*part), np.repeat(same, 3, axis=0))
    store.commit()
    assert names(store.search(same, 6)[0]) == list("cabdfe")
    store.close()


def test_the_index_of_a_lance_table_proposes_and_the_vectors_decide(tmp_path, monkeypatch):
    monkeypatch.setattr(lance, "APPROXIMATE_FROM", 600)
    store, vectors = create_store("lance", tmp_path / "s", SHAPE), units(800)
    ids = [f"d{number}" for number in range(800)]
    store.add(documents(*ids), vectors)
    store.commit()
    assert store.about()["search"] == "approximate"
    again, queries = open_store("lance", tmp_path / "s", SHAPE), units(10, seed=1)
    right = brute_force(queries, ids, vectors, 5)
    assert [names(hits) for hits in again.search(queries, 5, exact=True)] == right
    found = again.search(queries, 5)
    assert sum(len({*a} & {*names(b)}) for a, b in zip(right, found, strict=True)) > 40
    for query, hits in zip(queries, found, strict=True):
        np.testing.assert_allclose(
            [hit.score for hit in hits], [vectors[int(hit.document.id[1:])] @ query for hit in hits], rtol=1e-5
        )


@pytest.mark.parametrize("name", ["files", "lance"])
def test_what_was_not_committed_is_seen_by_nobody_and_gone_for_the_next_writer(name, tmp_path):
    store = create_store(name, tmp_path / "s", SHAPE)
    store.add(documents("a"), units(1))
    store.commit()
    reader = open_store(name, tmp_path / "s", SHAPE)
    store.add(documents("b"), units(1, seed=1))
    store.delete(["a"])
    assert names(reader.search(units(1), 5)[0]) == ["a"]
    killed = open_store(name, tmp_path / "s", SHAPE)
    assert names(killed.search(units(1), 5)[0]) == ["a"]
    killed.add(documents("c"), units(1, seed=2))
    killed.commit()
    assert set(names(open_store(name, tmp_path / "s", SHAPE).search(units(1), 5)[0])) == {"a", "c"}
    assert names(reader.search(units(1), 5)[0]) == ["a"]


@every_store
def test_half_precision_keeps_the_order_of_what_is_well_apart(name, tmp_path):
    store = create_store(name, tmp_path / "s", SHAPE._replace(precision="float16"))
    store.add(documents("a", "b", "c"), np.eye(8, dtype=np.float32)[:3])
    store.commit()
    query = np.array([[0.6, 0.8, 0, 0, 0, 0, 0, 0]], np.float32)
    assert names(store.search(query, 3)[0]) == ["b", "a", "c"]
    store.close()
