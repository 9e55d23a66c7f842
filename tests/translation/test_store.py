"""The store: what is in it stays, once, whatever happens to those who write; every trouble is one clear line."""

import errno
import json
import os
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from isogloss.errors import UserError
from isogloss.translation import store as store_module
from isogloss.translation.store import Kept, Keys, Store
from isogloss.translation.translator import Decoding


def key(number):
    return number.to_bytes(16)


def batch(*numbers):
    return {key(number): Kept(f"text {number} \u2028é\n", -0.25 * number, number) for number in numbers}


def shards(folder):
    return sorted((folder / "shards").iterdir())


def lines(folder):
    return [json.loads(line) for path in shards(folder) for line in path.read_bytes().split(b"\n") if line.strip()]


def test_what_was_added_is_read_back_by_another(tmp_path):
    with Store(tmp_path / "s") as store:
        store.add(batch(1, 2))
        store.add(batch(3))
        assert store.read([key(3), key(1), key(9)]) == batch(1, 3)
    with Store(tmp_path / "s") as store:
        assert store.read([key(n) for n in range(2000)]) == batch(1, 2, 3)
        assert store.read([]) == {}
    assert len(shards(tmp_path / "s")) == 1


def test_keys_depend_on_everything_that_a_translation_depends_on():
    conditions = [
        ("a", Decoding(), "en", "de"),
        ("b", Decoding(), "en", "de"),
        ("a", Decoding(beam=2), "en", "de"),
        ("a", Decoding(), "de", "en"),
    ]
    found = [Keys(*condition)(text) for condition in conditions for text in ("x", "x ", "e\u0301", "é", "")]
    assert len(set(found)) == 20
    assert Keys(*conditions[0])("x") == found[0] and len(found[0]) == 16


@pytest.mark.parametrize("cut", [1, 20, -1])
def test_a_batch_that_was_cut_off_is_never_read_and_hides_nothing(tmp_path, cut):
    with Store(tmp_path / "s") as store:
        store.add(batch(1, 2))
        size = shards(tmp_path / "s")[0].stat().st_size
        store.add(batch(3, 4))
    (shard,) = shards(tmp_path / "s")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: size + cut] if cut > 0 else whole[:cut])
    (tmp_path / "s" / "index.sqlite").unlink()
    with Store(tmp_path / "s") as store:
        assert store.read([key(n) for n in range(9)]) == batch(1, 2)
        store.add(batch(3, 4, 1))
    with Store(tmp_path / "s") as store:
        assert store.read([key(n) for n in range(9)]) == batch(1, 2, 3, 4)
    assert len(shards(tmp_path / "s")) == 2


def test_what_a_killed_writer_did_not_enter_is_entered_by_the_next(tmp_path):
    with Store(tmp_path / "s") as store:
        store.add(batch(1))
        before = (tmp_path / "s" / "index.sqlite").read_bytes()
        store.add(batch(2))
    (tmp_path / "s" / "index.sqlite").write_bytes(before)
    for _ in range(2):
        with Store(tmp_path / "s") as store:
            assert store.read([key(1), key(2)]) == batch(1, 2)
            store.add(batch(1, 2))
    assert Counter(line["key"] for line in lines(tmp_path / "s")) == {key(1).hex(): 1, key(2).hex(): 1}


def test_two_writers_see_each_other_and_write_nothing_twice(tmp_path):
    with Store(tmp_path / "s") as one, Store(tmp_path / "s") as two:
        one.add(batch(1, 2))
        assert two.read([key(1)]) == batch(1)
        two.add(batch(2, 3) | {key(1): Kept("later")})
        one.add(batch(3, 4))
        assert one.read([key(n) for n in range(9)]) == two.read([key(n) for n in range(9)]) == batch(1, 2, 3, 4)
    assert len(shards(tmp_path / "s")) == 2
    assert max(Counter(line["key"] for line in lines(tmp_path / "s")).values()) == 1


