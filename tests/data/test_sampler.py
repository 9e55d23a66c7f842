import numpy as np
import pytest

from isogloss.data.sampler import BATCHES_SORTED, ByLength

LENGTHS = np.random.default_rng(0).integers(3, 90, 1003).tolist()
ITEMS = np.array([i % 334 for i in range(len(LENGTHS))])  # three or four examples of each


def batches(sampler, epoch=0):
    """The batches of an epoch as lists of example numbers."""
    return [batch.tolist() for batch in sampler.epoch(epoch)]


def read(sampler, epoch=0):
    """The example numbers of an epoch, one after another."""
    return [number for batch in batches(sampler, epoch) for number in batch]


def tokens(batch):
    return sum(LENGTHS[i] for i in batch)


def test_every_example_comes_once_per_epoch_and_a_few_again_to_fill_the_last_batch():
    sampler = ByLength(LENGTHS, 1, batch_size=16)
    order = read(sampler)
    assert len(sampler.epoch(0)) == 63 and len(order) == 1008
    assert sorted(order[:1003]) == list(range(1003))
    assert len(set(order[992:])) == 16, "none twice in the last batch"
    assert sorted(read(ByLength(LENGTHS[:32], 1, batch_size=16))) == list(range(32))


def test_fewer_examples_than_a_batch_are_read_in_turn():
    order = read(ByLength(LENGTHS[:3], 1, batch_size=8))
    assert order[:6] == order[:3] * 2 and order[6:] == order[:2]
    assert sorted(order[:3]) == [0, 1, 2]


@pytest.mark.parametrize("size", [{"batch_size": 16}, {"tokens": 700}])
def test_the_order_depends_on_seed_and_epoch_alone(size):
    sampler = ByLength(LENGTHS, 1, **size)
    first, second = batches(sampler), batches(sampler, epoch=1)
    assert first == batches(sampler) == batches(ByLength(LENGTHS, 1, **size))
    assert second == batches(ByLength(LENGTHS, 1, **size), epoch=1)
    assert second != first != batches(ByLength(LENGTHS, 2, **size))


@pytest.mark.parametrize("size", [{"batch_size": 8}, {"batch_size": 32}, {"tokens": 400}, {"tokens": 800}])
def test_a_batch_holds_less_than_a_tenth_of_padding(size):
    drawn = batches(ByLength(LENGTHS, 3, **size))
    padded = sum(max(LENGTHS[i] for i in batch) * len(batch) for batch in drawn)
    assert sum(LENGTHS) / padded > 0.9
    shuffled = np.random.default_rng(1).permutation(LENGTHS)
    rows = [shuffled[at : at + 32] for at in range(0, len(shuffled), 32)]
    assert sum(LENGTHS) / sum(row.max() * len(row) for row in rows) < 0.65  # what it saves


@pytest.mark.parametrize("size", [{"batch_size": 16}, {"tokens": 700}])
def test_long_batches_are_not_all_together(size):
    longest = [max(LENGTHS[i] for i in batch) for batch in batches(ByLength(LENGTHS, 1, **size))]
    for part in (longest[: BATCHES_SORTED * 2], longest[: BATCHES_SORTED * 2 : 2]):
        assert part != sorted(part) and part != sorted(part, reverse=True)


def test_batches_are_of_one_size():
    assert [len(batch) for batch in batches(ByLength(LENGTHS, 1, batch_size=16))] == [16] * 63


def test_batches_within_tokens_are_full_and_read_every_example_once_but_for_what_fills_the_last():
    for epoch in range(5):
        drawn = batches(ByLength(LENGTHS, 1, tokens=700), epoch)
        assert all(700 - max(LENGTHS) < tokens(batch) <= 700 for batch in drawn)
        order = [number for batch in drawn for number in batch]
        assert sorted(order[: len(LENGTHS)]) == list(range(len(LENGTHS)))
        assert len(set(drawn[-1])) == len(drawn[-1]), "none twice in the last batch"
        assert set(drawn[-1]) & set(order[: -len(drawn[-1])]) == set(order[len(LENGTHS) :])
        assert sum(LENGTHS) / 700 <= len(drawn) < sum(LENGTHS) / 700 * 1.07


def test_fewer_examples_than_fit_are_one_batch_of_each_once():
    assert sorted(read(ByLength(LENGTHS[:3], 1, tokens=4096))) == [0, 1, 2]
    assert [len(batch) for batch in ByLength(LENGTHS[:3], 1, tokens=4096).epoch(7)] == [3]


def test_thousands_of_short_texts_beside_a_long_one():
    lengths = [5] * 4000 + [512]
    drawn = batches(ByLength(lengths, 1, tokens=1024))
    (mixed,) = (batch for batch in drawn[:-1] if 4000 in batch)
    assert len(mixed) == 1 + 102
    sizes = sorted(len(batch) for batch in drawn if 4000 not in batch)
    assert sizes[0] >= 102 and sizes[1:] == [204] * (len(sizes) - 1)  # the one before the long text has half to spare
    alone = [batch for batch in batches(ByLength(lengths, 1, tokens=512)) if 4000 in batch]
    assert alone == [[4000]]


def test_a_batch_may_have_room_for_a_single_example():
    assert sorted(batches(ByLength([7] * 9, 1, tokens=7))) == [[i] for i in range(9)]


def test_an_epoch_of_items_has_one_example_of_each():
    sampler = ByLength(LENGTHS, 1, batch_size=16, items=ITEMS)
    assert len(read(sampler)) == 336  # the last batch is filled up
    assert sorted(ITEMS[read(sampler)[:334]]) == list(range(334))
    assert sorted(ITEMS[read(ByLength(LENGTHS, 1, tokens=700, items=ITEMS))[:334]]) == list(range(334))


def test_every_example_of_an_item_is_drawn_equally_often():
    sampler, counts = ByLength(LENGTHS, 1, batch_size=16, items=ITEMS), np.zeros(len(LENGTHS))
    for epoch in range(600):
        np.add.at(counts, read(sampler, epoch)[:334], 1)
    shares = counts / 600 * np.bincount(ITEMS)[ITEMS]
    assert abs(shares.mean() - 1) < 1e-9 and shares.std() < 0.07  # binomial: sqrt(2 / 600) at three examples


def test_items_of_one_example_each_change_nothing():
    alone = np.random.default_rng(0).permutation(len(LENGTHS))
    samplers = ByLength(LENGTHS, 1, batch_size=16, items=alone), ByLength(LENGTHS, 1, batch_size=16)
    drawn = [read(sampler)[: len(LENGTHS)] for sampler in samplers]
    assert sorted(drawn[0]) == sorted(drawn[1])
