"""A row of candidates is read as the plain encoder reads it under one dense mask, whatever the mask."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from isogloss.encoders.attention import BACKENDS, CHOICE
from isogloss.encoders.candidates import MASKS, encode_candidates, keys_read, pack_candidates, text_means
from isogloss.encoders.visibility import encode, first_position, prepare

LAYERS = 4
TOLERANCE = {"atol": 3e-6, "rtol": 0}
sizes = st.lists(
    st.tuples(st.integers(1, 9), st.lists(st.integers(1, 6), min_size=1, max_size=4)), min_size=1, max_size=3
)
schedules = st.sampled_from([(0, 1, 2, 3), (), (3,), (0,), (1, 2), (2, 3), (0, 3)])
property_test = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def dense_attention(module, query, key, value, mask, *, seen, places, scaling, sliding_window=None, **_):
    """Attention by its formula, with what each token counts for each, (T, T), in every layer."""
    counts = seen[module.layer_idx].to(query.dtype)
    if sliding_window is not None:
        counts = counts * ((places[:, None] - places).abs() < sliding_window)
    weights = (query @ key.transpose(2, 3) * scaling + counts.log()).softmax(-1)
    return (weights @ value).transpose(1, 2), None


AttentionInterface.register("dense_test", dense_attention)
AttentionMaskInterface.register("dense_test", sdpa_mask)


@pytest.fixture(scope="module", params=["xlm-roberta", "bert", "modernbert"])
def pair_of_encoders(request, make_encoder):
    """The same weights twice: read under dense masks, and prepared for visibility."""
    dense = make_encoder(request.param)
    dense.set_attn_implementation("dense_test")
    return dense, prepare(make_encoder(request.param))


def texts_of(sizes, seed=0):
    """Random texts of contexts and candidates of these lengths, end to end, and the lengths."""
    lengths = [(context, *candidates) for context, candidates in sizes]
    random = torch.Generator().manual_seed(seed)
    return torch.randint(5, 90, (sum(map(sum, lengths)),), generator=random), lengths


def counts(mask, own, other, weight):
    """What the tokens of a text count for those of one text of a context (0 is the context itself)."""
    if own == other:
        return 1.0
    return {"one_way": weight * (other == 0), "arrow": weight * (0 in (own, other)), "square": 1.0, "diag": 0.0}[mask]


def read_densely(encoder, ids, lengths, mask, fused, weight=1.0):
    """The last states of all tokens, and which of them are candidates'."""
    texts = [
        (pool, text, each[0] if text else 0, own) for pool, each in enumerate(lengths) for text, own in enumerate(each)
    ]
    tokens = [(pool, text) for pool, text, _, length in texts for _ in range(length)]

    def table(name):
        return torch.tensor([[(a == b) * counts(name, own, other, weight) for b, other in tokens] for a, own in tokens])

    places = torch.cat([torch.arange(length) + start for *_, start, length in texts])
    types = torch.tensor([min(text, 1) for _, text in tokens])
    output = encoder(
        input_ids=ids[None],
        attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.bool),
        position_ids=places[None] + first_position(encoder),
        seen=[table(mask if layer in fused else "diag") for layer in range(LAYERS)],
        places=places,
        **({"token_type_ids": types[None]} if getattr(encoder.config, "type_vocab_size", 0) > 1 else {}),
    )
    return output.last_hidden_state[0], types > 0


@given(sizes, st.sampled_from(sorted(MASKS)), schedules, st.sampled_from([1.0, 0.02, 3.0]), st.integers(0, 99))
@property_test
def test_a_row_is_read_as_under_a_dense_mask(pair_of_encoders, sizes, mask, fused, weight, seed):
    (dense, encoder), (ids, lengths) = pair_of_encoders, texts_of(sizes, seed)
    how = {"mask": mask, "fused_layers": fused, "cross_weight": weight}
    with torch.inference_mode():
        expected, candidate = read_densely(dense, ids, lengths, mask, fused, weight)
        _, every = encode_candidates(encoder, ids, lengths, **how, wanted=torch.ones_like(candidate))
        packed, candidates = encode_candidates(encoder, ids, lengths, **how)
    torch.testing.assert_close(every, expected, **TOLERANCE)
    torch.testing.assert_close(candidates, expected[candidate], **TOLERANCE)
    means = [x.mean(0) for x in expected.split([length for each in lengths for length in each])]
    read = [text > 0 for each in lengths for text in range(len(each))]
    expected = torch.stack(means) * torch.tensor(read)[:, None]
    torch.testing.assert_close(text_means(packed, candidates, lengths), expected, **TOLERANCE)


@given(sizes, st.sampled_from(sorted(MASKS)), schedules, st.integers(0, 99))
@property_test
def test_states_that_are_wanted_do_not_depend_on_what_else_is(pair_of_encoders, sizes, mask, fused, seed):
    encoder, (ids, lengths) = pair_of_encoders[1], texts_of(sizes)
    some = torch.rand(len(ids), generator=torch.Generator().manual_seed(seed)) < 0.4
    some[0] = True
    with torch.inference_mode():
        _, every = encode_candidates(encoder, ids, lengths, mask, fused, wanted=torch.ones_like(some))
        packed, found = encode_candidates(encoder, ids, lengths, mask, fused, wanted=some)
    torch.testing.assert_close(found, every[some], **TOLERANCE)
    assert packed.places.equal(some.nonzero()[:, 0])
    assert packed.padded(found)[0][0].abs().sum(1).gt(0).equal(some)


