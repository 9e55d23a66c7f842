import json
import math

import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.retrieval._banks import bank_of, read_bank
from isogloss.retrieval.dbnorm import (
    BANKS,
    GRID,
    Corrected,
    Correction,
    Dev,
    Settings,
    asking,
    corrected,
    correction,
    correction_of,
    folded,
    log_sum,
    neighbourhood,
    tuned,
)
from isogloss.retrieval.nearest import nearest_neighbours

HALF = {"beta": 2.0, "gallery_beta": 3.0}
every_kind = pytest.mark.parametrize("kind", BANKS)


def units(rows, width=8, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def material(seed=0):
    """Queries, documents and banks as vectors, and the banks' similarities."""
    queries, documents = units(9, seed=seed), units(12, seed=seed + 1)
    banks = {"query": units(7, seed=seed + 2), "gallery": units(5, seed=seed + 3)}
    return queries, documents, banks, {name: bank @ documents.T for name, bank in banks.items()}


def test_the_inverted_softmax_is_a_share_of_the_bank():
    scores, bank = np.array([[0.5, 0.1]]), np.array([[0.2, 0.1], [0.4, -0.3]])
    found = corrected(scores, correction(Settings(correction="is", beta=3.0), {"query": bank}))
    shares = [
        math.exp(3 * s) / sum(math.exp(3 * b) for b in column) for s, column in zip((0.5, 0.1), bank.T, strict=True)
    ]
    np.testing.assert_allclose(np.exp(found), [shares], rtol=1e-6)


def test_two_banks_multiply():
    queries, documents, _, banks = material()
    scores = queries @ documents.T
    alone = [corrected(scores, correction(Settings(correction=kind, **HALF), banks)) for kind in ("is", "gallery_is")]
    both = corrected(scores, correction(Settings(correction="dual_is", **HALF), banks))
    np.testing.assert_allclose(both, alone[0] + alone[1], rtol=1e-5, atol=1e-5)


def test_a_large_beta_does_not_overflow():
    bank = np.array([[1.0, -1.0], [0.5, -1.0]], np.float32)
    np.testing.assert_allclose(log_sum(bank, 1000.0), [1000.0, -1000.0 + math.log(2)], rtol=1e-6)


def test_csls_takes_the_mean_of_the_nearest_of_the_bank():
    bank = np.array([[0.9, 0.1], [0.5, 0.3], [0.1, 0.2]])
    np.testing.assert_allclose(neighbourhood(bank, 2), [0.7, 0.25])
    np.testing.assert_allclose(neighbourhood(bank, 9), bank.mean(0))
    found = corrected(np.array([[0.8, 0.6]]), correction(Settings(correction="csls", neighbours=2), {"query": bank}))
    np.testing.assert_allclose(found, [[1.6 - 0.7, 1.2 - 0.25]])


def test_a_hub_loses_the_queries_that_are_not_its_own():
    # document 0 is close to everything; the second query is document 1's
    scores = np.array([[0.9, 0.3], [0.8, 0.75]])
    bank = np.array([[0.85, 0.2], [0.8, 0.3], [0.9, 0.25]])
    assert scores.argmax(1).tolist() == [0, 0]
    for kind in ("is", "dis", "csls"):
        assert corrected(scores, correction(Settings(correction=kind, beta=5.0), {"query": bank})).argmax(1)[1] == 1


def test_a_bank_that_is_as_close_to_every_document_changes_no_ranking():
    scores, flat = units(5, 6), np.full((4, 6), 0.3)
    for kind in BANKS:
        found = corrected(scores, correction(Settings(correction=kind, **HALF), {"query": flat, "gallery": flat}))
        np.testing.assert_array_equal(np.argsort(-found, 1), np.argsort(-scores, 1))


@every_kind
def test_the_folded_index_gives_the_corrected_matrix(kind):
    for seed in range(5):
        queries, documents, vectors, banks = material(seed)
        settings = Settings(correction=kind, **HALF)
        by = correction_of(settings, documents, vectors)
        matrix = corrected(queries @ documents.T, correction(settings, banks))
        inner = asking(queries, documents, by) @ folded(documents, by).T
        np.testing.assert_allclose(inner, matrix, rtol=1e-5, atol=1e-5)


def test_the_dynamic_form_leaves_rows_alone_whose_nearest_document_no_bank_has_for_its_nearest():
    bank, scores = np.array([[0.9, 0.2, 0.1]]), np.array([[0.8, 0.7, 0.1], [0.1, 0.5, 0.4]])
    by = correction(Settings(correction="dis", beta=2.0), {"query": bank})
    assert by.active.tolist() == [True, False, False]
    found, everywhere = corrected(scores, by), corrected(scores, by._replace(active=None))
    np.testing.assert_allclose(found[0], everywhere[0])
    np.testing.assert_allclose(found[1], 2 * scores[1])


def test_a_dynamic_form_is_refused_where_rows_are_compared():
    by = Correction(1.0, np.zeros(2), np.array([True, False]))
    with pytest.raises(UserError, match="scores of two queries cannot be compared; use is"):
        corrected(np.eye(2), by, across_queries=True)
    assert corrected(np.eye(2), by._replace(active=None), across_queries=True).shape == (2, 2)


def test_blocks_of_documents_change_nothing(monkeypatch):
    _, documents, vectors, banks = material()
    monkeypatch.setattr("isogloss.retrieval.nearest.BLOCK", 5)
    for kind in ("dual_dis", "csls"):
        found = correction_of(Settings(correction=kind, **HALF), documents, vectors)
        whole = correction(Settings(correction=kind, **HALF), banks)
        np.testing.assert_allclose(found.penalties, whole.penalties, rtol=1e-5, atol=1e-6)
        assert np.array_equal(found.active, whole.active)


def test_dev_chooses_the_beta_with_most_right_first_documents():
    queries, documents, _, banks = material(3)
    scores = queries @ documents.T
    wanted = correction(Settings(correction="is", beta=10.0), {"query": banks["query"]})
    right = np.zeros(scores.shape, bool)
    right[np.arange(len(scores)), corrected(scores, wanted).argmax(1)] = True
    dev = [Dev(scores, right, banks)]
    found = tuned(Settings(correction="is"), dev)
    hits = {}
    for beta in GRID:
        first = corrected(scores, correction(Settings(correction="is", beta=beta), banks)).argmax(1)
        hits[beta] = right[np.arange(len(first)), first].sum()
    assert hits[10.0] == len(scores) and found.beta == min(beta for beta in GRID if hits[beta] == len(scores))
    both = tuned(Settings(correction="dual_is", gallery_beta=0.7), dev)
    assert both.beta in GRID and both.gallery_beta == 0.7
    assert tuned(Settings(correction="is", beta=7.0), dev).beta == 7.0
    assert tuned(Settings(correction="csls"), dev) == Settings(correction="csls")


@pytest.mark.parametrize(
    ("settings", "banks", "message"),
    [
        ({"correction": "is", "beta": 1.0}, {}, "is asks a query bank, and there is none; give a file of texts"),
        ({"correction": "dual_is", "beta": 1.0}, {"query": np.eye(2)}, "asks a gallery bank"),
        ({"correction": "is"}, {"query": np.eye(2)}, "is: no beta, and no dev split to tune it on; give --set beta=20"),
        ({"correction": "gallery_is"}, {"gallery": np.eye(2)}, "no gallery_beta"),
        ({"beta": 1.0}, {"query": np.array([[0.0, np.nan]])}, "query bank: text 0 and document 1 have no finite"),
    ],
)
def test_what_is_lacking_is_named(settings, banks, message):
    with pytest.raises(UserError, match=message):
        correction(Settings(**settings), banks)


WORDS = dict(zip("abcdefghijklmnop", np.eye(16, dtype=np.float32), strict=True))


def encode(texts):
    """Letters are directions of their own."""
    vectors = np.stack([sum(WORDS[letter] for letter in text.replace(" ", "")) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def queries_of(texts, documents, language="de", split="test"):
    return [
        RankedQuery(id=f"{split}{i}", language=language, text=text, documents=documents, gains={documents[i].id: 1})
        for i, text in enumerate(texts)
    ]


def collection(texts, prefix="d"):
    return tuple(Document(id=f"{prefix}{i}", language="en", text=text) for i, text in enumerate(texts))


def write_bank(path, texts, language="de"):
    path.write_text(
        "".join(json.dumps({"text": text, "language": language}) + "\n" for text in texts), encoding="utf-8"
    )
    return str(path)


def test_raw_is_the_ranking_by_cosine():
    documents = collection(["ab", "cd", "abcd", "ab"])
    queries = queries_of(["abc", "d"], documents)
    found = Corrected(encode, "toy", Settings(correction="raw")).rank(queries, 3)
    nearest = nearest_neighbours(encode(["abc", "d"]), encode([each.text for each in documents]), 3)
    assert [each.documents for each in found] == [tuple(f"d{place}" for place in row) for row in nearest.places]
    np.testing.assert_allclose([each.scores for each in found], nearest.cosines, rtol=1e-6)


def test_a_bank_from_a_file_unseats_the_hub_and_the_change_is_told(tmp_path, capsys):
    documents = collection(["abcd", "aekl", "bfmn", "cgop"])  # the first is near to every query
    queries = queries_of(["abce", "bcdf", "acdg"], documents)
    bank = write_bank(tmp_path / "bank.jsonl", ["ab", "bc", "cd", "ac", "bd"])
    raw = Corrected(encode, "toy", Settings(correction="raw")).rank(queries, 1)
    ranker = Corrected(encode, "toy", Settings(query_bank=bank, beta=5.0))
    found = ranker.rank(queries, 1)
    assert [each.documents[0] for each in raw] == ["d0", "d0", "d0"]
    assert [each.documents[0] for each in found] == ["d1", "d2", "d3"]
    assert ranker.name == "toy + is" and ranker.raw_hubness.most == 3
    told = capsys.readouterr().err
    assert "hubness in de: skewness of N_1 " in told and "query bank: 5 texts; its sums say little below 100" in told


def test_queries_with_their_own_candidates_are_ranked_among_them(tmp_path):
    own = [collection(["ab", "cd"]), collection(["ef", "gh", "eh"], "c")]
    queries = [
        RankedQuery(id="1", language="de", text="a", documents=own[0]),
        RankedQuery(id="2", language="de", text="h", documents=own[1]),
    ]
    bank = write_bank(tmp_path / "bank.jsonl", ["g", "gh", "a"])
    found = Corrected(encode, "toy", Settings(query_bank=bank, beta=1.0)).rank(queries, 5)
    assert [each.documents for each in found] == [("d0", "d1"), ("c2", "c1", "c0")]


def test_a_task_lends_its_training_queries_and_tunes_on_dev(capsys):
    train = queries_of(["ab", "bc", "cd"], collection(["abcd", "ae", "bf"], "t"), split="train")
    dev = queries_of(["ah", "bi", "cj"], collection(["h", "i", "j", "abc"], "v"), split="dev")
    ranker = Corrected(encode, "toy", Settings(correction="dual_is"))
    learned = ranker.learn(train, dev)
    assert learned == {"query_bank_beta": ranker.settings.beta, "gallery_bank_beta": ranker.settings.gallery_beta}
    assert ranker.settings.beta in GRID and ranker.settings.gallery_beta in GRID
    assert len(ranker.rank(queries_of(["al"], collection(["a", "l"])), 1)) == 1
    assert ranker.learn(train, dev) == {}
    capsys.readouterr()


def test_without_dev_an_open_beta_is_an_error(capsys):
    ranker = Corrected(encode, "toy", Settings())
    assert ranker.learn(queries_of(["ab"], collection(["abcd"], "t"), split="train"), []) == {}
    with pytest.raises(UserError, match="no beta, and no dev split"):
        ranker.rank(queries_of(["al"], collection(["a", "l"])), 1)
    capsys.readouterr()


def test_test_queries_in_the_bank_are_left_out_and_half_a_bank_of_them_is_refused():
    texts = [Document(id=str(i), language="de", text=text) for i, text in enumerate(["Ein  Haus", "ein Hund", "Maus"])]
    told, tested = [], [("q1", "ein haus")]
    assert bank_of(texts, "de", 9, tested, "query", told.append) == ["ein Hund", "Maus"]
    assert told[0] == "query bank: 1 of 3 texts are of what is tested and left out"
    assert bank_of(texts, "de", 9, [("2", "anderes")], "query", told.append) == ["Ein  Haus", "ein Hund"]  # by id
    with pytest.raises(UserError, match="2 of 3 texts are of what is tested; take texts of a training split"):
        bank_of(texts, "de", 9, [*tested, ("1", "ein hund")], "query", told.append)


def test_equal_line_numbers_of_two_splits_are_not_the_same_text(capsys):
    train, test = (queries_of(texts, collection(texts), split="") for texts in (["ab", "cd", "ef"], ["ag", "ch", "ei"]))
    ranker = Corrected(encode, "toy", Settings(correction="dual_is", beta=1.0, gallery_beta=1.0))
    ranker.learn(train, [])
    ranker.rank(test, 2)
    told = capsys.readouterr().err
    assert "left out" not in told and told.count("query bank: 3 texts") == 1


def test_a_bank_is_in_the_language_of_the_queries_where_it_can_be():
    texts, told = [Document(id=tag, language=tag, text=tag) for tag in ("de", "en")], []
    assert bank_of(texts, "de", 9, [], "query", told.append) == ["de"]
    assert bank_of(texts, "fr", 9, [], "query", told.append) == ["de", "en"]
    assert "query bank: no text in fr, so those of all languages are taken" in told


def test_a_large_bank_is_drawn_by_ids():
    texts = [Document(id=str(number), language="", text=f"t{number}") for number in range(300)]
    found = bank_of(texts, "de", 120, [], "query", print)
    assert len(found) == 120 and set(found) == set(bank_of(texts[::-1], "de", 120, [], "query", print))


def test_the_test_as_its_own_bank_must_be_asked_for_and_is_named(capsys):
    documents = collection(["abcd", "ae", "bf", "cg"])
    queries = queries_of(["ab", "abe", "bcf", "acg"], documents)
    ranker = Corrected(encode, "toy", Settings(transductive=True, beta=5.0))
    assert ranker.name == "toy + is, transductive"
    assert len(ranker.rank(queries, 2)) == 4
    capsys.readouterr()


def test_a_bank_file_holds_lines_or_json(tmp_path):
    path = tmp_path / "bank.txt"
    path.write_text('Ein Haus\n\n{"text": "a house", "language": "eng", "id": 7}\n', encoding="utf-8")
    assert read_bank(path) == [
        Document(id="line 1", language="", text="Ein Haus"),
        Document(id="7", language="en", text="a house"),
    ]
    for content, message in (("", "no texts"), ('{"text": 3}\n', ":1: no text"), ("{broken\n", ":1: not JSON")):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            read_bank(path)
