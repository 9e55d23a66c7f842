import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from isogloss.errors import UserError
from isogloss.translation.decoding import (
    check_decoding,
    coverage_penalty,
    hypothesis_score,
    length_divisor,
    minimum_bayes_risk,
    most_output_tokens,
    ranked,
    read_decoding,
    write_decoding,
)
from isogloss.translation.translator import Capabilities, Decoding, Hypothesis


def test_the_command_line_says_what_python_says():
    said = read_decoding("beam=5, length=gnmt,alpha=0.6,coverage=0.2,hypotheses=3,output_limit=3")
    assert said == Decoding(beam=5, hypotheses=3, length="gnmt", alpha=0.6, coverage=0.2, output_limit=3)
    assert read_decoding("samples=16,temperature=0.7,top_p=0.9,seed=3") == Decoding(
        samples=16, temperature=0.7, top_p=0.9, seed=3
    )
    assert read_decoding("") == Decoding()


positive = st.floats(0.1, 4)


@given(
    st.one_of(
        st.builds(
            Decoding,
            beam=st.integers(4, 9),
            hypotheses=st.integers(1, 4),
            length=st.sampled_from(["power", "gnmt"]),
            alpha=positive,
            coverage=positive,
            output_limit=positive,
        ),
        st.builds(Decoding, length=st.just("none")),
        st.builds(
            Decoding, samples=st.integers(1, 9), temperature=positive, top_p=st.floats(0.1, 1), seed=st.integers(0, 9)
        ),
    )
)
def test_what_is_written_is_read_again(decoding):
    assert read_decoding(write_decoding(decoding)) == decoding


def test_the_defaults_are_written_as_nothing():
    assert write_decoding(Decoding()) == ""
    assert write_decoding(Decoding(length="none")) == "length=none"
    assert write_decoding(Decoding(alpha=0.8)) == "length=power,alpha=0.8"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("baem=5", "no key 'baem'; did you mean beam"),
        ("beam", "'beam' is not key=value"),
        ("beam=", "'beam=' is not key=value"),
        ("beam=5,beam=4", "beam is said twice"),
        ("beam=many", "beam is 'many'; it must be a whole number"),
        ("length=power,alpha=x", "alpha is 'x'; it must be a number"),
        ("beam=0", "beam is 0; it must be 1 or more"),
        ("length=gnmtt,alpha=1", "no length rule 'gnmtt'; did you mean gnmt"),
        ("alpha=0.6", "alpha belongs to a rule; write length=power,alpha=0.6"),
        ("length=none,alpha=0.6", "length=none has no alpha"),
        ("length=gnmt", "length=gnmt needs its exponent"),
        ("length=power,alpha=nan", "alpha is nan"),
        ("temperature=0.5", "temperature goes unheard: it is for samples"),
        ("samples=4,beam=5", "beam goes unheard"),
        ("samples=4,temperature=0", "temperature is 0"),
        ("samples=4,top_p=1.5", "top_p is 1.5"),
        ("hypotheses=5", "5 hypotheses out of 4; set beam to 5"),
        ("samples=2,hypotheses=3", "set samples to 3"),
        ("output_limit=inf", "output_limit is inf"),
    ],
)
def test_a_decoding_that_makes_no_sense_is_one_clear_line(text, complaint):
    with pytest.raises(UserError, match=complaint):
        read_decoding(text)


@pytest.mark.parametrize(
    ("decoding", "complaint"),
    [
        (Decoding(samples=2), "draws no samples"),
        (Decoding(coverage=0.2), "tells no attention"),
        (Decoding(hypotheses=2), "gives one hypothesis"),
    ],
)
def test_what_an_engine_cannot_do_is_not_asked_of_it(decoding, complaint):
    check_decoding(decoding)
    check_decoding(decoding, Capabilities(n_best=True, sampling=True, attention=True))
    with pytest.raises(UserError, match=complaint):
        check_decoding(decoding, Capabilities())


