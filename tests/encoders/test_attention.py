"""Every backend computes the same attention as the reference; what cannot be had is said in one line."""

import itertools

import pytest
import torch

from isogloss.encoders import attention
from isogloss.encoders.attention import BACKENDS, CHOICE, backend
from isogloss.encoders.packing import Segments
from isogloss.errors import UserError

HEADS, SIZE = 3, 8
ON_CPU = [name for name in BACKENDS if name != "varlen"]
SHAPES = {
    "one": ((7,), (7,)),
    "equal": ((4, 4, 4), (4, 4, 4)),
    "neighbours equal": ((3, 2, 2, 1, 1, 1, 2), (3, 4, 4, 2, 2, 2, 4)),
    "unequal": ((3, 9, 1, 5), (3, 9, 1, 5)),
    "fewer queries than keys": ((1, 1, 2), (6, 3, 8)),
    "no query": ((2, 0, 3), (5, 4, 3)),
    "no key": ((2, 3, 1), (2, 0, 4)),
    "neighbours without a key": ((2, 3, 3, 1), (2, 0, 0, 4)),
}


def segments_of(queries, keys, biased=False):
    def positions(lengths):
        return torch.cat([torch.arange(length) for length in lengths])

    bias = torch.randn(sum(keys), generator=torch.Generator().manual_seed(1)) if biased else None
    return Segments(queries, keys, positions(queries), positions(keys), bias)


def rows_of(segments, gradients=False):
    random = torch.Generator().manual_seed(0)
    sizes = (sum(segments.queries), sum(segments.keys), sum(segments.keys))
    rows = [torch.randn(1, HEADS, size, SIZE, generator=random) for size in sizes]
    return [row.requires_grad_(gradients) for row in rows]


@pytest.mark.filterwarnings("ignore::UserWarning")  # flex attention is not compiled on CPUs
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [name for name in ON_CPU if name != "reference"])
def test_backends_agree_with_the_reference(name, shape, window, biased):
    if window and "key" in shape.split():
        pytest.skip("windows are for real tokens")
    segments = [segments_of(*SHAPES[shape], biased) for _ in range(2)]  # each keeps what was made of it
    expected, found = (
        BACKENDS[each](*rows_of(own), own, window, 0.0, 0.3)
        for each, own in zip(("reference", name), segments, strict=True)
    )
    torch.testing.assert_close(found, expected, atol=3e-6, rtol=0)


def test_neighbours_of_equal_length_are_read_at_once(monkeypatch):
    computed = attention.F.scaled_dot_product_attention
    calls = []
    monkeypatch.setattr(
        attention.F,
        "scaled_dot_product_attention",
        lambda q, *rest, **more: calls.append(len(q)) or computed(q, *rest, **more),
    )
    segments = segments_of(*SHAPES["neighbours equal"])
    BACKENDS["segments"](*rows_of(segments), segments, None, 0.0, 0.3)
    assert calls == [1, 2, 3, 1]


def seen_by(segments, window=None):
    """For every query the keys it sees: without scores attention is their mean, and values name the keys."""
    keys = sum(segments.keys)
    queries, values = torch.zeros(1, 1, sum(segments.queries), keys), torch.eye(keys)[None, None]
    return BACKENDS["reference"](queries, torch.zeros_like(values), values, segments, window, 0.0, 1.0)[0, 0] > 0


def test_the_window_is_measured_within_a_side_not_along_the_row():
    places = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])
    seen = seen_by(Segments((8,), (8,), places, places), window=2)
    assert seen[1].tolist() == [True, True, True, False, True, True, True, False]


def test_a_query_sees_its_own_segment_alone():
    seen = seen_by(segments_of((2, 1), (2, 2)))
    assert seen.tolist() == [[True, True, False, False]] * 2 + [[False, False, True, True]]


