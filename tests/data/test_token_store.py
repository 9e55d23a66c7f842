"""The token store: the same examples as made directly, never stale, never half of an entry, never in the way."""

import os
import signal
import time
import tracemalloc
from dataclasses import asdict, fields, replace

import forks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from isogloss import runs
from isogloss.data import token_store
from isogloss.data.on_disk import OnDisk
from isogloss.data.token_store import key_of, make_room, open_entry, tokenised_once, write_entry
from isogloss.errors import UserError
from isogloss.kinds import Features, Lengths, Window, examples, load_kind
from isogloss.methods import load_method
from isogloss.recipe import resolve
from isogloss.records import Answer, Question, Sentence, TaggedSentence
from isogloss.run_folder import read_manifest
from isogloss.runs import Job, train
from isogloss.tasks import load_task
from isogloss.training import item_numbers

KINDS = ("classification", "tagging", "question_answering")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache that every training set is large enough for; the folder of its entries."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ISOGLOSS_CACHE_LIMIT", raising=False)
    monkeypatch.setattr(runs, "WORTH_KEEPING", 1)
    return tmp_path / "cache" / "tokens"


def without(monkeypatch):
    monkeypatch.setattr(runs, "WORTH_KEEPING", 10**9)


def stripped(found):
    """The examples without what their kind keeps to decode predictions."""
    return [replace(each, sides=tuple(replace(side, tokens=None) for side in each.sides)) for each in found]


def pairs(count=5):
    """German and Swahili sentences beside English ones, each of which serves both, and English beside itself."""
    english = [Sentence(id=f"ä{i}", language="en", text=f"The train {i}", label="travel") for i in range(count)]
    made = [(side, side) for side in english]
    for tag in ("de", "sw"):
        texts = [replace(side, language=tag, text=f"{tag} {i} " * (1 + i % 3)) for i, side in enumerate(english)]
        made += [(replace(text, translations=(side,)), side) for text, side in zip(texts, english, strict=True)]
    return made


@pytest.fixture
def kind(tokenizer):
    """Classification of topics."""
    return load_kind(load_task("sib200"), tokenizer, Lengths(max_length=12))


def stored(kind, made, **given):
    return tokenised_once(kind, {}, lambda: iter(made), **{"numbered": False, "workers": 0} | given)


def only_entry(cache):
    (entry,) = cache.iterdir()
    return entry


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("method", ["zero_shot", "translate_train", "filter"])
@pytest.mark.parametrize("kind", KINDS)
def test_examples_of_the_store_are_those_made_directly(
    recipe, tmp_path, cache, monkeypatch, capsys, kind, method, released
):
    made = recipe(kind, method, tmp_path / "run")
    short = replace(made.lengths, max_length=14) if kind == "tagging" else made.lengths
    made = replace(made, features=Features(released=released), lengths=short)
    way = load_method(method).Method(made.config)
    written, read = (way.examples(Job(made, made.output)) for _ in range(2))
    told = capsys.readouterr().err
    without(monkeypatch)
    direct = way.examples(Job(made, made.output))
    assert isinstance(written, OnDisk) and isinstance(direct, list) and len(list(cache.iterdir())) == 1
    assert list(written) == list(read) == stripped(direct) and direct
    assert read[-1] == stripped(direct)[-1] and read.sizes.tolist() == [len(example) for example in direct]
    assert item_numbers(read).tolist() == item_numbers(direct).tolist()
    assert told.count("are kept, ") == 1
    texts = capsys.readouterr().err
    assert (told.count(texts) == 2) if texts else "longer than" not in told


@pytest.mark.parametrize("kind", KINDS)
def test_training_from_the_store_is_training_without_it(recipe, tmp_path, monkeypatch, kind):
    rows = ("filter", "filter_self_teaching")
    losses = [[read_manifest(train(recipe(kind, row, tmp_path / "with" / row)))["loss_curve"] for row in rows]]
    without(monkeypatch)
    losses += [[read_manifest(train(recipe(kind, row, tmp_path / "bare" / row)))["loss_curve"] for row in rows]]
    assert losses[0] == losses[1] and len(losses[0][1]) == 4


def test_seeds_methods_and_phases_share_what_was_tokenised(recipe, tmp_path, cache, monkeypatch):
    train(recipe("classification", "zero_shot", tmp_path / "first"))
    entries = sorted(cache.iterdir())
    monkeypatch.setattr(token_store, "write_entry", None)
    train(replace(recipe("classification", "zero_shot", tmp_path / "second"), seed=2))
    assert sorted(cache.iterdir()) == entries


