"""The network of GNMT: the library's LSTM where nothing is bounded, bounds, who sees what, and no trace of padding."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from isogloss.translation._gnmt_network import LOGITS, Attention, Layer, LSTMTranslator, Memory, Shape

SHAPE = Shape(pieces=11, hidden=8, layers=3, query="current", residual=True, bound=1.0)
SOURCES = torch.tensor([[3, 4, 5, 6, 0], [7, 3, 0, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
BEFORE = torch.tensor([[1, 5, 6, 7], [1, 8, 9, 1]])


def network(shape=SHAPE, **options):
    torch.manual_seed(1)
    return LSTMTranslator(shape, **options).eval()


def loud(made):
    """The network with weights so large that its bounds matter."""
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(8)
    return made


def test_an_unbounded_layer_is_the_librarys_lstm():
    torch.manual_seed(1)
    ours, theirs, inputs = Layer(6, 8), nn.LSTM(6, 8, batch_first=True), torch.randn(3, 5, 6)
    with torch.no_grad():
        let_in, forget, let_out, new = range(4)
        order = [8 * gate + unit for gate in (let_in, forget, new, let_out) for unit in range(8)]  # the library's
        theirs.weight_ih_l0.copy_(ours.inputs.weight[order])
        theirs.weight_hh_l0.copy_(ours.states.weight[order])
        theirs.bias_ih_l0.copy_(ours.inputs.bias[order])
        theirs.bias_hh_l0.zero_()
    expected, (output, cell) = theirs(inputs)
    found, state = ours(inputs, math.inf)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(state, torch.cat([output, cell]))


def test_cells_keep_within_the_bound_and_the_output_comes_before_it():
    torch.manual_seed(1)
    layer, inputs = Layer(6, 8), 9 * torch.randn(3, 5, 6)
    free, bounded = layer(inputs, math.inf), layer(inputs, 0.25)
    assert free[1][1].abs().max() > 0.5 and bounded[1][1].abs().max() == 0.25
    torch.testing.assert_close(free[0][:, 0], bounded[0][:, 0])  # the first output is of the cell before it is bounded
    assert (free[0][:, 1] - bounded[0][:, 1]).abs().max() > 0.01


def test_attention_is_the_papers_formula():
    torch.manual_seed(1)
    attention, states, queries = Attention(8), torch.randn(2, 5, 8), torch.randn(2, 4, 8)
    context, weights = attention(queries, Memory(states, attention.key(states), MASK.bool()))
    v = attention.score.weight[0]
    for b, t in ((0, 0), (1, 3)):
        real = states[b, : MASK[b].sum()]
        scores = torch.stack([v @ torch.tanh(attention.query(queries[b, t]) + attention.key(h)) for h in real])
        expected = (scores - scores.logsumexp(0)).exp()
        torch.testing.assert_close(weights[b, t, : len(real)], expected)
        assert weights[b, t, len(real) :].eq(0).all()
        torch.testing.assert_close(context[b, t], expected @ real)


@pytest.mark.parametrize("query", ["current", "previous"])
def test_step_by_step_is_the_same_as_all_at_once(query):
    made = network(replace(SHAPE, query=query))
    memory = made.encode(SOURCES, MASK)
    outputs, weights, last = made.decode(BEFORE, memory)
    state = None
    for step in range(BEFORE.shape[1]):
        one, given, state = made.decode(BEFORE[:, step : step + 1], memory, state)
        torch.testing.assert_close(one[:, 0], outputs[:, step])
        torch.testing.assert_close(given[:, 0], weights[:, step])
    torch.testing.assert_close(state, last)


def test_neither_padding_nor_company_changes_a_row():
    made = network()
    together = made(SOURCES, MASK, BEFORE)
    alone = made(SOURCES[1:, :3], MASK[1:, :3], BEFORE[1:, :3])
    torch.testing.assert_close(together[1:, :3], alone)
    other = SOURCES.masked_fill(MASK == 0, 9)  # whatever stands in the padding
    torch.testing.assert_close(made(other, MASK, BEFORE), together)


def test_the_first_encoder_layer_reads_both_ways():
    made = network()
    changed = SOURCES.clone()
    changed[0, 4] = 8  # the last word; layers above read from left to right
    before, after = (made.encode(sources, MASK).states for sources in (SOURCES, changed))
    assert (before[0, 0] - after[0, 0]).abs().max() > 1e-6
    torch.testing.assert_close(before[1], after[1])


def test_a_query_of_the_previous_step_has_not_read_the_last_word():
    changed = BEFORE.clone()
    changed[:, 2] = 10
    for query, first in (("current", 2), ("previous", 3)):
        made = network(replace(SHAPE, query=query))
        memory = made.encode(SOURCES, MASK)
        weights = [made.decode(before, memory)[1] for before in (BEFORE, changed)]
        torch.testing.assert_close(weights[0][:, :first], weights[1][:, :first])
        assert (weights[0][:, first] - weights[1][:, first]).abs().max() > 1e-7


def test_the_context_goes_to_every_decoder_layer_but_the_bottom_one():
    made = network()
    states = [made.decode(BEFORE, made.encode(sources, MASK))[2] for sources in (SOURCES, SOURCES.flip(0))]
    changed = (states[0] - states[1]).abs().amax(dim=(1, 2, 3))
    assert changed[0] == 0 and (changed[1:] > 0).all()
    made.decoder[1].inputs.weight.data[:, :8] = 0  # now the top layer is told of the source by the context alone
    top = [made.decode(BEFORE, made.encode(sources, MASK))[2][2] for sources in (SOURCES, SOURCES.flip(0))]
    assert (top[0] - top[1]).abs().max() > 0


def test_a_silent_third_layer_passes_on_what_it_reads_without_the_context():
    made = network()
    for layer in (made.encoder[1], made.decoder[1]):
        for weight in layer.parameters():
            weight.data.zero_()  # an LSTM of zeros says zero
    small = LSTMTranslator(replace(SHAPE, layers=2)).eval()
    kept = {name: value for name, value in made.state_dict().items() if ".1." not in name or "directions" in name}
    small.load_state_dict(kept)
    torch.testing.assert_close(made(SOURCES, MASK, BEFORE), small(SOURCES, MASK, BEFORE))
    plain = network(replace(SHAPE, residual=False))
    plain.load_state_dict(made.state_dict())
    assert plain(SOURCES, MASK, BEFORE).eq(0).all()


def test_outputs_and_logits_keep_within_their_bounds():
    made = loud(network())
    outputs = made(SOURCES, MASK, BEFORE)
    assert outputs.abs().max() == 1.0 and made.encode(SOURCES, MASK).states.abs().max() == 1.0
    assert made.logits(100 * outputs).abs().max() == LOGITS
    free = loud(network(replace(SHAPE, bound=0.0)))
    assert free.bound == math.inf and free(SOURCES, MASK, BEFORE).abs().max() > 1.0


def test_the_bound_goes_down_evenly_while_it_is_trained():
    made = network(first_bound=8.0, annealing=7).train()
    bounds = []
    for _ in range(9):
        bounds.append(made.bound)
        made(SOURCES, MASK, BEFORE)
    assert bounds == [8, 7, 6, 5, 4, 3, 2, 1, 1]
    made.batches.zero_()
    assert made.eval().bound == 1.0
    made(SOURCES, MASK, BEFORE)
    assert made.batches == 0


def test_weights_begin_as_wide_as_keeps_sums_alike_at_every_size():
    made = network(replace(SHAPE, hidden=256))
    assert made.words.weight.abs().max() > 0.99
    weights = torch.cat([w.detach().flatten() for name, w in made.named_parameters() if name != "words.weight"])
    assert weights.abs().max().item() == pytest.approx(0.2, abs=1e-5)
    assert weights.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.01)
