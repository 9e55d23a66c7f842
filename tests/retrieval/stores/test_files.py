"""The store of our own files: a model in memory, approximate search, writers that are killed, readers meanwhile."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import UserError
from isogloss.records import Document
from isogloss.retrieval._exact_search import Block, nearest_rows
from isogloss.retrieval.stores import files
from isogloss.retrieval.vector_store import Shape

SHAPE = Shape("0123abcd", 4, "float32")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True)),
        st.tuples(st.just("delete"), st.lists(st.integers(0, 12), max_size=6, unique=True)),
        st.tuples(st.sampled_from(["commit", "compact", "reopen"]), st.just([])),
    ),
    max_size=12,
)


def units(rows, width=4, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def document(name, text="text"):
    return Document(id=str(name), language="sw", text=f"{text} of {name}")


def clustered(rows, width=16, centres=100, seed=0):
    random = np.random.default_rng(seed)
    middle = random.normal(size=(centres, width))
    vectors = middle[random.integers(centres, size=rows)] + 0.3 * random.normal(size=(rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@given(steps=STEPS, seed=st.integers(0, 5))
@settings(max_examples=15)
def test_any_sequence_of_changes_finds_what_a_dictionary_would(steps, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    store, now, committed = files.create("", folder, SHAPE), {}, {}
    queries = units(3, seed=99)
    for number, (step, ids) in enumerate(steps):
        names = [str(each) for each in ids]
        if step == "add":
            new = [name for name in names if name not in now]
            if new:
                made = [document(name, f"text {number}") for name in new]
                vectors = np.round(units(len(new), seed=seed + number), 1)  # equal scores occur
                store.add(made, vectors)
                now |= {each.id: (each, vector) for each, vector in zip(made, vectors, strict=True)}
        elif step == "delete":
            there = [name for name in names if name in now]
            store.delete(there)
            now = {name: each for name, each in now.items() if name not in there}
        elif step == "reopen":
            store, now = files.open_store("", folder, SHAPE), dict(committed)
        else:
            if step == "compact":
                store.compact()
            store.commit()
            committed = dict(now)
        assert store.count() == len(now)
        assert store.known([str(each) for each in range(13)]) == {name: each for name, (each, _) in now.items()}
        for query, hits in zip(queries, store.search(queries, 5), strict=True):
            scores = [float((vector * query).sum(dtype=np.float32)) for _, vector in now.values()]
            order = np.argsort(-np.array(scores), kind="stable")[:5]
            expected = list(now.values())
            assert [hit.document for hit in hits] == [expected[i][0] for i in order]
            np.testing.assert_allclose([hit.score for hit in hits], [scores[i] for i in order], rtol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 16, 100])
def test_the_size_of_the_blocks_changes_nothing_and_equal_vectors_keep_their_order(size):
    vectors = np.concatenate([units(20), units(20)[:7], units(20)[5:]])
    blocks = [Block(first, vectors[first : first + size], None) for first in range(0, len(vectors), size)]
    queries = units(4, seed=5)
    for query, found in zip(queries, nearest_rows(queries, blocks, 9, lambda rows: vectors[rows]), strict=True):
        scores = (vectors * query).sum(1, dtype=np.float32)
        assert found.rows.tolist() == np.argsort(-scores, kind="stable")[:9].tolist()
        assert found.scores.tolist() == scores[found.rows].tolist()


def test_approximate_search_gives_the_scores_of_exact_search_and_sees_what_came_after_the_lists(tmp_path):
    files.create("", tmp_path, Shape("0123abcd", 16, "float32"))
    store, vectors = files.Files(tmp_path, approximate_from=1000), clustered(2050)[:2000]
    store.add([document(number) for number in range(1800)], vectors[:1800])
    store.commit()
    lists = store.state.lists
    assert lists["rows"] == 1800 and lists["recall"] >= 0.99
    store.delete([str(number) for number in range(0, 1800, 3)])
    store.add([document(number) for number in range(1800, 2000)], vectors[1800:])
    store.commit()
    assert store.state.lists == lists, "a tenth that came later is searched exactly"
    again = files.Files(tmp_path, approximate_from=1000)
    queries = clustered(2050)[2000:]
    both = [again.search(queries, 10, exact=exact) for exact in (False, True)]
    shared = [len({hit.document.id for hit in a} & {hit.document.id for hit in b}) for a, b in zip(*both, strict=True)]
    assert sum(shared) / 500 > 0.95
    assert all(int(hit.document.id) % 3 or int(hit.document.id) >= 1800 for hits in both[0] for hit in hits)
    right = {(i, hit.document.id): hit.score for i, hits in enumerate(both[1]) for hit in hits}
    assert all(
        right.get((i, hit.document.id), hit.score) == hit.score for i, hits in enumerate(both[0]) for hit in hits
    )
    assert any(int(hit.document.id) >= 1800 for hits in both[0] for hit in hits)


def test_stale_lists_are_built_anew_and_the_old_file_goes(tmp_path):
    files.create("", tmp_path, Shape("0123abcd", 16, "float32"))
    store, vectors = files.Files(tmp_path, approximate_from=500), clustered(1000)
    for part in (range(600), range(600, 1000)):
        store.add([document(number) for number in part], vectors[part.start : part.stop])
        store.commit()
    assert store.state.lists["rows"] == 1000
    assert len(list(tmp_path.glob("*.faiss"))) == 1
    store.compact()
    store.commit()
    assert store.state.lists["rows"] == 1000 and len(store.segments) == 1


WRITER = """
import sys, numpy as np
from isogloss.records import Document
from isogloss.retrieval.stores import files
store = files.Files(__import__("pathlib").Path(sys.argv[1]))
for turn in range(10**6):
    vectors = np.eye(4, dtype=np.float32)
    store.add([Document(id=f"{sys.argv[2]}-{turn}-{i}", language="de", text="x") for i in range(4)], vectors)
    if turn % 3 == 2:
        store.commit()
        print(turn + 1, flush=True)