def test_nothing_is_tokenised_the_second_time(kind, monkeypatch):
    first = list(stored(kind, pairs()))
    monkeypatch.setattr(kind, "windows", None)
    assert list(stored(kind, pairs())) == first


def test_a_text_that_stands_beside_many_is_tokenised_and_kept_once(kind, cache, monkeypatch):
    seen, windows = [], kind.windows
    monkeypatch.setattr(kind, "windows", lambda record: seen.append(record) or windows(record))
    monkeypatch.setattr(token_store, "BLOCK", 4)
    found = stored(kind, pairs())
    assert len(found) == 15 and len(seen) == 15 == len(np.load(only_entry(cache) / "cut.npy"))


def test_further_processes_write_the_same_arrays(kind, cache, tmp_path):
    for workers, place in ((0, tmp_path / "one"), (2, tmp_path / "two")):
        place.mkdir()
        assert write_entry(place, kind, pairs(20), False, workers) == 60
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_loader_processes_read_the_store(recipe, tmp_path):
    curves = [
        read_manifest(train(recipe("tagging", "filter", tmp_path / f"{workers}", workers=workers)))["loss_curve"]
        for workers in (0, 2)
    ]
    assert curves[0] == curves[1]


def test_token_ids_have_the_smallest_type_that_holds_them(kind, cache):
    stored(kind, pairs())
    largest = max(kind.tokenizer.get_vocab().values())
    assert np.load(only_entry(cache) / "input_ids.npy").dtype == (np.uint8 if largest < 256 else np.uint16)


def test_no_examples_are_an_entry_too(kind):
    assert list(stored(kind, [])) == list(stored(kind, [])) == []


def test_an_id_may_be_any_string(kind):
    made = [(Sentence(id=name, language="en", text="The train"),) for name in ("", "a/b\n", "हि", "\ud800")]
    assert [example.id for example in stored(kind, made)] == [record.id for (record,) in made]


# The key


SETTINGS = {"labels": ["a", "b"], "lengths": asdict(Lengths()), "features": asdict(Features())}
QUESTION = Question(id="1", language="en", question="q", context="c c", answers=(Answer("c", 0),))
TAGGED = TaggedSentence(id="1", language="en", text="a b", words=((0, 1), (2, 3)), tags=("O", "O"))
SENTENCE = Sentence(id="1", language="en", text="a", text_pair="b", label="l", group="g")
OTHER = {"answers": (Answer("c", 2),), "words": ((0, 1), (1, 3)), "tags": ("O", "B-x")}


@pytest.mark.parametrize("record", [SENTENCE, TAGGED, QUESTION], ids=lambda record: type(record).__name__)
def test_every_field_of_a_record_is_part_of_the_key(kind, record):
    names = [field.name for field in fields(record) if field.name != "translations"]
    changed = [replace(record, **{name: OTHER.get(name, "other")}) for name in names]
    keys = {key_of(kind, {}, [(each,)]) for each in (record, *changed)}
    assert len(keys) == len(names) + 1


names = st.text(max_size=2)
sentences = st.builds(Sentence, id=names, language=names, text=names, text_pair=st.none() | names)
several = st.lists(st.lists(sentences, min_size=1, max_size=2).map(tuple), max_size=3)


@given(several, several)
def test_keys_are_equal_exactly_if_all_that_is_read_together_is(one, other):
    class Bare:
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=letters("a"))

    assert (key_of(Bare(), {}, one) == key_of(Bare(), {}, other)) == (one == other)


def test_a_translation_that_is_not_read_is_not_part_of_the_key(kind):
    beside = replace(SENTENCE, translations=(SENTENCE,))
    assert key_of(kind, {}, [(beside,)]) == key_of(kind, {}, [(SENTENCE,)])
    assert key_of(kind, {}, [(beside, SENTENCE)]) != key_of(kind, {}, [(SENTENCE,)])


def letters(pieces):
    from tokenizers import Tokenizer, models

    return Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token=pieces[0]))


