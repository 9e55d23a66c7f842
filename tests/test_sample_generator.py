"""The embedded sample is what its generator writes, and keeps what it promises in every language."""

import bz2
import importlib.util
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

pytest.importorskip("babel", reason="the sample generator needs babel, a developer dependency")

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "isogloss" / "data" / "sample.jsonl.bz2"
LANGUAGES = ("en", "de", "es", "fr", "ru", "tr", "sw", "hi", "ar", "zh", "ja", "id")


def load_generator():
    name = "sample_generate"
    spec = importlib.util.spec_from_file_location(name, ROOT / "sample" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generator()


@pytest.fixture(scope="module")
def records():
    return [json.loads(line) for line in bz2.decompress(SHIPPED.read_bytes()).decode().splitlines()]


@pytest.fixture(scope="module")
def by_language(records):
    groups = defaultdict(list)
    for record in records:
        groups[record["language"]].append(record)
    return groups


def test_generating_again_gives_the_same_bytes():
    patterns = generate.read_patterns(ROOT / "sample" / "patterns", LANGUAGES)
    content = generate.encode(generate.make_records(patterns))
    assert content == SHIPPED.read_bytes(), "run `python sample/generate.py` (with the babel of constraints.txt)"


def test_the_file_is_at_most_three_megabytes():
    assert SHIPPED.stat().st_size <= 3_000_000


def test_all_languages_have_the_same_items(by_language):
    assert tuple(by_language) == LANGUAGES
    shapes = {
        language: [(r["id"], r["split"], r["pattern"], len(generate.spans_of(r))) for r in mine]
        for language, mine in by_language.items()
    }
    assert all(shape == shapes["en"] for shape in shapes.values())
    assert len({item for item, *_ in shapes["en"]}) == len(shapes["en"])


def test_split_sizes_are_the_promised_ones(by_language):
    counts = Counter((r["split"], "text" in r) for r in by_language["en"])
    assert counts == {
        ("train", True): 1500, ("dev", True): 300, ("test", True): 500,
        ("train", False): 500, ("dev", False): 100, ("test", False): 200,
    }  # fmt: skip


def test_every_intent_is_in_every_split_about_equally_often(by_language):
    for split in ("train", "dev", "test"):
        counts = Counter(r["intent"] for r in by_language["en"] if r["split"] == split and "intent" in r)
        assert len(counts) == 14
        assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pattern_lies_in_one_split(by_language, language):
    splits = defaultdict(set)
    for record in by_language[language]:
        splits[record["pattern"]].add(record["split"])
    assert all(len(found) == 1 for found in splits.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_spans_are_whole_words_and_do_not_overlap(by_language, language):
    for record in by_language[language]:
        spans = generate.spans_of(record)
        for text, start, end in spans:
            assert 0 <= start < end <= len(text)
            assert generate.is_word_aligned(text, start, end, language), record["id"]
            assert text[start:end] == text[start:end].strip()
        assert all(a[2] <= b[1] for a, b in zip(spans, spans[1:], strict=False)), record["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_test_or_dev_is_in_train(by_language, language):
    texts = defaultdict(set)
    for record in by_language[language]:
        texts[record["split"]].add(record.get("text") or record["context"])
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["dev"]
    assert not texts["dev"] & texts["test"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_used_for_two_items(by_language, language):
    texts = Counter(r["text"] for r in by_language[language] if "text" in r)
    assert [text for text, count in texts.items() if count > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_stands_in_its_context_and_not_in_its_question(by_language, language):
    for record in by_language[language]:
        if "answer" in record:
            answer, start = record["answer"]["text"], record["answer"]["start"]
            assert record["context"][start : start + len(answer)] == answer
            assert answer not in record["question"]


def test_a_span_inside_a_word_is_not_word_aligned():
    assert generate.is_word_aligned("to Oslo, please", 3, 7, "en")
    assert not generate.is_word_aligned("to Oslo, please", 3, 6, "en")
    assert not generate.is_word_aligned("لأوسلو", 1, 6, "ar")
    assert generate.is_word_aligned("去奥斯陆吗", 1, 4, "zh")


def test_french_and_russian_join_slots_as_they_are_spoken():
    assert generate.slots.join("de ", "Athènes", "fr") == "d'Athènes"
    assert generate.slots.join("de ", "Lisbonne", "fr") == "de Lisbonne"
    assert generate.slots.join("в ", "вторник", "ru") == "во вторник"


def test_a_language_with_other_slots_than_english_is_named(tmp_path):
    (tmp_path / "en.toml").write_text('[intents.a]\n"01" = "to {city}"\n', encoding="utf-8")
    (tmp_path / "de.toml").write_text('[intents.a]\n"01" = "um {time}"\n', encoding="utf-8")
    with pytest.raises(generate.PatternError, match=r"de\.toml intents\.a\.01"):
        generate.read_patterns(tmp_path, ["en", "de"])