def test_a_translation_counts_more_than_a_failure_and_more_attempts_than_less(tmp_path):
    with Store(tmp_path / "s") as store:
        store.add({key(1): Kept(failure="too long", attempts=1)})
        state = store.states([key(1), key(2)])
        assert list(state) == [key(1)] and (state[key(1)].attempts, state[key(1)].of_this_run) == (1, True)
        store.add({key(1): Kept(failure="cut off", attempts=2)})
        store.add({key(1): Kept(failure="too long", attempts=1)})
        assert store.read([key(1)]) == {key(1): Kept(failure="cut off", attempts=2)}
    (tmp_path / "s" / "index.sqlite").unlink()
    with Store(tmp_path / "s") as store:
        assert store.states([key(1)])[key(1)].attempts == 2 and not store.states([key(1)])[key(1)].of_this_run
        store.add(batch(1))
        store.add({key(1): Kept(failure="cut off", attempts=3)})
        assert store.read([key(1)]) == batch(1)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, monkeypatch):
    real = os.write

    def full(file, content):
        real(file, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Store(tmp_path / "s") as store:
        store.add(batch(1))
        monkeypatch.setattr(store_module.os, "write", full)
        with pytest.raises(UserError, match="cannot use the store .* No space left on device; make room"):
            store.add(batch(2, 3))
        monkeypatch.setattr(store_module.os, "write", real)
        assert store.read([key(1), key(2)]) == batch(1)
        store.add(batch(2))
    (tmp_path / "s" / "index.sqlite").unlink()
    with Store(tmp_path / "s") as store:
        assert store.read([key(1), key(2), key(3)]) == batch(1, 2)


def test_a_full_disk_under_the_index_is_one_line_and_loses_nothing(tmp_path):
    with Store(tmp_path / "s") as store:
        store.add(batch(1))
        pages = store._index.execute("PRAGMA page_count").fetchone()[0]
        store._index.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(UserError, match="cannot use the index .* full; make room"):
            for number in range(2, 400):
                store.add(batch(number))
        assert store.read([key(1)]) == batch(1)
    with Store(tmp_path / "s") as store:
        assert store.read([key(n) for n in range(number + 1)]) == batch(*range(1, number + 1))


def other_version(folder):
    (folder / "store.json").write_text('{"store_of_translations": 7}')


def no_version(folder):
    (folder / "store.json").write_text("[]")


def no_store(folder):
    (folder / "store.json").unlink()
    (folder / "thesis.txt").write_text("Mine.")


def damaged_index(folder):
    (folder / "index.sqlite").write_bytes(b"no index" * 1000)


def no_folder(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    folder.write_text("a file")


@pytest.mark.parametrize(
    "damage, complaint",
    [
        (other_version, "is of version 7, this isogloss reads 1; name another with --store"),
        (no_version, "does not say what store this is"),
        (no_store, "is there and is no store of translations"),
        (damaged_index, "index.sqlite is damaged .* remove it"),
        (no_folder, "cannot use the store .*Not a directory"),
    ],
)
def test_what_is_no_store_of_this_version_is_refused(tmp_path, damage, complaint):
    with Store(tmp_path / "s") as store:
        store.add(batch(1))
    damage(tmp_path / "s")
    with pytest.raises(UserError, match=complaint):
        Store(tmp_path / "s")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="cannot use the store .* Permission denied"):
        Store(tmp_path / "s")
    monkeypatch.undo()
    Store(tmp_path / "s").close()

    def locked(*_, **__):
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(store_module.sqlite3, "connect", locked)
    with pytest.raises(UserError, match="readonly database"):
        Store(tmp_path / "s")


def test_a_shard_that_was_altered_or_removed_is_named(tmp_path, capsys):
    with Store(tmp_path / "s") as store:
        store.add(batch(1, 2))
        store.add(batch(3))
    (shard,) = shards(tmp_path / "s")
    whole = shard.read_bytes()
    shard.write_bytes(whole.replace(b"text 2", b"t"))
    with Store(tmp_path / "s") as store, pytest.raises(UserError, match="000001.jsonl has been altered"):
        store.read([key(n) for n in range(4)])
    shard.unlink()
    with Store(tmp_path / "s") as store, pytest.raises(UserError, match="No such file"):
        store.read([key(1)])
    shard.write_bytes(whole.replace(b"{", b"[", 2))
    (tmp_path / "s" / "index.sqlite").unlink()
    with Store(tmp_path / "s") as store:
        assert store.read([key(1)]) == {}
    assert capsys.readouterr().err.count("no translation at byte 0; the rest is not read") == 1