@pytest.mark.filterwarnings("ignore::UserWarning")  # flex attention is not compiled on CPUs
@pytest.mark.parametrize("weight", [1.0, 0.02])
@pytest.mark.parametrize("mask", sorted(MASKS))
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in ("varlen", "segments")])
def test_every_backend_reads_candidates_alike(pair_of_encoders, monkeypatch, backend, mask, weight):
    encoder, (ids, lengths) = pair_of_encoders[1], texts_of([(7, [3, 3, 5]), (1, [1]), (9, [2, 6])])
    found = []
    for name in ("segments", backend):
        monkeypatch.setenv(CHOICE, name)
        with torch.inference_mode():
            found.append(encode_candidates(encoder, ids, lengths, mask, (1, 2, 3), cross_weight=weight)[1])
    torch.testing.assert_close(found[1], found[0], **TOLERANCE)


@pytest.mark.parametrize(("fused", "weight"), [((0, 1, 2, 3), 1.0), ((1, 2), 1.0), ((1, 2, 3), 0.02)])
@pytest.mark.parametrize("mask", sorted(MASKS))
def test_gradients_are_those_under_the_dense_mask(make_encoder, mask, fused, weight):
    encoders = make_encoder().double(), prepare(make_encoder().double())
    encoders[0].set_attn_implementation("dense_test")
    ids, lengths = texts_of([(5, [3, 3]), (2, [4])])
    states, candidate = read_densely(encoders[0], ids, lengths, mask, fused, weight)
    (states[candidate] ** 3).sum().backward()
    (encode_candidates(encoders[1], ids, lengths, mask, fused, cross_weight=weight)[1] ** 3).sum().backward()
    for (name, expected), found in zip(encoders[0].named_parameters(), encoders[1].parameters(), strict=True):
        if not name.startswith("pooler"):
            torch.testing.assert_close(found.grad, expected.grad)


@pytest.mark.parametrize("mask", ["one_way", "arrow"])
def test_the_less_another_text_counts_the_more_each_is_read_alone(pair_of_encoders, mask):
    encoder, (ids, lengths) = pair_of_encoders[1], texts_of([(7, [3, 3, 5]), (2, [4])])
    with torch.inference_mode():
        alone = encode_candidates(encoder, ids, lengths, "diag")[1]
        apart = [
            (encode_candidates(encoder, ids, lengths, mask, cross_weight=weight)[1] - alone).abs().max().item()
            for weight in (1.0, 0.1, 0.01, 1e-9)
        ]
    assert apart == sorted(apart, reverse=True) and apart[0] > 10 * apart[2] and apart[3] < 1e-6


@pytest.mark.parametrize("mask", ["one_way", "arrow", "square"])
def test_one_candidate_is_read_like_the_rest_of_one_text_if_the_context_sees_it(pair_of_encoders, mask):
    encoder = pair_of_encoders[1]
    if encoder.config.model_type == "bert":
        pytest.skip("its second text has another token type")
    ids, lengths = texts_of([(6, [4])])
    with torch.inference_mode():
        joined = encode(encoder, [(ids[None], torch.ones_like(ids[None]))])[0][0, 6:]
        found = encode_candidates(encoder, ids, lengths, mask)[1]
    assert torch.allclose(found, joined, **TOLERANCE) == (mask != "one_way")


def test_no_candidate_changes_another_under_the_one_way_mask(pair_of_encoders):
    encoder = pair_of_encoders[1]
    context, *candidates = texts_of([(8, [3, 5, 2, 4])])[0].split([8, 3, 5, 2, 4])

    def means(*chosen, mask="one_way"):
        texts = [context, *(candidates[i] for i in chosen)]
        lengths = [[len(text) for text in texts]]
        with torch.inference_mode():
            found = text_means(*encode_candidates(encoder, torch.cat(texts), lengths, mask), lengths)
        return dict(zip(chosen, found[1:], strict=True))

    torch.testing.assert_close(means(0, 1, 2, 3)[2], means(2)[2], **TOLERANCE)
    assert (means(0, 1, 2, 3, mask="arrow")[2] - means(2, mask="arrow")[2]).abs().max() > 1e-3
    for mask in MASKS:  # a candidate's place in the row means nothing
        turned, before = means(3, 0, 2, 1, mask=mask), means(0, 1, 2, 3, mask=mask)
        for i in range(4):
            torch.testing.assert_close(turned[i], before[i], **TOLERANCE)


def tokens_by_layer(sizes, mask, fused):
    packed = pack_candidates(*texts_of(sizes), LAYERS, mask, fused)
    return [(sum(layer.segments.queries), sum(layer.segments.keys)) for layer in packed.layers]


def test_a_context_is_computed_once_and_leaves_when_nobody_reads_it():
    pool = [(10, [2, 3])]
    assert tokens_by_layer(pool, "one_way", range(4)) == [(15, 35), (15, 35), (15, 35), (5, 25)]
    assert tokens_by_layer(pool, "arrow", range(4)) == [(15, 40), (15, 40), (15, 40), (5, 25)]
    assert tokens_by_layer(pool, "square", range(4)) == [(15, 15), (15, 15), (15, 15), (5, 15)]
    assert tokens_by_layer(pool, "one_way", (1, 2)) == [(15, 15), (15, 35), (5, 25), (5, 5)]
    assert tokens_by_layer(pool, "diag", range(4)) == [(15, 15), (15, 15), (15, 15), (5, 5)]
    assert tokens_by_layer(pool, "one_way", ()) == [(5, 5)] * 4  # the context is not even embedded


@given(sizes, st.sampled_from(sorted(MASKS)))
@property_test
def test_the_keys_of_a_pool_are_counted_before_it_is_read(sizes, mask):
    found = tokens_by_layer(sizes, mask, range(LAYERS))
    assert found[0][1] == sum(keys_read((context, *candidates), mask) for context, candidates in sizes)