def changed_tokenizers():
    from tokenizers import normalizers, processors

    lower, ends = letters("abc"), letters("abc")
    lower.normalizer = normalizers.Lowercase()
    ends.post_processor = processors.TemplateProcessing(single="a $A", special_tokens=[("a", 0)])
    yield PreTrainedTokenizerFast(tokenizer_object=letters("abc"))
    yield PreTrainedTokenizerFast(tokenizer_object=letters("acb"))
    yield PreTrainedTokenizerFast(tokenizer_object=letters("abcd"))
    yield PreTrainedTokenizerFast(tokenizer_object=lower)
    yield PreTrainedTokenizerFast(tokenizer_object=ends)
    yield PreTrainedTokenizerFast(tokenizer_object=letters("abc"), pad_token="a")
    yield PreTrainedTokenizerFast(tokenizer_object=letters("abc"), pad_token="b")
    yield PreTrainedTokenizerFast(tokenizer_object=letters("abc"), truncation_side="left")


def test_everything_of_a_tokenizer_that_decides_ids_is_part_of_the_key(kind, monkeypatch):
    keys = []
    for tokenizer in changed_tokenizers():
        monkeypatch.setattr(kind, "tokenizer", tokenizer)
        keys.append(key_of(kind, {}, []))
    assert len(set(keys)) == len(keys) == 8


def test_what_a_tokenizer_was_last_asked_for_is_not_part_of_the_key(kind):
    before = key_of(kind, {}, [])
    kind.tokenizer("The train", truncation=True, max_length=4, padding="max_length")
    assert key_of(kind, {}, []) == before
    kind.tokenizer("The train")
    assert key_of(kind, {}, []) == before


SETTING_CHANGES = (
    [{"labels": ["b", "a"]}, {"numbered": True}]
    + [{"lengths": SETTINGS["lengths"] | {name: 7}} for name in SETTINGS["lengths"]]
    + [{"features": SETTINGS["features"] | {name: 7}} for name in SETTINGS["features"]]
)


def test_labels_lengths_and_features_are_part_of_the_key(kind):
    keys = {key_of(kind, SETTINGS | change, []) for change in ({}, *SETTING_CHANGES)}
    assert len(keys) == len(SETTING_CHANGES) + 1


def test_the_kind_the_code_and_the_versions_are_part_of_the_key(kind, tokenizer, monkeypatch):
    keys = [key_of(kind, {}, []), key_of(load_kind(load_task("xsid_slots"), tokenizer, Lengths()), {}, [])]
    real = token_store.sha256
    for name in ("__init__.py", "tagging.py", "token_store.py"):
        monkeypatch.setattr(token_store, "sha256", lambda path, name=name: "x" if path.name == name else real(path))
        keys.append(key_of(kind, {}, []))
    monkeypatch.setattr(token_store, "sha256", real)
    known = token_store.versions()
    for package in ("isogloss", "tokenizers", "transformers"):
        monkeypatch.setattr(token_store, "versions", lambda package=package: known | {package: "x"})
        keys.append(key_of(kind, {}, []))
    monkeypatch.setattr(token_store, "versions", lambda: known)
    monkeypatch.setattr(token_store, "IGNORED", -1)
    keys.append(key_of(kind, {}, []))
    assert len(set(keys)) == len(keys) == 9


@pytest.mark.parametrize("change", ["text", "max_length", "released", "languages"])
def test_a_changed_recipe_or_file_is_never_answered_with_old_tokens(recipe, own_data, tmp_path, cache, change):
    made = replace(recipe("classification", "filter", tmp_path / "run"), data=own_data)
    way = load_method("filter").Method(made.config)
    old = list(way.examples(Job(made, made.output)))
    if change == "text":
        path = own_data / "sib200" / "deu_Latn" / "train.tsv"
        path.write_text(path.read_text().replace("Da ist Zug", "Da war Zug"))
    elif change == "max_length":
        made = replace(made, lengths=replace(made.lengths, max_length=9))
    elif change == "released":
        made = replace(made, features=Features(released=True))
    else:
        made = replace(made, languages=("en",))
    new = list(way.examples(Job(made, made.output)))
    assert len(list(cache.iterdir())) == 2 and (new == old) == (change == "released")


# Damage, want of room, and other writers


def test_any_damage_is_told_in_a_line_and_the_entry_is_made_anew(kind, cache, capsys):
    expected = list(stored(kind, pairs()))
    for path in sorted(only_entry(cache).iterdir()):
        content = path.read_bytes()
        places = range(0, len(content), 1 + len(content) // 4)
        flipped = [content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :] for i in places]
        for damaged in (content[:-1], b"", None, *flipped):
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            capsys.readouterr()
            assert list(stored(kind, pairs())) == expected, path
            told = capsys.readouterr().err.splitlines()
            assert sum("are damaged" in line for line in told) == 1 and str(only_entry(cache)) in told[0], path
    capsys.readouterr()
    stored(kind, pairs())
    assert "damaged" not in capsys.readouterr().err


