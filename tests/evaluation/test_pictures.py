import pytest

from isogloss.evaluation.pictures import axis


@pytest.mark.parametrize(
    ("values", "ends", "step"),
    [([16, 82], (10, 90), 10), ([61.2, 63.9], (61, 64), 1), ([0, 100], (0, 100), 20), ([50, 50], (50, 51), 1)],
)
def test_an_axis_has_round_ends_around_its_values(values, ends, step):
    found = axis(values)
    assert (found.low, found.high) == ends
    assert found.step == step


@pytest.mark.parametrize("values", [[100, 100], [0, 0], [99.5, 100]])
def test_an_axis_at_the_end_of_the_scale_has_a_length(values):
    found = axis(values)
    assert found.low < found.high
    assert 0 <= float(found.x(values[0]).rstrip("%")) <= 100


def test_ticks_reach_both_ends():
    assert axis([16, 82]).ticks == [10, 20, 30, 40, 50, 60, 70, 80, 90]
