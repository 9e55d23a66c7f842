"""Scores of pairs: they depend on the pair alone, the folder opens as a `CrossEncoder`, and it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from toy_ranking import NAMES, SHORT, collection, finished, job, queries

from isogloss.encoders import load_tokenizer
from isogloss.errors import UserError
from isogloss.kinds import Lengths
from isogloss.records import Document, RankedQuery
from isogloss.retrieval._pair_tokens import PairTokens
from isogloss.retrieval.cross_encoder import Method, PairScorer, Settings, blocks, pair_rows, pair_scores
from isogloss.train_settings import TrainSettings
from isogloss.training import fit

KINDS = ("linear", "inner_product", "cosine")
TEXTS = ["Where is A?", "B ist im Gasthof", "hotel", "Wo ist the room for two people in Berlin at nine?"]


def prepared(encoder, *, lengths=SHORT, **settings):
    """A method, its job, and its network in evaluation, so that nothing is drawn."""
    method = Method(Settings(**settings))
    made = job(encoder, "cross_encoder", method.settings, lengths=lengths)
    torch.manual_seed(1)  # of the head
    return method, made, method.build(made).eval()


@pytest.fixture(scope="module", params=KINDS)
def scorer(request, encoder_folder):
    method, made, network = prepared(encoder_folder, score=request.param)
    return PairScorer("toy", network, method.prepared(made).tokens)


@settings(max_examples=15)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_score_depends_on_its_pair_alone(scorer, documents, random):
    (alone,) = scorer.scores(["Wo ist A?"], [["C is in the hotel"]])
    order = random.sample(range(len(documents) + 1), len(documents) + 1)
    row_texts = [[*documents, "C is in the hotel"][i] for i in order]
    beside, (row,) = (
        scorer.scores([TEXTS[3], "Wo ist A?"], [TEXTS, row_texts])[0],
        scorer.scores(["Wo ist A?"], [row_texts]),
    )
    assert row[order.index(len(documents))] == pytest.approx(alone[0], abs=1e-5)
    assert row.dtype == beside.dtype == np.float32 and beside.shape == (len(TEXTS),)
    shuffled = dict(zip(row_texts, row, strict=True))
    (sorted_row,) = scorer.scores(["Wo ist A?"], [sorted(row_texts)])
    np.testing.assert_allclose(sorted_row, [shuffled[text] for text in sorted(row_texts)], atol=1e-5)


def test_equal_pairs_have_exactly_equal_scores_in_any_block(scorer, monkeypatch):
    whole = scorer.scores(TEXTS, [TEXTS, TEXTS[:1] * 3, [], TEXTS[::-1]])
    assert len(set(whole[1].tolist())) == 1 and whole[2].shape == (0,)
    monkeypatch.setattr("isogloss.retrieval.cross_encoder.PAIRS_AT_ONCE", 4)
    for row, again in zip(whole, scorer.scores(TEXTS, [TEXTS, TEXTS[:1] * 3, [], TEXTS[::-1]]), strict=True):
        np.testing.assert_allclose(row, again, atol=1e-5)


def test_blocks_are_all_queries_in_their_order_and_a_long_one_is_alone(monkeypatch):
    monkeypatch.setattr("isogloss.retrieval.cross_encoder.PAIRS_AT_ONCE", 4)
    rows = [[(i, j) for j in range(size)] for i, size in enumerate((2, 2, 1, 0, 9, 1))]
    assert [len(block) for block in blocks(rows)] == [2, 2, 1, 1]
    assert [pair for block in blocks(rows) for row in block for pair in row] == [pair for row in rows for pair in row]


@pytest.mark.parametrize("architecture", ["xlm-roberta", "bert", "modernbert"])
def test_the_folder_opens_as_a_cross_encoder_with_equal_scores(architecture, encoder_folders, tmp_path):
    from sentence_transformers import CrossEncoder

    method, made, network = prepared(encoder_folders[architecture])
    folder = finished(method, made, network, tmp_path / "run")
    ours = method.scorer(folder).scores(TEXTS[:2], [TEXTS, TEXTS])
    theirs = CrossEncoder(str(folder), device="cpu")
    expected = theirs.predict([(query, text) for query in TEXTS[:2] for text in TEXTS])
    np.testing.assert_allclose(np.concatenate(ours), expected, atol=1e-5)
    assert theirs.max_seq_length == made.recipe.lengths.max_length


@pytest.mark.parametrize("score", KINDS)
def test_a_run_is_opened_with_the_scores_it_was_saved_with_and_no_others(score, encoder_folder, tmp_path):
    method, made, network = prepared(encoder_folder, score=score)
    folder = finished(method, made, network, tmp_path / "run")
    expected = PairScorer("toy", network, method.prepared(made).tokens).scores(["Wo ist A?"], [TEXTS])
    opened = method.scorer(folder)
    np.testing.assert_allclose(opened.scores(["Wo ist A?"], [TEXTS])[0], expected[0], atol=1e-5)
    assert opened.pairwise and (folder / "modules.json").is_file() == (score == "linear")
    weights = load_file(folder / "model.safetensors")
    name = next(each for each in weights if "word_embeddings" in each)
    save_file(weights | {name: weights[name].roll(1, 0)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="does not give the scores it was saved with"):
        method.scorer(folder)


@pytest.mark.parametrize("score", ["inner_product", "cosine"])
def test_without_a_head_the_score_is_that_of_the_mean_states_of_both_texts(score, encoder_folder):
    method, made, network = prepared(encoder_folder, score=score)
    tokens = method.prepared(made).tokens
    (query,), (document,) = tokens.queries(TEXTS[:1]), tokens.documents(TEXTS[1:2])
    rows = pair_rows(tokens, [(query, document)])
    states = network(rows["input_ids"], attention_mask=rows["attention_mask"]).last_hidden_state[0]
    first = 1 + len(query) + 2
    means = states[1 : 1 + len(query)].mean(0), states[first : first + len(document)].mean(0)
    expected = means[0] @ means[1] / 32**0.5 if score == "inner_product" else torch.cosine_similarity(*means, dim=0)
    torch.testing.assert_close(pair_scores(network, rows)[0], expected, atol=1e-4, rtol=1e-4)


def test_a_temperature_divides_the_cosines_in_training(encoder_folder):
    losses = []
    for temperature in (0.05, 0.5):
        method, made, network = prepared(encoder_folder, score="cosine", temperature=temperature, count=3)
        batch = method.collate(made)(method.examples(made)[:2])
        scores = pair_scores(network, batch).view(2, 4)
        losses.append(method.loss(network, batch))
        expected = torch.nn.functional.cross_entropy(scores / temperature, torch.zeros(2, dtype=torch.long))
        torch.testing.assert_close(losses[-1], expected)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("loss", ["softmax", "binary"])
def test_the_loss_is_over_the_candidates_of_each_query_and_ragged_ones_are_no_candidates(loss, encoder_folder):
    method, made, network = prepared(encoder_folder, loss=loss, count=3)
    found = method.examples(made)
    examples = [found[0], replace(found[5], negatives=found[5].negatives[:1])]
    collate = method.collate(made)
    together = method.loss(network, collate(examples))
    alone = [method.loss(network, collate([each])) for each in examples]
    torch.testing.assert_close(together, (alone[0] + alone[1]) / 2)
    assert collate(examples)["input_ids"].shape[0] == 4 + 2


def test_negatives_of_the_batch_are_the_answers_of_others_that_are_not_known(encoder_folder):
    method, made, network = prepared(encoder_folder, negatives="in_batch", count=2)
    found, documents = method.examples(made), method.prepared(made).material.documents
    chosen = [next(each for each in found if each.key.startswith(key)) for key in ("en/A", "de/A", "en/B", "de/C")]
    batch = method.collate(made)(chosen)
    assert batch["hidden"].tolist() == [[False] * 3] * 4  # the two of A take those of B and C
    assert batch["input_ids"].shape[0] == 12 and torch.isfinite(method.loss(network, batch))
    assert len(documents) == 24 and not any(each.negatives for each in found)
    (lonely,) = method.collate(made)(chosen[:1])["hidden"].tolist()
    assert lonely == [False] and method.loss(network, method.collate(made)(chosen[:1])).item() == pytest.approx(0)


def test_an_example_is_as_long_as_its_pairs(encoder_folder):
    method, made, _ = prepared(encoder_folder)
    found = method.examples(made)
    assert len(found) == 4 * len(NAMES)
    for example in found[:5]:
        assert len(example) == int(method.collate(made)([example])["attention_mask"].sum())


LEARNT = [("linear", "softmax"), ("linear", "binary"), ("inner_product", "softmax"), ("cosine", "softmax")]


@pytest.mark.parametrize(("score", "loss"), LEARNT)
def test_it_learns_what_an_answer_looks_like(score, loss, encoder_folder, tmp_path):
    documents = (*collection(("de",)), *(Document(id=name, language="de", text=f"My bag is {name}") for name in NAMES))
    records = {tag: queries(tag, documents) for tag in ("en", "de")}
    records = {tag: [replace(each, gains={f"de/{each.id}": 1}) for each in group] for tag, group in records.items()}
    method = Method(Settings(score=score, loss=loss))
    made = job(encoder_folder, "cross_encoder", method.settings, records=records)
    found = [replace(each, negatives=tuple(range(12, 15))) for each in method.examples(made)]
    network = method.build(made)
    train = TrainSettings(updates=25, batch_size=6, learning_rate=1e-3, save_every=1000)
    fit(
        network, found, collate=method.collate(made), loss=method.loss, settings=train, seed=1,
        folder=tmp_path / "checkpoints", title="toy",
    )  # fmt: skip
    scores = PairScorer("toy", network, method.prepared(made).tokens).scores(
        ["Where is B?"], [[document.text for document in documents]]
    )[0]
    assert scores[:12].min() > scores[12:].max()  # also beside sentences that were never shown as negatives


def test_long_pairs_are_cut_and_told(encoder_folder, capsys):
    network = prepared(encoder_folder)[2]
    tokens = PairTokens(load_tokenizer(encoder_folder), Lengths(max_length=30, max_question=8), "end")
    (row,) = PairScorer("toy", network, tokens).scores([" ".join(TEXTS)], [[" ".join(TEXTS * 3), "hotel"]])
    told = capsys.readouterr().err
    assert "1 queries are longer than max_question (8 tokens) and lose their end" in told
    assert "1 pairs are longer than max_length (30 tokens): documents lose their end" in told
    assert np.isfinite(row).all()


def test_empty_texts_and_scores_that_are_no_numbers_stop_it(scorer, encoder_folder):
    for asked, read in ((" ", ["hotel"]), ("Wo?", ["hotel", ""])):
        with pytest.raises(UserError, match="a query or a document is empty"):
            scorer.scores([asked], [read])
    network = prepared(encoder_folder)[2]
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match="a score of 'Wo[?]' is no finite number"):
        PairScorer("toy", network, scorer.tokens).scores(["Wo?"], [["hotel"]])


def test_candidates_that_came_with_a_query_are_its_negatives(encoder_folder):
    texts = ("A is here", "B is there", "C is big")
    documents = tuple(Document(id=name, language="en", text=text) for name, text in zip("abc", texts, strict=True))
    record = RankedQuery(id="1", language="en", text="Where is A?", documents=documents, gains={"a": 1})
    method = Method(Settings(negatives="given", pairs=("en-en",)))
    made = job(encoder_folder, "cross_encoder", method.settings, records={"en": [record]})
    (example,) = method.examples(made)
    assert example.answer == 0 and sorted(example.negatives) == [1, 2]