KILLED = """
import os, signal, sys
from pathlib import Path
from isogloss.data import token_store
from isogloss.files import new_folder

with new_folder(Path(sys.argv[1])) as folder:
    column = token_store._Column(folder / "input_ids.npy", "uint16")
    column.add(1, 2, 3)
    column.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_nothing_that_is_read_and_what_it_left_goes_after_a_day(kind, cache, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    key = key_of(kind, {"numbered": False}, pairs())
    killed = forks.start([cache / key], tmp_path / "streams", script)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    (left,) = cache.iterdir()
    assert left.name.startswith(".") and open_entry(cache / key) is None
    assert stripped(examples(kind, pairs())) == list(stored(kind, pairs()))
    assert left in cache.iterdir()
    old = time.time() - token_store.LEFT_BEHIND - 60
    os.utime(left, (old, old))
    stored(kind, pairs(6))
    assert left not in cache.iterdir() and len(list(cache.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_told_in_a_line_and_the_training_goes_on(
    recipe, tmp_path, monkeypatch, capsys
):
    expected = read_manifest(train(recipe("tagging", "filter", tmp_path / "with")))["loss_curve"]
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "file"))
    capsys.readouterr()
    assert read_manifest(train(recipe("tagging", "filter", tmp_path / "run")))["loss_curve"] == expected
    told = [line for line in capsys.readouterr().err.splitlines() if "cannot be kept" in line]
    assert len(told) == 1 and "ISOGLOSS_CACHE=DIR is another place" in told[0] and str(tmp_path / "file") in told[0]


def test_a_full_disk_leaves_nothing_behind_and_is_told_in_a_line(kind, cache, monkeypatch, capsys):
    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_store._Column, "flush", full)
    assert stored(kind, pairs()) is None
    assert list(cache.iterdir()) == []
    told = [line for line in capsys.readouterr().err.splitlines() if "No space left on device" in line]
    assert len(told) == 1


def test_without_a_home_folder_the_training_goes_on(kind, monkeypatch, capsys):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("ISOGLOSS_CACHE")
    monkeypatch.setattr(token_store.Path, "home", homeless)
    assert stored(kind, pairs()) is None
    assert "there is no home folder" in capsys.readouterr().err


def test_an_entry_that_another_run_finished_first_is_read(kind, cache, monkeypatch, capsys):
    expected, write = stripped(examples(kind, pairs())), token_store.write_entry

    def overtaken(folder, *rest):
        monkeypatch.setattr(token_store, "write_entry", write)
        assert list(stored(kind, pairs())) == expected
        return write(folder, *rest)

    monkeypatch.setattr(token_store, "write_entry", overtaken)
    assert list(stored(kind, pairs())) == expected
    assert len(list(cache.iterdir())) == 1
    assert "cannot be kept" not in capsys.readouterr().err


def test_the_entries_read_longest_ago_make_room(kind, cache, monkeypatch):
    for count in (1, 2, 3, 4):
        stored(kind, pairs(count))
    first, second, third, fourth = (cache / key_of(kind, {"numbered": False}, pairs(count)) for count in (1, 2, 3, 4))
    for age, entry in ((40, first), (30, second), (20, third), (10, fourth)):
        os.utime(entry / token_store.DIGESTS, (time.time() - age,) * 2)
    assert open_entry(first) is not None  # read just now
    size = token_store._size(first)
    make_room(fourth, 2.9 * size)
    assert sorted(cache.iterdir()) == sorted([first, fourth])
    make_room(fourth, 0)
    assert list(cache.iterdir()) == [fourth]


def test_the_limit_of_the_cache_is_in_gigabytes_and_0_keeps_nothing(kind, cache, monkeypatch):
    assert token_store.cache_limit() == 20e9
    monkeypatch.setenv("ISOGLOSS_CACHE_LIMIT", "0")
    assert stored(kind, pairs()) is None and not cache.exists()
    for wrong in ("much", "-1", "nan"):
        monkeypatch.setenv("ISOGLOSS_CACHE_LIMIT", wrong)
        with pytest.raises(UserError, match=f"ISOGLOSS_CACHE_LIMIT = '{wrong}' is not a number of gigabytes"):
            stored(kind, pairs())


# Large data


class Constant:
    """A kind whose texts all have the same tokens, and no work to make them."""

    one_window = True

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def windows(self, record):
        return [Window([1] * 20, 0)]


def test_writing_needs_no_memory_for_what_was_written(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(token_store, "BLOCK", 64)
    peaks = []
    for count in (500, 8000):
        (tmp_path / str(count)).mkdir()
        made = ((Sentence(id=str(i), language="de", text=f"{i}"),) for i in range(count))
        tracemalloc.start()
        try:
            write_entry(tmp_path / str(count), Constant(tokenizer), made, True, 0)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_opening_keeps_no_object_for_an_example(tokenizer):
    made = [(Sentence(id=str(i), language="de", text=f"{i}"),) for i in range(10_000)]
    stored(Constant(tokenizer), made, numbered=True)
    entry = Constant(tokenizer)
    key = key_of(entry, {"numbered": True}, made)
    tracemalloc.start()
    try:
        found = open_entry(token_store.Path(os.environ["ISOGLOSS_CACHE"]) / "tokens" / key)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == 10_000 and kept < 100_000  # bytes


def xnli(folder, rows=12):
    """XNLI as published; its training rows stay on disk."""
    for tag in ("en", "de", "sw"):
        lines = [f"{tag} first {i}\tsecond {i % 5} {tag}\tneutral\n" for i in range(rows)]
        path = folder / "xnli" / "multinli" / f"multinli.train.{tag}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("premise\thypo\tlabel\n" + "".join(lines), encoding="utf-8")
        (folder / "xnli" / f"test-{tag}.tsv").write_text("a\tb\tneutral\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("settings", "kept"),
    [(["updates=8"], False), (["updates=9"], True), (["epochs=1", "updates=1"], True)],
)
def test_texts_on_disk_are_kept_as_tokens_where_the_training_can_reach_all(
    tmp_path, encoder_folder, cache, monkeypatch, settings, kept
):
    flags = {"method": "filter", "task": "xnli", "data": xnli(tmp_path), "encoder": str(encoder_folder)}
    made = resolve({}, flags | {"output": tmp_path / "run"}, ["batch_size=4", "max_length=32", *settings])
    way = load_method("filter").Method(made.config)
    found = way.examples(Job(made, made.output))
    assert cache.exists() == kept == found.in_tokens and len(found) == 36
    without(monkeypatch)
    direct = way.examples(Job(made, made.output))
    assert list(found) == list(direct) and not direct.in_tokens
    assert found.numbers.tolist() == direct.numbers.tolist()
    if kept:
        assert found.sizes.tolist() == [len(example) for example in direct]


def test_a_student_and_its_teacher_read_the_same_tokens(tmp_path, encoder_folder, cache):
    flags = {"method": "filter", "task": "xnli", "data": xnli(tmp_path), "encoder": str(encoder_folder)}
    settings = ["batch_size=4", "max_length=32", "updates=10", "self_teaching=0.5"]
    made = resolve({}, flags | {"output": tmp_path / "run"}, settings)
    train(made)
    assert len(list(cache.iterdir())) == 1
    found = load_method("filter").Method(made.config).examples(Job(made, made.output))
    assert found.in_tokens and all(example.teacher.shape == (3,) for example in found)


TWO = """
import sys
from pathlib import Path
from isogloss import cli, processes, runs
from isogloss.data import token_store