def test_the_three_length_rules_are_as_published():
    assert length_divisor(7, Decoding(length="none", alpha=3)) == 1
    assert length_divisor(7, Decoding(length="power", alpha=0.5)) == pytest.approx(7**0.5)
    assert length_divisor(7, Decoding(length="gnmt", alpha=0.5)) == pytest.approx((5 + 7) ** 0.5 / (5 + 1) ** 0.5)
    assert length_divisor(1, Decoding(length="gnmt", alpha=0.7)) == 1  # which is where GNMT's begins


def test_coverage_is_the_logarithm_of_what_was_looked_at_at_most_once():
    assert coverage_penalty([0.5, 1.0, 3.0, 0.25], 0.2) == pytest.approx(0.2 * (math.log(0.5) + math.log(0.25)))
    assert coverage_penalty([1.0, 1.7], 0.2) == 0
    assert coverage_penalty([0.0], 1) < coverage_penalty([0.01], 1) < 0
    assert math.isfinite(coverage_penalty([0.0], 1))


def test_a_score_is_normalised_and_then_penalised():
    hypothesis = Hypothesis("x", log_probability=-6.0, tokens=4, attention=(0.5, 1.5))
    assert hypothesis_score(hypothesis, Decoding(coverage=0.5)) == pytest.approx(-6 / 4 + 0.5 * math.log(0.5))
    with pytest.raises(UserError, match="no log-probabilities"):
        hypothesis_score(Hypothesis("x"), Decoding())
    with pytest.raises(UserError, match="no attention"):
        hypothesis_score(replace(hypothesis, attention=None), Decoding(coverage=0.5))


def all_sentences(seed):
    """Every sentence of a language model over three words and an end, up to four tokens, with its log-probability."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(5, 4, generator=generator).log_softmax(-1)  # by the token before: the words, the end, the start
    for length in range(1, 5):
        for words in itertools.product(range(3), repeat=length - 1):
            tokens = [*words, 3]
            total = sum(table[before, token].item() for before, token in zip([4, *words], tokens, strict=True))
            yield Hypothesis("".join("abc"[word] for word in words), total, length)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("length", "alpha"), [("none", 1.0), ("power", 1.0), ("power", 0.4), ("gnmt", 0.6)])
def test_ranking_finds_what_brute_force_finds(seed, length, alpha):
    sentences = list(all_sentences(seed))
    divisor = {"none": lambda n: 1, "power": lambda n: n**alpha, "gnmt": lambda n: ((5 + n) / 6) ** alpha}[length]
    by_hand = max((s.log_probability / divisor(s.tokens), s.text) for s in sentences)
    best = ranked(sentences, Decoding(length=length, alpha=alpha, hypotheses=2, beam=len(sentences)))
    assert best[0].text == by_hand[1] and len(best) == 2


WORDS, END, SOURCE = 4, 4, 3  # a vocabulary of five with the end, and three source tokens


def toy_model(seed):
    """P(token | token before), (5 + start, 5), and the attention of each to the source, (place, token, source)."""
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.randn(WORDS + 2, WORDS + 1, generator=generator).softmax(-1)
    return probabilities, (2 * torch.randn(4, WORDS + 1, SOURCE, generator=generator)).softmax(-1)


def every_output(seed):
    """All outputs of at most four tokens, the end included, as hypotheses."""
    probabilities, attention = toy_model(seed)
    for length in range(1, 5):
        for words in itertools.product(range(WORDS), repeat=length - 1):
            tokens = [*words, END]
            total = math.log(math.prod(probabilities[a, b].item() for a, b in itertools.pairwise([WORDS + 1, *tokens])))
            looked = sum(attention[place, token] for place, token in enumerate(tokens))
            yield Hypothesis("".join(map(str, tokens)), total, length, tuple(looked.tolist()))


def by_the_paper(text, seed, length, alpha, beta):
    """The score of an output, from the model and the formulas of the module's docstring, term by term."""
    probabilities, attention = toy_model(seed)
    tokens, before, log_probability = [int(letter) for letter in text], WORDS + 1, 0.0
    coverage = [0.0] * SOURCE
    for place, token in enumerate(tokens):
        log_probability += math.log(probabilities[before, token].item())
        coverage = [total + attention[place, token, i].item() for i, total in enumerate(coverage)]
        before = token
    divisors = {"none": 1.0, "power": len(tokens) ** alpha, "gnmt": (5 + len(tokens)) ** alpha / (5 + 1) ** alpha}
    return log_probability / divisors[length] + beta * sum(math.log(min(total, 1)) for total in coverage)