def test_directions_of_queries_and_keys_are_a_bias_for_a_kernel_without_one():
    biased, plain = segments_of(*SHAPES["unequal"], biased=True), segments_of(*SHAPES["unequal"])
    rows = rows_of(biased)
    expected = BACKENDS["reference"](*rows, biased, None, 0.0, 0.3)
    found = BACKENDS["reference"](*attention.with_directions(*rows, biased.bias, 0.3), plain, None, 0.0, 0.3)
    torch.testing.assert_close(found[..., :SIZE], expected, atol=3e-6, rtol=0)
    assert found.shape[-1] == 2 * SIZE and not found[..., SIZE:].any()


def test_a_bias_is_added_to_every_score_of_its_key():
    segments = segments_of((2, 1), (2, 3), biased=True)
    query, key, value = rows_of(segments)
    scores = query @ key.transpose(2, 3) * 0.3 + segments.bias
    weights = torch.cat([scores[..., :2, :2].softmax(-1).flatten(2), scores[..., 2:, 2:].softmax(-1).flatten(2)], -1)
    first, second = (
        weights[..., :4].unflatten(2, (2, 2)) @ value[..., :2, :],
        weights[..., None, 4:] @ value[..., 2:, :],
    )
    found = BACKENDS["reference"](query, key, value, segments, None, 0.0, 0.3)
    torch.testing.assert_close(found, torch.cat([first, second], 2), atol=3e-6, rtol=0)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("shape", ["unequal", "neighbours equal", "fewer queries than keys", "no query"])
@pytest.mark.parametrize("name", ["segments", "blocks"])
def test_gradients_agree_with_the_reference(name, shape, window, biased):
    gradients = []
    for each in ("reference", name):
        segments = segments_of(*SHAPES[shape], biased)
        rows = rows_of(segments, gradients=True)
        BACKENDS[each](*rows, segments, window, 0.0, 0.3).pow(2).sum().backward()
        gradients.append([row.grad for row in rows])
    for expected, found in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["segments", "blocks"])
def test_dropout_leaves_the_mean_and_changes_the_rest(name):
    segments = segments_of((5,), (5,))
    query, key, value = rows_of(segments)
    without = BACKENDS[name](query, key, value, segments, None, 0.0, 0.3)
    torch.manual_seed(0)
    drawn = torch.stack([BACKENDS[name](query, key, value, segments, None, 0.5, 0.3) for _ in range(4000)])
    assert (drawn[0] - drawn[1]).abs().max() > 1e-2
    torch.testing.assert_close(drawn.mean(0), without, atol=0.1, rtol=0)


def test_every_device_has_a_backend_for_everything(monkeypatch):
    monkeypatch.delenv(CHOICE, raising=False)
    for device, dtype, windows, dropout in itertools.product(
        ("cpu", "cuda"), (torch.float32, torch.bfloat16), (False, True), (False, True)
    ):
        assert backend(device, dtype, windows, dropout) in BACKENDS
    assert backend("cpu", torch.float32, False, True) == "segments"
    assert backend("cuda", torch.bfloat16, False, False) == "varlen"
    assert backend("cuda", torch.bfloat16, True, False) == "flex"
    assert backend("cuda", torch.bfloat16, False, True) == "blocks"


@pytest.mark.parametrize(
    ("name", "message"),
    [("segment", "no attention backend 'segment'; did you mean segments"), ("varlen", "varlen cannot be used here")],
)
def test_a_backend_asked_for_by_name_that_cannot_be_had_is_an_error(monkeypatch, name, message):
    monkeypatch.setenv(CHOICE, name)
    with pytest.raises(UserError, match=message):
        backend("cpu", torch.float32, False, False)


def test_a_backend_asked_for_by_name_is_taken(monkeypatch):
    monkeypatch.setenv(CHOICE, "reference")
    asked = []
    monkeypatch.setitem(BACKENDS, "reference", lambda query, *_: asked.append(1) or query)
    segments = segments_of((2,), (2,))
    attention.attend(*rows_of(segments), segments, window=None, dropout=0.0, scale=1.0)
    assert asked
