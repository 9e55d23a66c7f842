from dataclasses import replace

import pytest

from isogloss.errors import UserError
from isogloss.translation.few_shot_prompts import SELECTIONS, Shots, demonstrations
from isogloss.translation.pair_files import Pair
from isogloss.translation.translation_memory import TranslationMemory

MEMORY = TranslationMemory([Pair(f"house number {i} {'x' * i}", f"Haus {i}") for i in range(12)])
TEXTS = [f"house number {i}" for i in (3, 50)] + ["something else entirely"]
every_selection = pytest.mark.parametrize("selection", sorted(SELECTIONS))


def chosen(selection, texts=TEXTS, memory=MEMORY, **more):
    return demonstrations(memory, texts, Shots(count=4, selection=selection, **more))


@every_selection
def test_as_many_different_pairs_are_shown_as_asked_for_never_the_texts_own(selection):
    texts = [*TEXTS, MEMORY.pairs[0].source.upper()]
    for text, shown in zip(texts, chosen(selection, texts), strict=True):
        assert len({each.source for each in shown}) == 4
        assert text.casefold() not in [each.source for each in shown]


@every_selection
def test_what_is_shown_with_a_text_depends_on_no_other_text(selection):
    assert chosen(selection) == [chosen(selection, [text])[0] for text in TEXTS]
    assert chosen(selection, TEXTS[::-1]) == chosen(selection)[::-1]


@every_selection
def test_fewer_than_asked_for_is_an_error(selection):
    with pytest.raises(UserError, match="13 examples were asked for, the memory has 12 pairs"):
        demonstrations(MEMORY, TEXTS, Shots(count=13, selection=selection))


@every_selection
def test_a_text_may_be_its_own_example_only_if_that_is_allowed(selection):
    memory = TranslationMemory(MEMORY.pairs[:4])
    own = memory.pairs[2]
    (refused,) = chosen(selection, [own.source], memory)
    (allowed,) = chosen(selection, [own.source], memory, allow_exact=True)
    assert own.source not in [each.source for each in refused] and len(refused) == 3
    assert own.source in [each.source for each in allowed] and len(allowed) == 4


def test_fixed_examples_are_the_first_of_the_memory():
    assert [[each.target for each in shown] for shown in chosen("fixed")] == [
        ["Haus 0", "Haus 1", "Haus 2", "Haus 3"]
    ] * 3


def test_similar_examples_end_with_the_most_similar():
    for shown in chosen("similar"):
        assert [each.similarity for each in shown] == sorted(each.similarity for each in shown)
    assert chosen("similar")[0][-1].target == "Haus 3" or chosen("similar")[0][-1].similarity >= 0.9


def test_draws_differ_by_seed_and_by_text():
    draws = [chosen("random", seed=seed) for seed in (1, 2, 1)]
    assert draws[0] == draws[2] != draws[1] and draws[0][0] != draws[0][1]


def test_every_pair_is_drawn_equally_often():
    texts = [f"text {i}" for i in range(3000)]
    counts = dict.fromkeys((pair.source for pair in MEMORY.pairs), 0)
    for shown in chosen("random", texts):
        for each in shown:
            counts[each.source] += 1
    assert all(abs(count - 1000) < 130 for count in counts.values())  # five standard deviations


def test_mixed_examples_are_random_ones_before_the_most_similar_half():
    near, far = chosen("similar"), chosen("random")
    for mixed, similar, drawn in zip(chosen("mixed"), near, far, strict=True):
        assert mixed[2:] == similar[2:]
        assert all(each.similarity is None for each in mixed[:2])
        if not {each.source for each in drawn[:2]} & {each.source for each in similar[2:]}:
            assert mixed[:2] == drawn[:2]


def test_no_pair_below_the_threshold_is_called_similar_and_mixed_fills_up():
    strict = replace(Shots(count=4), at_least=0.99)
    assert demonstrations(MEMORY, TEXTS, replace(strict, selection="similar")) == [(), (), ()]
    assert [len(shown) for shown in demonstrations(MEMORY, TEXTS, replace(strict, selection="mixed"))] == [4, 4, 4]


def test_an_unknown_selection_is_told_the_nearest():
    with pytest.raises(UserError, match=r"no selection 'simlar'; did you mean similar\?"):
        chosen("simlar")