runs.WORTH_KEEPING, runs.training_examples = 1, None
write = token_store.write_entry
path = Path(sys.argv.pop(1))

def noted(*given):
    (path / f"written by {processes.number()}").touch()
    return write(*given)

token_store.write_entry = noted
cli.main()
"""


@pytest.mark.parametrize("writable", [True, False])
def test_of_several_processes_one_tokenises_and_all_read_or_none_does(
    two_processes, encoder_folder, data, tmp_path, cache, monkeypatch, writable
):
    if not writable:
        cache.parent.write_text("")
    script = tmp_path / "script.py"
    script.write_text(TWO if writable else TWO.replace(", runs.training_examples = 1, None", " = 1"))
    words = ["train", "--method", "filter", "--task", "sib200", "--data", data, "--encoder", encoder_folder]
    words += ["--languages", "en,de", "--output", tmp_path / "run"]
    for setting in ("updates=2", "batch_size=4", "max_length=32"):
        words += ["--set", setting]
    outcome = two_processes(tmp_path, *words, script=script)
    assert outcome.code == 0, outcome.err
    if not writable:
        assert outcome.err.count("tokens cannot be kept") == 1
        return
    assert len(list(cache.iterdir())) == 1 and outcome.err.count("24 examples are kept") == 1
    assert [path.name for path in tmp_path.glob("written by *")] == ["written by 0"]
