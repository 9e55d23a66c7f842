"""The words of the command: each means one thing, and every slip is named."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from isogloss.errors import UserError
from isogloss.translation import adaptive_prompts, options
from isogloss.translation.options import OF_MEMORY, Engine, parse_shard, tags_of


def test_languages_come_in_any_spelling_and_once():
    assert tags_of("deu_Latn, sw,de,th") == ["de", "sw", "th"]


def test_an_engine_is_given_what_its_prompts_hold_and_a_draft_is_an_engine(monkeypatch):
    monkeypatch.setattr(options, "load_translator", lambda name: f"<{name}>")
    monkeypatch.setattr(adaptive_prompts, "with_context", lambda engine, **context: (engine, context))
    assert Engine("llm:a").load() == "<llm:a>"
    made = Engine("llm:a", memory=Path("tm"), shots=0, at_least=0.5, terms=Path("terms.tsv"), draft="hf:b").load()
    context = {"memory": Path("tm"), "shots": 0, "at_least": 0.5, "terms": Path("terms.tsv"), "draft": "<hf:b>"}
    assert made == ("<llm:a>", context)


@pytest.mark.parametrize("name", OF_MEMORY)
def test_what_is_about_a_memory_needs_one(name):
    with pytest.raises(UserError, match=f"--{name.replace('_', '-')} is about the pairs of --memory FILE"):
        Engine("llm:a", **{name: 1}).load()


def test_every_word_of_a_context_is_one_that_an_engine_takes():
    words = set(inspect.signature(adaptive_prompts.with_context).parameters) - {"engine"}
    assert {field.name for field in fields(Engine)} == words | {"name"}


def test_the_second_of_eight_is_number_one():
    assert (parse_shard("1/1"), parse_shard("2/8"), parse_shard("8/8")) == ((0, 1), (1, 8), (7, 8))


@pytest.mark.parametrize(
    "parse, text, complaint",
    [
        (tags_of, " ,", "--to names no language"),
        (tags_of, "de,germn", "did you mean"),
        (parse_shard, "0/8", "write 2/8 for the second of eight"),
        (parse_shard, "9/8", "write 2/8"),
        (parse_shard, "2", "write 2/8"),
        (parse_shard, "-1/8", "write 2/8"),
    ],
)
def test_a_slip_is_told(parse, text, complaint):
    with pytest.raises(UserError, match=complaint):
        parse(text)
