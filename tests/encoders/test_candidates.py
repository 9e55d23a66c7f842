"""A row of candidates is read as the plain encoder reads it under one dense mask, whatever the mask."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from isogloss.encoders.attention import BACKENDS, CHOICE
from isogloss.encoders.candidates import MASKS, encode_candidates, keys_read, pack_candidates
from isogloss.encoders.visibility import encode, first_position, prepare

LAYERS = 4
TOLERANCE = {"atol": 3e-6, "rtol": 0}
sizes = st.lists(
    st.tuples(st.integers(1, 9), st.lists(st.integers(1, 6), min_size=1, max_size=4)), min_size=1, max_size=3
)
schedules = st.sampled_from([(0, 1, 2, 3), (), (3,), (0,), (1, 2), (2, 3), (0, 3)])
property_test = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def dense_attention(module, query, key, value, mask, *, seen, places, scaling, sliding_window=None, **_):
    """Attention by its formula, under one mask (T, T) for each layer."""
    allowed = seen[module.layer_idx]
    if sliding_window is not None:
        allowed = allowed & ((places[:, None] - places).abs() < sliding_window)
    weights = (query @ key.transpose(2, 3) * scaling).masked_fill(~allowed, -torch.inf).softmax(-1)
    return (weights @ value).transpose(1, 2), None


AttentionInterface.register("dense_test", dense_attention)
AttentionMaskInterface.register("dense_test", sdpa_mask)


@pytest.fixture(scope="module", params=["xlm-roberta", "bert", "modernbert"])
def pair_of_encoders(request, make_encoder):
    """The same weights twice: read under dense masks, and prepared for visibility."""
    dense = make_encoder(request.param)
    dense.set_attn_implementation("dense_test")
    return dense, prepare(make_encoder(request.param))


def pools_of(sizes, seed=0):
    random = torch.Generator().manual_seed(seed)

    def text(length):
        return torch.randint(5, 90, (length,), generator=random)

    return [(text(context), [text(length) for length in candidates]) for context, candidates in sizes]


def sees(mask, own, other):
    """Whether a token of one text of a context (0 is the context itself) sees those of another."""
    return {
        "one_way": other in (0, own),
        "arrow": other in (0, own) or own == 0,
        "square": True,
        "diag": own == other,
    }[mask]


def read_densely(encoder, pools, mask, fused):
    """The last states of all tokens, contexts and candidates in the order of the row."""
    texts = [
        (number, place, text) for number, (context, cs) in enumerate(pools) for place, text in enumerate([context, *cs])
    ]
    tokens = [(number, side) for number, side, text in texts for _ in text]

    def table(name):
        return torch.tensor([[a == b and sees(name, own, other) for b, other in tokens] for a, own in tokens])

    seen = [table(mask if layer in fused else "diag") for layer in range(LAYERS)]
    places = torch.cat(
        [torch.arange(len(text)) + (len(pools[number][0]) if side else 0) for number, side, text in texts]
    )
    types = torch.tensor([min(side, 1) for _, side in tokens])
    more = {"token_type_ids": types[None]} if getattr(encoder.config, "type_vocab_size", 0) > 1 else {}
    made = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    ids = torch.cat([text for *_, text in texts])[None]
    first = first_position(encoder)
    return encoder(
        input_ids=ids, attention_mask=made, position_ids=places[None] + first, seen=seen, places=places, **more
    ).last_hidden_state[0], types


def everything(pools):
    return [torch.ones(len(text), dtype=torch.bool) for context, candidates in pools for text in (context, *candidates)]


@given(sizes, st.sampled_from(sorted(MASKS)), schedules, st.integers(0, 99))
@property_test
def test_a_row_is_read_as_under_a_dense_mask(pair_of_encoders, sizes, mask, fused, seed):
    (dense, encoder), pools = pair_of_encoders, pools_of(sizes, seed)
    with torch.inference_mode():
        expected, types = read_densely(dense, pools, mask, fused)
        _, every = encode_candidates(encoder, pools, mask, fused, wanted=everything(pools))
        _, candidates = encode_candidates(encoder, pools, mask, fused)
    torch.testing.assert_close(every, expected, **TOLERANCE)
    torch.testing.assert_close(candidates, expected[types > 0], **TOLERANCE)


@given(sizes, st.sampled_from(sorted(MASKS)), schedules, st.integers(0, 99))
@property_test
def test_states_that_are_wanted_do_not_depend_on_what_else_is(pair_of_encoders, sizes, mask, fused, seed):
    encoder, pools = pair_of_encoders[1], pools_of(sizes)
    random = torch.Generator().manual_seed(seed)
    some = [torch.rand(len(every), generator=random) < 0.4 for every in everything(pools)]
    some[0][0] = True
    with torch.inference_mode():
        packed, every = encode_candidates(encoder, pools, mask, fused, wanted=everything(pools))
        fewer, found = encode_candidates(encoder, pools, mask, fused, wanted=some)
    chosen = torch.cat(some)
    torch.testing.assert_close(found, every[chosen], **TOLERANCE)
    assert fewer.places.tolist() == packed.places[chosen].tolist()


@pytest.mark.filterwarnings("ignore::UserWarning")  # flex attention is not compiled on CPUs
@pytest.mark.parametrize("mask", sorted(MASKS))
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in ("varlen", "segments")])
def test_every_backend_reads_candidates_alike(pair_of_encoders, monkeypatch, backend, mask):
    encoder, pools = pair_of_encoders[1], pools_of([(7, [3, 3, 5]), (1, [1]), (9, [2, 6])])
    found = []
    for name in ("segments", backend):
        monkeypatch.setenv(CHOICE, name)
        with torch.inference_mode():
            found.append(encode_candidates(encoder, pools, mask, (1, 2, 3))[1])
    torch.testing.assert_close(found[1], found[0], **TOLERANCE)


@pytest.mark.parametrize("fused", [(0, 1, 2, 3), (1, 2)])
@pytest.mark.parametrize("mask", sorted(MASKS))
def test_gradients_are_those_under_the_dense_mask(make_encoder, mask, fused):
    encoders = make_encoder().double(), prepare(make_encoder().double())
    encoders[0].set_attn_implementation("dense_test")
    pools = pools_of([(5, [3, 3]), (2, [4])])
    states, types = read_densely(encoders[0], pools, mask, fused)
    (states[types > 0] ** 3).sum().backward()
    (encode_candidates(encoders[1], pools, mask, fused)[1] ** 3).sum().backward()
    for (name, expected), found in zip(encoders[0].named_parameters(), encoders[1].parameters(), strict=True):
        if not name.startswith("pooler"):
            torch.testing.assert_close(found.grad, expected.grad, msg=name)


@pytest.mark.parametrize("mask", ["one_way", "arrow", "square"])
def test_one_candidate_is_read_like_the_rest_of_one_text_if_the_context_sees_it(pair_of_encoders, mask):
    encoder = pair_of_encoders[1]
    if encoder.config.model_type == "bert":
        pytest.skip("its second text has another token type")
    ((context, (candidate,)),) = pools = pools_of([(6, [4])])
    whole = torch.cat([context, candidate])[None]
    with torch.inference_mode():
        joined = encode(encoder, [(whole, torch.ones_like(whole))])[0][0, len(context) :]
        found = encode_candidates(encoder, pools, mask)[1]
    assert torch.allclose(found, joined, **TOLERANCE) == (mask != "one_way")


def test_no_candidate_changes_another_under_the_one_way_mask(pair_of_encoders):
    encoder = pair_of_encoders[1]
    ((context, candidates),) = pools_of([(8, [3, 5, 2, 4])])

    def states(*chosen, mask="one_way"):
        own = [candidates[i] for i in chosen]
        with torch.inference_mode():
            packed, found = encode_candidates(encoder, [(context, own)], mask)
        return dict(zip(chosen, packed.padded(found)[0][1:], strict=True))

    every, alone = states(0, 1, 2, 3), states(2)
    torch.testing.assert_close(every[2][:2], alone[2][:2], **TOLERANCE)
    assert (states(0, 1, 2, 3, mask="arrow")[2][:2] - states(2, mask="arrow")[2][:2]).abs().max() > 1e-3
    for mask in MASKS:  # the places of candidates in a row mean nothing
        turned, before = states(3, 0, 2, 1, mask=mask), states(0, 1, 2, 3, mask=mask)
        for i in range(4):
            torch.testing.assert_close(turned[i], before[i], **TOLERANCE)


def tokens_by_layer(pools, mask, fused, **more):
    packed = pack_candidates(pools, LAYERS, mask, fused, **more)
    return [(sum(layer.segments.queries), sum(layer.segments.keys)) for layer in packed.layers]


def test_a_context_is_computed_once_and_leaves_when_nobody_reads_it():
    pools = pools_of([(10, [2, 3])])
    assert tokens_by_layer(pools, "one_way", range(4)) == [(15, 35), (15, 35), (15, 35), (5, 25)]
    assert tokens_by_layer(pools, "arrow", range(4)) == [(15, 40), (15, 40), (15, 40), (5, 25)]
    assert tokens_by_layer(pools, "square", range(4)) == [(15, 15), (15, 15), (15, 15), (5, 15)]
    assert tokens_by_layer(pools, "one_way", (1, 2)) == [(15, 15), (15, 35), (5, 25), (5, 5)]
    assert tokens_by_layer(pools, "diag", range(4)) == [(15, 15), (15, 15), (15, 15), (5, 5)]
    assert tokens_by_layer(pools, "one_way", ()) == [(5, 5)] * 4  # the context is not even embedded


@given(sizes, st.sampled_from(sorted(MASKS)))
@property_test
def test_the_keys_of_a_pool_are_counted_before_it_is_read(sizes, mask):
    found = tokens_by_layer(pools_of(sizes), mask, range(LAYERS))
    assert found[0][1] == sum(keys_read(context, candidates, mask) for context, candidates in sizes)
