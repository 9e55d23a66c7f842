import numpy as np
import pytest

from isogloss.data.sampler import BATCHES_SORTED, ByLength

LENGTHS = np.random.default_rng(0).integers(3, 90, 1003).tolist()


def test_every_example_comes_once_per_epoch_and_a_few_again_to_fill_the_last_batch():
    sampler = ByLength(LENGTHS, 16, seed=1)
    order = list(sampler)
    assert len(sampler) == len(order) == 1008
    assert sorted(order[:1003]) == list(range(1003))
    assert len(set(order[992:])) == 16, "none twice in the last batch"
    assert sorted(ByLength(LENGTHS[:32], 16, seed=1)) == list(range(32))


def test_fewer_examples_than_a_batch_are_read_in_turn():
    order = list(ByLength(LENGTHS[:3], 8, seed=1))
    assert order[:6] == order[:3] * 2 and order[6:] == order[:2]
    assert sorted(order[:3]) == [0, 1, 2]


def test_the_order_depends_on_seed_and_epoch_alone():
    sampler = ByLength(LENGTHS, 16, seed=1)
    first = list(sampler)
    assert first == list(sampler) == list(ByLength(LENGTHS, 16, seed=1))
    sampler.set_epoch(1)
    assert list(sampler) != first != list(ByLength(LENGTHS, 16, seed=2))


@pytest.mark.parametrize("batch_size", [8, 32])
def test_a_batch_holds_less_than_a_tenth_of_padding(batch_size):
    order = list(ByLength(LENGTHS, batch_size, seed=3))
    batches = [[LENGTHS[i] for i in order[at : at + batch_size]] for at in range(0, len(order), batch_size)]
    padded = sum(max(batch) * len(batch) for batch in batches)
    assert sum(LENGTHS) / padded > 0.9
    shuffled = np.random.default_rng(1).permutation(LENGTHS)
    rows = [shuffled[at : at + batch_size] for at in range(0, len(shuffled), batch_size)]
    assert sum(LENGTHS) / sum(row.max() * len(row) for row in rows) < 0.65  # what it saves


def test_batches_are_of_one_size_and_long_ones_are_not_all_together():
    order = list(ByLength(LENGTHS, 16, seed=1))
    batches = [[LENGTHS[i] for i in order[at : at + 16]] for at in range(0, len(order), 16)]
    assert [len(batch) for batch in batches] == [16] * 63
    longest = [max(batch) for batch in batches[: BATCHES_SORTED * 2]]
    assert longest != sorted(longest)


ITEMS = np.array([i % 334 for i in range(len(LENGTHS))])  # three or four examples of each


def test_an_epoch_of_items_has_one_example_of_each():
    sampler = ByLength(LENGTHS, 16, seed=1, items=ITEMS)
    assert len(sampler) == 336  # the last batch is filled up
    assert sorted(ITEMS[list(sampler)[:334]]) == list(range(334))


def test_every_example_of_an_item_is_drawn_equally_often():
    sampler, counts = ByLength(LENGTHS, 16, seed=1, items=ITEMS), np.zeros(len(LENGTHS))
    for epoch in range(600):
        sampler.set_epoch(epoch)
        np.add.at(counts, list(sampler)[:334], 1)
    shares = counts / 600 * np.bincount(ITEMS)[ITEMS]
    assert abs(shares.mean() - 1) < 1e-9 and shares.std() < 0.07  # binomial: sqrt(2 / 600) at three examples


def test_items_of_one_example_each_change_nothing():
    alone = np.random.default_rng(0).permutation(len(LENGTHS))
    drawn = [list(sampler)[: len(LENGTHS)] for sampler in (ByLength(LENGTHS, 16, 1, alone), ByLength(LENGTHS, 16, 1))]
    assert sorted(drawn[0]) == sorted(drawn[1])