@pytest.mark.parametrize("beta", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(
    ("length", "alpha"), [("none", 1.0), ("power", 0.5), ("power", 1.0), ("gnmt", 0.2), ("gnmt", 0.6), ("gnmt", 1.0)]
)
def test_every_output_of_a_toy_model_is_ranked_as_by_brute_force(length, alpha, beta):
    for seed in range(3):
        outputs = list(every_output(seed))
        assert len(outputs) == 1 + 4 + 16 + 64
        rule = Decoding(beam=len(outputs), hypotheses=len(outputs), length=length, alpha=alpha, coverage=beta)
        expected = {output.text: by_the_paper(output.text, seed, length, alpha, beta) for output in outputs}
        for output in outputs:
            assert hypothesis_score(output, rule) == pytest.approx(expected[output.text], abs=1e-5)
        found = [expected[output.text] for output in ranked(outputs, rule)]
        assert found == pytest.approx(sorted(expected.values(), reverse=True), abs=1e-5)


def test_the_rules_rank_the_outputs_of_a_toy_model_differently():
    """So that the agreement with brute force says something."""
    rules = [("none", 1.0, 0.0), ("power", 1.0, 0.0), ("gnmt", 0.6, 0.0), ("none", 1.0, 1.0), ("gnmt", 0.6, 1.0)]
    outputs, orders = list(every_output(0)), set()
    for length, alpha, beta in rules:
        rule = Decoding(beam=85, hypotheses=85, length=length, alpha=alpha, coverage=beta)
        orders.add(tuple(output.text for output in ranked(outputs, rule)))
    assert len(orders) == len(rules)


def test_a_longer_hypothesis_wins_under_one_rule_and_loses_under_another():
    short, long = Hypothesis("short", -2.0, 2), Hypothesis("long", -3.0, 6)
    assert ranked([short, long], Decoding(length="none"))[0] is short
    assert ranked([short, long], Decoding(length="power", alpha=1))[0] is long


def test_a_hypothesis_that_forgot_a_word_loses_by_coverage_only():
    whole, lacking = Hypothesis("whole", -3.0, 3, (1.0, 1.0)), Hypothesis("lacking", -2.9, 3, (2.0, 0.01))
    assert ranked([whole, lacking], Decoding())[0] is lacking
    assert ranked([whole, lacking], Decoding(coverage=0.2))[0] is whole


def test_a_single_hypothesis_needs_no_score_and_equals_keep_their_order():
    assert ranked([Hypothesis("x")], Decoding()) == (Hypothesis("x"),)
    twins = [Hypothesis("a", -1.0, 2), Hypothesis("b", -1.0, 2)]
    assert ranked(twins, Decoding())[0].text == "a"


def test_minimum_bayes_risk_is_brute_force_over_sacrebleus_chrf():
    texts = ["the cat sat", "a cat sat", "the cat sat", "dogs", "the cats sat down"]
    metric = CHRF()
    risk = {text: sum(metric.sentence_score(text, [other]).score for other in texts) for text in texts}
    chosen = minimum_bayes_risk([Hypothesis(text, -float(n)) for n, text in enumerate(texts)])
    assert [hypothesis.text for hypothesis in chosen] == sorted(risk, key=lambda text: -risk[text])
    assert chosen[0] == Hypothesis("the cat sat", -0.0)
    assert ranked([Hypothesis(text) for text in texts], Decoding(samples=5))[0].text == "the cat sat"


def test_the_output_limit_is_a_multiple_and_a_constant():
    assert most_output_tokens(10, Decoding()) == 40
    assert most_output_tokens(3, Decoding(output_limit=0.5)) == 21
