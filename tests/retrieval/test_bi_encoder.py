"""Vectors of queries and documents: the loss, the folder that sentence-transformers opens, and that it learns."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_ranking import NAMES, collection, finished, job, queries

from isogloss.encoders import load_tokenizer
from isogloss.encoders.sentence_vectors import sentence_vectors, unit
from isogloss.errors import UserError
from isogloss.losses import ranking_cross_entropy
from isogloss.retrieval.bi_encoder import Method, Settings, text_encoder, tokens_of, vectors_of
from isogloss.train_settings import TrainSettings
from isogloss.training import fit

TEXTS = ["Where is A?", "B ist im Gasthof", "hotel", "Wo ist the room for two people in Berlin at nine, and my bag?"]


def prepared(encoder, **settings):
    """A method, its job, and its network in evaluation, so that nothing is drawn."""
    method = Method(Settings(**settings))
    made = job(encoder, "bi_encoder", method.settings)
    return method, made, method.build(made).eval()


def batch_of(method, made, *keys):
    """The batch of the examples whose keys begin so."""
    examples = method.examples(made)
    return method.collate(made)([next(each for each in examples if each.key.startswith(key)) for key in keys])


def test_the_loss_is_that_of_sentence_transformers_with_its_gradient():
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    random = torch.Generator().manual_seed(0)
    given = [torch.randn(4, 8, generator=random) for _ in range(3)]  # queries, answers, a further negative for each
    ours, theirs = ([part.clone().requires_grad_() for part in given] for _ in range(2))
    expected = MultipleNegativesRankingLoss(torch.nn.Identity(), scale=20.0).compute_loss_from_embeddings(theirs, None)
    queries, documents = unit(ours[0]), unit(torch.cat(ours[1:]))
    loss = ranking_cross_entropy(queries @ documents.T / 0.05, torch.arange(4)).mean()
    torch.testing.assert_close(loss, expected)
    expected.backward()
    loss.backward()
    for part, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(part.grad, other.grad)


@pytest.mark.parametrize("symmetric", [False, True])
def test_what_is_known_to_answer_is_hidden_from_the_batch(encoder_folder, symmetric):
    method, made, network = prepared(encoder_folder, symmetric=symmetric, hard_negatives=2)
    batch = batch_of(method, made, "en/A", "de/A", "en/B")  # A is asked twice: its answers are no negatives of either
    vectors = vectors_of(network, batch["input_ids"], batch["attention_mask"], "mean")
    scores = vectors[:3] @ vectors[3:].T / 0.05
    keep = ~batch["known"]
    own = scores[range(3), batch["answers"]]
    expected = torch.stack([torch.cat([own[i : i + 1], scores[i][keep[i]]]).logsumexp(0) - own[i] for i in range(3)])
    if symmetric:  # the answer of A has two queries that are right, of which each example counts its own
        back = [(0, (0, 2)), (1, (1, 2)), (2, (0, 1, 2))]
        column = batch["answers"].tolist()
        rows = [torch.stack([scores[q, column[i]] for q in among]).logsumexp(0) - own[i] for i, among in back]
        expected = (expected + torch.stack(rows)) / 2
    torch.testing.assert_close(method.loss(network, batch), expected.mean())
    assert int(batch["known"][0].sum()) == int(batch["known"][1].sum()) >= 1


def test_a_batch_mixes_the_pairs_of_languages_that_are_asked_for(encoder_folder):
    every, made, _ = prepared(encoder_folder)
    crossing, made_crossing, _ = prepared(encoder_folder, pairs=("de-en", "en-de"))
    assert len(every.examples(made)) == 4 * len(NAMES) and len(crossing.examples(made_crossing)) == 2 * len(NAMES)
    found = crossing.prepared(made_crossing).material
    for example in crossing.examples(made_crossing):
        assert found.queries[example.query].language != found.documents[example.answer].language


@pytest.mark.parametrize("texts_at_once", [1, 3])
def test_texts_encoded_a_few_at_a_time_cost_the_same_and_have_the_same_gradient(encoder_folder, texts_at_once):
    losses, gradients = [], []
    for size in (0, texts_at_once):
        method, made, network = prepared(encoder_folder, texts_at_once=size, hard_negatives=1)
        loss = method.loss(network, batch_of(method, made, "en/A", "de/B", "en/C", "de/D"))
        loss.backward()
        losses.append(loss)
        gradients.append(torch.cat([each.grad.flatten() for each in network.parameters() if each.grad is not None]))
    torch.testing.assert_close(losses[0], losses[1])
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_a_text_has_the_vector_that_it_has_alone_whatever_is_beside_it(encoder_folder, pooling, tokenizer):
    _, _, network = prepared(encoder_folder, pooling=pooling)
    together = sentence_vectors(network, tokenizer, TEXTS, pooling=pooling)
    for text, row in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(sentence_vectors(network, tokenizer, [text], pooling=pooling)[0], row, atol=1e-5)
    ids = tokenizer(TEXTS, return_tensors="pt", padding=True)
    packed = vectors_of(network, ids["input_ids"], ids["attention_mask"], pooling)
    np.testing.assert_allclose(packed.detach().numpy(), together, atol=1e-5)


@pytest.mark.parametrize(("architecture", "settings"), [
    ("xlm-roberta", {"pooling": "mean"}),
    ("bert", {"pooling": "first"}),
    ("modernbert", {"pooling": "mean", "cut": "start"}),
])  # fmt: skip
def test_the_folder_opens_as_a_sentence_transformer_with_equal_vectors(
    architecture, settings, encoder_folders, tmp_path
):
    from sentence_transformers import SentenceTransformer

    method, made, network = prepared(encoder_folders[architecture], **settings)
    folder = finished(method, made, network, tmp_path / "run")
    theirs = SentenceTransformer(str(folder), device="cpu")
    texts = [*TEXTS, " ".join(TEXTS * 4)]  # the last is cut
    np.testing.assert_allclose(theirs.encode(texts), text_encoder(folder)(texts), atol=1e-5)
    assert theirs.max_seq_length == made.recipe.lengths.max_length
    assert theirs.similarity_fn_name == "cosine"
    theirs(theirs.preprocess(TEXTS))["sentence_embedding"].sum().backward()  # and can be trained there
    assert any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in theirs.parameters())


def test_a_folder_of_sentence_transformers_is_an_encoder_to_go_on_with(encoder_folder, tmp_path, capsys):
    from sentence_transformers import SentenceTransformer

    method, made, network = prepared(encoder_folder)
    first = finished(method, made, network, tmp_path / "first")
    SentenceTransformer(str(first), device="cpu").save(str(tmp_path / "theirs"), create_model_card=False)
    again, job_again, network_again = prepared(tmp_path / "theirs")
    second = finished(again, job_again, network_again, tmp_path / "second")
    np.testing.assert_allclose(text_encoder(second)(TEXTS), text_encoder(first)(TEXTS), atol=1e-6)
    assert "pool" not in capsys.readouterr().err
    prepared(tmp_path / "theirs", pooling="first")
    assert "pools by mean, now the pooling is first; --set pooling=mean keeps that" in capsys.readouterr().err


def test_it_learns_to_answer_across_languages_and_its_run_ranks(encoder_folder, tmp_path):
    method = Method(Settings(hard_negatives=1))
    made = job(encoder_folder, "bi_encoder", method.settings)
    network = method.build(made)
    found = method.examples(made)
    train = TrainSettings(updates=45, batch_size=12, learning_rate=2e-3, save_every=1000)
    fit(
        network, found, collate=method.collate(made), loss=method.loss, settings=train, seed=1,
        folder=tmp_path / "checkpoints", title="toy",
    )  # fmt: skip
    folder = finished(method, made, network, tmp_path / "run")
    asked = queries("de", collection(("en",)))
    ranked = method.ranker(folder).rank(asked, top_k=3)
    assert sum(each.documents[0] == f"en/{each.id}" for each in ranked) >= 10
    assert all(list(each.scores) == sorted(each.scores, reverse=True) for each in ranked)


def test_a_folder_whose_weights_were_changed_is_refused(encoder_folder, tmp_path):
    method, made, network = prepared(encoder_folder)
    folder = finished(method, made, network, tmp_path / "run")
    weights = load_file(folder / "model.safetensors")
    name = next(each for each in weights if "word_embeddings" in each)
    weights[name] = weights[name].roll(1, 0)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="does not give the scores it was saved with"):
        method.ranker(folder)


def test_texts_that_are_too_long_lose_the_end_that_is_named_and_are_told(encoder_folder, tokenizer, capsys):
    whole = tokenizer(TEXTS[3])["input_ids"]
    for cut, kept in (("end", whole[1:9]), ("start", whole[-9:-1])):
        short, long = tokens_of(load_tokenizer(encoder_folder), [TEXTS[2], TEXTS[3]], max_length=10, cut=cut)
        assert long.tolist() == [whole[0], *kept, whole[-1]] and len(short) < 10
        assert f"1 texts are longer than max_length (10 tokens) and lose their {cut}" in capsys.readouterr().err
