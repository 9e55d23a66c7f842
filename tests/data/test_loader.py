"""The share of one process: which examples, in which micro-batches, with which weight, and what is read for them."""

import numpy as np
import pytest
import torch

from isogloss.data.loader import (
    WEIGHT,
    MicroBatches,
    divided,
    lengths_of,
    require_shares,
    token_counts,
    training_loader,
)
from isogloss.data.on_disk import OnDisk
from isogloss.data.sampler import ByLength
from isogloss.errors import UserError

LENGTHS = np.random.default_rng(0).integers(3, 90, 203)
SIZES = ({"batch_size": 12}, {"tokens": 700})


class Examples:
    """Numbers of tokens as examples, and which of them were asked for."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return len(LENGTHS)

    def __getitem__(self, i):
        self.asked.append(i)
        return np.full(LENGTHS[i], i)


def collate(examples):
    """A batch of example numbers."""
    return {"numbers": torch.tensor([int(example[0]) for example in examples])}


def micro_batches(size, updates=9, first=0, accumulate=1, process=0, processes=1):
    sampler = ByLength(LENGTHS, 1, **size)
    return MicroBatches(
        sampler, updates=updates, first=first, accumulate=accumulate, process=process, processes=processes
    )


def updates_of(size, accumulate=1, processes=1, **given):
    """The micro-batches of every update, those of all processes together."""
    dealt = [
        list(micro_batches(size, accumulate=accumulate, process=process, processes=processes, **given))
        for process in range(processes)
    ]
    assert len({len(mine) for mine in dealt}) == 1, "every process has the same number"
    return [
        [found for mine in dealt for found in mine[at : at + accumulate]] for at in range(0, len(dealt[0]), accumulate)
    ]


def examples_of(update):
    return sorted(number for found in update for number in found.numbers)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("accumulate", "processes"), [(1, 2), (2, 1), (3, 1), (2, 2)])
def test_all_processes_and_micro_batches_of_an_update_together_read_what_one_reads(size, accumulate, processes):
    whole = updates_of(size, updates=50)
    parts = updates_of(size, accumulate=accumulate, processes=processes, updates=50)
    assert len(whole) == len(parts) == 50  # several epochs
    assert [examples_of(update) for update in parts] == [examples_of(update) for update in whole]
    assert all(found.numbers for update in parts for found in update), "none is empty"


def test_shares_of_so_many_examples_are_equal_and_weigh_the_same():
    for update in updates_of({"batch_size": 12}, accumulate=2, processes=2):
        assert [(len(found.numbers), found.weight) for found in update] == [(3, 1.0)] * 4


def test_shares_of_so_many_tokens_have_about_the_same_number_of_them():
    for update in updates_of({"tokens": 700}, accumulate=2, processes=2, updates=50):
        tokens = [LENGTHS[found.numbers].sum() for found in update]
        assert max(tokens) - min(tokens) <= LENGTHS[examples_of(update)].max()


def test_the_weighted_mean_over_micro_batches_is_the_mean_over_all_examples_of_an_update():
    losses, uneven = np.random.default_rng(1).random(len(LENGTHS)), 0
    for update in updates_of({"tokens": 700}, accumulate=2, processes=2, updates=50):
        uneven += len({len(found.numbers) for found in update}) > 1
        mean = np.mean([found.weight * losses[found.numbers].mean() for found in update])
        assert mean == pytest.approx(losses[examples_of(update)].mean(), rel=1e-12)
    assert uneven > 25


def test_a_long_text_is_set_against_many_short_ones():
    lengths = np.array([5] * 102 + [512])
    shares = divided(np.arange(103), lengths, 2)
    assert sorted(len(share) for share in shares) == [1, 102]
    assert sorted(np.concatenate(shares)) == list(range(103))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("first", [1, 5, 31, 49])
def test_a_training_that_goes_on_reads_the_very_next_batch_and_nothing_before_it(size, first):
    straight, resumed = micro_batches(size, updates=50), micro_batches(size, updates=50, first=first)
    assert list(resumed) == list(straight)[first:]
    examples = Examples()
    found = list(training_loader(examples, collate, resumed, workers=0, pin_memory=False))
    assert examples.asked == [number for each in list(straight)[first:] for number in each.numbers]
    assert [batch["numbers"].tolist() for batch in found] == [each.numbers for each in resumed]


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_makes_the_same_batches_in_the_same_order(workers, capfd, recwarn):
    def batches(workers):
        loader = training_loader(
            Examples(), collate, micro_batches({"tokens": 700}, updates=12), workers=workers, pin_memory=False
        )
        return [(batch["numbers"].tolist(), batch[WEIGHT]) for batch in loader]

    assert batches(workers) == batches(0)
    assert capfd.readouterr().err == "" and not recwarn.list


def test_a_loader_draws_no_random_number_that_dropout_would_have_drawn():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    next(iter(training_loader(Examples(), collate, micro_batches(SIZES[0]), workers=0, pin_memory=False)))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_batch_is_read_when_it_is_asked_for():
    examples = Examples()
    loader = iter(training_loader(examples, collate, micro_batches({"batch_size": 12}), workers=0, pin_memory=False))
    next(loader)
    assert len(examples.asked) == 12


def test_tokens_are_counted_where_they_are_not_known(capsys):
    texts = [list("four"), list("letters"), list("or"), list("seven")]
    bytes_, places = np.array([9, 19, 9, 9]), np.arange(4)
    by_bytes = OnDisk(texts.__getitem__, places, bytes_, frozenset())
    assert lengths_of(by_bytes).tolist() == [9, 19, 9, 9] and lengths_of(texts).tolist() == [4, 7, 2, 5]
    assert lengths_of([1, 2]).tolist() == [1, 1]
    assert token_counts(texts).tolist() == token_counts(by_bytes).tolist() == [4, 7, 2, 5]
    assert capsys.readouterr().err == "tokens_per_batch: counting the tokens of 4 examples on disk\n"
    known = OnDisk(pytest.fail, places, np.array([4, 7, 2, 5]), frozenset(), in_tokens=True)
    for derived in (known, known.map(pytest.fail), known.numbered([4, 3, 2, 1]), known.chosen(places)):
        assert token_counts(derived).tolist() == [4, 7, 2, 5]
    assert capsys.readouterr().err == ""


class Named(list):
    key = "de/17/0"


@pytest.mark.parametrize(
    ("tokens", "shares", "complaint"),
    [
        (29, (1, 1), "tokens_per_batch = 29: example de/17/0 has 30 tokens on all its sides; set it to 30 or more, or"),
        (
            100,
            (2, 2),
            "tokens_per_batch = 100; 25 for each over 2 processes x 2 micro-batches: example de/17/0 has 30 tokens on "
            "all its sides; set it to 120 or more, or lower max_length (of a translator: longest)",
        ),
        (300, (5, 2), "9 examples cannot be divided over 5 processes x 2 micro-batches; use fewer of them"),
    ],
)
def test_a_budget_without_room_for_an_example_in_every_share_is_one_line(tokens, shares, complaint):
    examples = [Named(range(length)) for length in (5, 5, 30, 5, 5, 5, 5, 5, 5)]
    with pytest.raises(UserError) as caught:
        require_shares(examples, ByLength(token_counts(examples), 1, tokens=tokens), *shares)
    assert complaint in str(caught.value) and "\n" not in str(caught.value)
    require_shares(examples, ByLength(token_counts(examples), 1, tokens=60), 2, 1)
