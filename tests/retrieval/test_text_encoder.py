import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from isogloss.encoders.sentence_vectors import encode_with
from isogloss.errors import UserError
from isogloss.retrieval import text_encoder as module
from isogloss.retrieval.text_encoder import check_encoder, text_encoder, trained_languages

TEXTS = ["Where is the train?", "Wo ist der Zug?", "去柏林的火车"]


def test_an_encoder_as_it_is_gives_its_sentence_vectors_and_is_found_again_by_its_whole_path(
    encoder_folder, monkeypatch
):
    monkeypatch.chdir(encoder_folder.parent)
    made = text_encoder(encoder_folder.name)
    assert made.name == str(encoder_folder)
    vectors = made.encode(TEXTS)
    np.testing.assert_array_equal(vectors, encode_with(str(encoder_folder))(TEXTS))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_a_run_encodes_as_its_method_says_and_like_its_encoder_where_that_says_nothing(trained, monkeypatch):
    run = trained("classification", "zero_shot")
    as_it_is = text_encoder(run)
    np.testing.assert_array_equal(as_it_is.encode(TEXTS), encode_with(str(run))(TEXTS))
    learned = SimpleNamespace(text_encoder=lambda folder: lambda texts: np.full((len(texts), 2), 0.5**0.5, np.float32))
    monkeypatch.setattr(module, "load_method", lambda _: learned)
    assert text_encoder(run).encode(TEXTS).shape == (3, 2)


def test_languages_are_those_of_the_cards_and_of_the_training(trained, encoder_folder, tmp_path):
    assert {"de", "sw", "ban"} <= (trained_languages(module.Path("tiny")) or set())
    assert trained_languages(encoder_folder) is None, "it has no card"
    for card, expected in (
        ("---\nlanguage: [multilingual, en, swh]\n---\n# x", {"en", "sw"}),
        ("---\nlanguage: de\n---\n", {"de"}),
        ("---\nlanguage: multilingual\n---\n", None),
        ("---\nlanguage:\n- multilingual\n---\n", None),
        ("---\nlicense: mit\n---\n", None),
        ("---\nlanguage: [\n---\n", None),
        ("no head", None),
    ):
        (tmp_path / "README.md").write_text(card)
        assert trained_languages(tmp_path) == expected
    run = shutil.copytree(trained("classification", "zero_shot"), tmp_path / "run")
    assert trained_languages(run) is None, "what its encoder saw is not known"
    manifest = run / "isogloss.json"
    manifest.write_text(manifest.read_text().replace(str(encoder_folder), "tiny"))
    assert {"de", "sw"} <= (trained_languages(run) or set())


def test_an_encoder_is_known_again_by_its_vectors_up_to_rounding(encoder_folders):
    made = text_encoder(encoder_folders["xlm-roberta"])
    vectors = np.round(made.checked_vectors(), 4) + 1e-4
    check_encoder(module.Path("i"), made, vectors.tolist(), "a")
    with pytest.raises(UserError, match="i was made with the encoder a, and .* gives other vectors"):
        check_encoder(module.Path("i"), text_encoder(encoder_folders["bert"]), vectors.tolist(), "a")