"""


def test_a_writer_that_is_killed_leaves_an_index_with_all_that_it_had_committed(tmp_path):
    files.create("", tmp_path, SHAPE)
    kept = 0
    for life in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(life)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        line = writer.stdout.readline()
        time.sleep(0.003 * life)
        os.kill(writer.pid, signal.SIGKILL)
        told = [int(each) for each in (line + writer.stdout.read()).split() if each]
        writer.wait()
        writer.stdout.close()
        store = files.Files(tmp_path)
        count = store.count()
        assert count >= kept + 4 * told[-1], "what was told is there"
        assert (count - kept) % 12 == 0, "no part of a change"
        assert len(store.search(units(1), count + 5)[0]) == count
        kept = count
    files.Files(tmp_path).commit()
    assert {path.name for path in tmp_path.iterdir()} == {
        "vectors.json",
        *(n for n, _ in files.Files(tmp_path).state.segments),
    }


def test_readers_see_one_whole_state_or_the_other_while_a_writer_changes_all(tmp_path):
    files.create("", tmp_path, SHAPE)
    writer = files.Files(tmp_path)
    writer.add([document(f"{i}-0") for i in range(8)], units(8))
    writer.commit()
    old = files.Files(tmp_path)
    for turn in range(1, 15):
        writer.delete([f"{i}-{turn - 1}" for i in range(8)])
        writer.add([document(f"{i}-{turn}") for i in range(8)], units(8))
        if turn % 4 == 0:
            writer.compact()
        before = files.Files(tmp_path)
        assert {hit.document.id[-2:].strip("-") for hit in before.search(units(1), 99)[0]} == {str(turn - 1)}
        writer.commit()
        after = files.Files(tmp_path)
        assert {hit.document.id.partition("-")[2] for hit in after.search(units(1), 99)[0]} == {str(turn)}
        assert before.count() == after.count() == 8
    assert [hit.document.id[-2:] for hit in old.search(units(1), 99)[0]] == ["-0"] * 8, (
        "its files are gone, its maps not"
    )


def test_a_reader_that_meets_a_change_half_way_reads_the_manifest_again(tmp_path, monkeypatch):
    files.create("", tmp_path, SHAPE)
    writer, real = files.Files(tmp_path), files._read
    writer.add([document("a"), document("b")], units(2))
    writer.delete(["a"])
    writer.commit()
    states = [real(tmp_path)]
    writer.compact()
    writer.commit()
    monkeypatch.setattr(files, "_read", lambda folder: states.pop() if states else real(folder))
    assert [hit.document.id for hit in files.Files(tmp_path).search(units(1), 5)[0]] == ["b"]


def damaged(name, content):
    def damage(folder):
        path = next(iter(folder.rglob(name)))
        path.write_bytes(content) if content is not None else path.unlink()

    return damage


@pytest.mark.parametrize(
    "damage, complaint",
    [
        (damaged("vectors.npy", b"no array"), "is damaged"),
        (damaged("starts.npy", None), "is missing; build the index again"),
        (damaged("documents.jsonl", b'["a","de","x"]\n'), "its files do not belong together"),
        (damaged("vectors.json", b"{"), "vectors.json is damaged"),
        (damaged("vectors.json", b'{"vectors": 7}'), "is of version 7, this isogloss reads 1"),
        (damaged("vectors.json", None), "No such file"),
        (damaged("deleted*.npy", b"no rows"), "deleted-000001.npy is damaged"),
    ],
)
def test_a_damaged_store_is_one_line(tmp_path, damage, complaint):
    files.create("", tmp_path, SHAPE)
    store = files.Files(tmp_path, approximate_from=10)
    store.add([document(number) for number in range(50)], units(50))
    store.delete(["7"])
    store.commit()
    damage(tmp_path)
    with pytest.raises(UserError, match=complaint):
        files.Files(tmp_path)


def test_lists_that_cannot_be_used_are_told_done_without_and_made_anew(tmp_path, capsys, monkeypatch):
    files.create("", tmp_path, SHAPE)
    store = files.Files(tmp_path, approximate_from=10)
    store.add([document(number) for number in range(50)], units(50))
    store.commit()
    right = store.search(units(3, seed=4), 5, exact=True)
    next(tmp_path.glob("*.faiss")).write_bytes(b"no lists")
    again = files.Files(tmp_path, approximate_from=10)
    assert again.search(units(3, seed=4), 5) == right
    assert "is damaged" in (told := capsys.readouterr().err) and "searching exactly" in told and told.count("\n") == 1
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "faiss", None)
        again.commit()
        assert "pip install 'isogloss[retrieval]'" in capsys.readouterr().err
        assert files.Files(tmp_path).state.lists is None
    again.commit()
    assert files.Files(tmp_path).state.lists["rows"] == 50


def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path, monkeypatch):
    files.create("", tmp_path, SHAPE)
    store = files.Files(tmp_path)
    store.add([document("a")], units(1))
    store.commit()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("isogloss.retrieval.stores._segment.np.save", full)
        with pytest.raises(UserError, match="cannot write .* No space left on device; make room"):
            store.add([document("b")], units(1))
    assert files.Files(tmp_path).count() == 1
    assert [path.name for path in Path(tmp_path).iterdir() if path.name.startswith(".")] == []
