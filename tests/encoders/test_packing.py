"""Packing is exact: for random lengths, schedules and depths a packed batch is read as each of its texts would be."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss.encoders.packing import pack
from isogloss.encoders.visibility import encode, encode_packed, first_position, prepare, read_packed

LAYERS = 4
TOLERANCE = {"atol": 3e-6, "rtol": 0}
lengths = st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=1, max_size=5)


@pytest.fixture(scope="module", params=["xlm-roberta", "modernbert"])
def encoder(request, make_encoder):
    return prepare(make_encoder(request.param))


def sides_of(lengths, seed=0):
    """Random texts, padded on the right to the longest of their side; the first side is never empty."""
    random = torch.Generator().manual_seed(seed)
    sides = []
    for number in range(len(lengths[0])):
        counts = [max(row[number], number == 0) for row in lengths]
        mask = torch.arange(max(*counts, 1)) < torch.tensor(counts)[:, None]
        ids = torch.randint(5, 90, mask.shape, generator=random)
        sides.append((torch.where(mask, ids, 1), mask.long()))
    return sides


def one(sides, row):
    return [(ids[row : row + 1], mask[row : row + 1]) for ids, mask in sides]


@given(lengths, st.integers(0, LAYERS), st.integers(0, LAYERS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_s_composition_never_changes_a_state(encoder, lengths, m, k):
    sides, fused = sides_of(lengths), range(m, min(m + k, LAYERS))
    with torch.inference_mode():
        together = encode(encoder, sides, fused)
        for row in range(len(lengths)):
            alone = encode(encoder, one(sides, row), fused)
            for states, single, (_, mask) in zip(together, alone, sides, strict=True):
                real = mask[row].bool()
                torch.testing.assert_close(states[row, real], single[0, real], **TOLERANCE)


@given(lengths, st.integers(0, LAYERS), st.integers(0, LAYERS), st.integers(0, 99))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_states_that_are_wanted_do_not_depend_on_what_else_is(encoder, lengths, m, k, seed):
    sides, fused = sides_of(lengths), range(m, min(m + k, LAYERS))
    random = torch.Generator().manual_seed(seed)
    some = [torch.rand(mask.shape, generator=random) < 0.3 for _, mask in sides]
    first_side = [torch.ones_like(some[0]), torch.zeros_like(some[1])]
    with torch.inference_mode():
        everything = encode(encoder, sides, fused)
        for wanted in (some, first_side):
            found = encode(encoder, sides, fused, wanted=wanted)
            for states, expected, asked, (_, mask) in zip(found, everything, wanted, sides, strict=True):
                there = asked & mask.bool()
                torch.testing.assert_close(states[there], expected[there], **TOLERANCE)
                assert not states[~there].any()


@pytest.mark.parametrize("fused", [(), (0,), (1, 2), (3,), (2, 3)])
@pytest.mark.parametrize("architecture", ["xlm-roberta", "modernbert"])
def test_gradients_do_not_depend_on_what_is_left_out(make_encoder, architecture, fused):
    encoder = prepare(make_encoder(architecture)).double()
    sides = sides_of([[5, 3], [2, 7]])
    wanted = [mask.cumsum(1) == 1 for _, mask in sides]
    wanted[1][:] = False
    gradients = []
    for narrow in (wanted, None):
        encoder.zero_grad()
        states = encode(encoder, sides, fused, wanted=narrow)[0][:, 0]
        (states**3).sum().backward()
        gradients.append({name: p.grad for name, p in encoder.named_parameters() if p.grad is not None})
    left_out, everything = gradients
    for name, gradient in everything.items():
        left = left_out.get(name, torch.zeros((), dtype=torch.float64))
        torch.testing.assert_close(left.expand_as(gradient), gradient)


def tokens_by_layer(packed):
    return [sum(layer.segments.queries) for layer in packed.layers]


def test_no_layer_reads_padding_nor_a_side_that_nobody_reads():
    sides = sides_of([[5, 3], [2, 7]])
    first = [torch.ones_like(sides[0][0]), torch.zeros_like(sides[1][0])]
    beginning = [torch.zeros_like(sides[0][0]), torch.zeros_like(sides[1][0])]
    beginning[0][:, 0] = 1
    assert tokens_by_layer(pack(sides, (1, 2), 4)) == [17, 17, 17, 17]
    assert tokens_by_layer(pack(sides, (1, 2), 4, wanted=first)) == [17, 17, 7, 7]  # the last fused layer: keys only
    assert tokens_by_layer(pack(sides, (1, 2), 4, wanted=beginning)) == [17, 17, 7, 2]
    assert tokens_by_layer(pack(sides, (2, 3), 4, wanted=beginning)) == [17, 17, 17, 2]
    assert tokens_by_layer(pack(sides, (), 4, wanted=beginning)) == [7, 7, 7, 2]  # translations are not even embedded


def test_equal_translations_are_read_once_up_to_the_first_fused_layer(encoder):
    (ids, mask), (other, other_mask) = sides_of([[5, 3], [2, 3], [4, 3], [6, 2]])
    other[:3] = other[0]  # one English text beside three
    sides = [(ids, mask), (other, other_mask)]
    assert tokens_by_layer(pack(sides, (2,), 4)) == [28, 28, 28, 28]
    assert tokens_by_layer(pack(sides, (2,), 4, shared=True)) == [22, 22, 28, 28]
    assert tokens_by_layer(pack(sides, (0, 1), 4, shared=True)) == [28, 28, 28, 28]
    some = [torch.ones_like(mask), torch.zeros_like(other_mask)]
    some[0][0] = 0  # the first of the three is not asked about
    for wanted in (None, some):
        with torch.inference_mode():
            once = encode(encoder, sides, (1, 2), wanted=wanted)
        packed = pack(sides, (1, 2), LAYERS, first_position=first_position(encoder), wanted=wanted)
        with torch.inference_mode():
            each = packed.padded(read_packed(encoder, packed)[0])
        for states, expected in zip(once, each, strict=True):
            torch.testing.assert_close(states, expected, **TOLERANCE)


def test_an_example_that_nobody_asks_about_is_not_read():
    sides = sides_of([[5, 3], [2, 7]])
    wanted = [torch.tensor([[True] * 5, [False] * 5]), torch.zeros(2, 7, dtype=torch.bool)]
    assert pack(sides, (1,), 4, wanted=wanted).input_ids.shape == (1, 8)


def test_states_stand_where_their_tokens_stood(encoder):
    sides = sides_of([[5, 3], [2, 7], [4, 0]])
    packed, states = encode_packed(encoder, sides, (1,))
    for side, (_, mask) in zip(packed.padded(states), sides, strict=True):
        assert side.shape[:2] == mask.shape
        assert (side.abs().sum(-1) > 0).equal(mask.bool())


@pytest.mark.parametrize("further", [True, False])
def test_layers_that_are_computed_again_read_no_more_and_give_the_same_gradients(make_encoder, further):
    sides = sides_of([[5, 3], [2, 7]])
    wanted = [sides[0][1].cumsum(1) == 1, (sides[1][1].cumsum(1) == 1) & further]
    gradients, read = [], []
    for checkpointing in (False, True):
        encoder = prepare(make_encoder("xlm-roberta")).double()
        for module in encoder.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        if checkpointing:
            encoder.activation_checkpointing_enable({"use_reentrant": False})
        encoder.train()
        rows = []
        for layer in encoder.encoder.layer:
            layer.intermediate.register_forward_hook(lambda _, given, __, rows=rows: rows.append(given[0].shape[1]))
        states = encode(encoder, sides, (1,), wanted=wanted)
        read.append(rows[:])
        sum(side.pow(3).sum() for side in states).backward()
        assert len(rows) == LAYERS * (1 + checkpointing)  # computed again indeed
        gradients.append([p.grad for p in encoder.parameters() if p.grad is not None])
    assert read[0] == read[1] == [17, 17 if further else 7, *[17 if further else 7] * (LAYERS - 3), 4 if further else 2]
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


def test_preparing_twice_changes_nothing(make_encoder):
    sides = sides_of([[5, 3], [2, 7]])
    wanted = [mask.cumsum(1) == 1 for _, mask in sides]
    encoder = prepare(make_encoder("xlm-roberta"))
    with torch.inference_mode():
        once = encode(encoder, sides, (1,), wanted=wanted)
        twice = encode(prepare(encoder), sides, (1,), wanted=wanted)
    for before, after in zip(once, twice, strict=True):
        torch.testing.assert_close(after, before, atol=0, rtol=0)
