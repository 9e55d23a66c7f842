import random

import pytest
from language_model import blocks, language_model  # noqa: F401 - a fixture
from sacrebleu.metrics.chrf import CHRF

from isogloss.errors import UserError
from isogloss.translation import adaptive_prompts
from isogloss.translation.adaptive_prompts import with_context
from isogloss.translation.engines import llm, memory
from isogloss.translation.prompts import Term
from isogloss.translation.terminology import adherence, read_glossary
from isogloss.translation.translator import Decoding, Hypothesis, Translation

GREEDY = Decoding(beam=1)
FRAMES = ("the {} {} near the {}", "we saw {} {} behind a {}", "no {} was {} in any {}", "your {} is {} for one {}")
SUBJECTS = ("doctor", "train", "garden", "river", "window", "teacher", "bridge", "market", "forest", "engine")
STATES = ("closed", "painted", "empty", "repaired", "famous", "visited", "measured")
PLACES = ("station", "village", "school", "harbour", "museum", "castle")
FRAME_WORDS = {word for frame in FRAMES for word in frame.split() if word != "{}"}


def backwards(text):
    """The translation into a language in which every word is spelt backwards; it stands for one nobody identifies."""
    return " ".join(word[::-1] for word in text.split())


@pytest.fixture
def corpus(tmp_path):
    """A memory file of sentences of a small world, and other sentences of it with their translations."""
    chance = random.Random(7)
    every = [frame.format(s, t, p) for frame in FRAMES for s in SUBJECTS for t in STATES for p in PLACES]
    chance.shuffle(every)
    rows = [f"{text}\t{backwards(text)}\n" for text in every[:150]]
    (tmp_path / "tm.tsv").write_text("en\two\n" + "".join(rows), encoding="utf-8")
    return tmp_path / "tm.tsv", every[150:174]


@pytest.fixture
def model(language_model):  # noqa: F811
    """The stand-in, which knows the small words only and has to learn the others from its prompt."""
    language_model.known = {word: word[::-1] for word in FRAME_WORDS}
    adaptive_prompts.tell_once.cache_clear()
    return language_model


def chrf(engine, texts):
    made = engine.translate(texts, "en", "wo", GREEDY)
    assert not any(each.failure for each in made)
    return CHRF().corpus_score([each.text for each in made], [list(map(backwards, texts))]).score


def engine_of(model, **context):
    return with_context(llm.load(model.spec), **context) if context else llm.load(model.spec)


def test_similar_examples_are_worth_more_than_random_ones_and_these_more_than_none(model, corpus):
    path, texts = corpus
    scores = {"none": chrf(engine_of(model), texts)}
    for selection in ("random", "similar", "mixed", "fixed"):
        scores[selection] = chrf(engine_of(model, memory=path, shots=5, selection=selection), texts)
    assert scores["none"] + 10 < min(scores["random"], scores["fixed"])
    assert max(scores["random"], scores["fixed"]) + 10 < min(scores["similar"], scores["mixed"])


def test_more_similar_examples_are_better_and_the_first_one_gains_most(model, corpus):
    path, texts = corpus
    scores = [chrf(engine_of(model, memory=path, shots=shots), texts) for shots in (0, 1, 3, 5)]
    assert scores == sorted(scores) and scores[1] - scores[0] > scores[3] - scores[2]


def test_a_memory_by_an_encoders_vectors_helps_too(model, corpus, encoder_folder):
    path, texts = corpus
    by_vectors = engine_of(model, memory=path, shots=3, similarity=str(encoder_folder))
    assert chrf(by_vectors, texts) > chrf(engine_of(model), texts) + 5
    assert "model.safetensors" not in by_vectors.fingerprint and len(model.requests[0]["messages"]) == 1 + 2 * 3


def test_every_prompt_ends_with_the_most_similar_pair_and_never_holds_the_texts_own(model, corpus):
    path, texts = corpus
    held = path.read_text(encoding="utf-8").splitlines()[1].split("\t")[0]
    engine_of(model, memory=path, shots=5).translate([*texts, held], "en", "wo", GREEDY)
    for body in model.requests:
        *examples, asked = blocks(body)
        assert len(examples) == 5 and asked["source"] not in [each["source"] for each in examples]
        shared = [len(set(each["source"].split()) & set(asked["source"].split())) for each in examples]
        assert shared[-1] >= shared[0]


def test_required_terms_reach_the_model_and_adherence_is_measured(model, corpus, tmp_path):
    _, texts = corpus
    glossary = tmp_path / "terms.tsv"
    glossary.write_text("train\tniart\nRiver\trevir\nvillage\tegalliv\nraft\tx\n", encoding="utf-8")
    terms = [read_glossary(glossary, "en", "wo").terms_in(text) for text in texts]
    without = [each.text for each in engine_of(model).translate(texts, "en", "wo", GREEDY)]
    made = [each.text for each in engine_of(model, terms=glossary).translate(texts, "en", "wo", GREEDY)]
    required = sum(map(len, terms))
    assert required > 5 and adherence(terms, without) == (required, 0, 0)
    assert adherence(terms, made) == (required, required, required)
    assert terms[0] == () or isinstance(terms[0][0], Term)


class Draft:
    """An engine that gets the words right but writes them in capitals; it fails for a text with a given word."""

    fingerprint, provenance = "draft 1", {"engine": "draft"}

    def __init__(self):
        self.asked = []

    def check(self, source, target):
        if target == "de":
            raise UserError("draft has no en-de")

    def translate(self, texts, source, target, decoding):
        self.asked += texts
        return [
            Translation(failure="no") if "castle" in text else Translation((Hypothesis(backwards(text).upper()),))
            for text in texts
        ]


def test_a_draft_stands_beside_the_text_and_every_example_and_is_corrected_as_they_are(model, corpus, capsys):
    path, texts = corpus
    draft = Draft()
    engine = engine_of(model, memory=path, shots=5, draft=draft)
    made = chrf(engine, texts)
    assert made > chrf(engine_of(model, draft=Draft()), texts)
    asked = [blocks(body) for body in model.requests[: len(texts)]]
    assert all(bool(each["draft"]) == ("castle" not in each["source"]) for group in asked for each in group)
    assert all(each["draft"] in (None, backwards(each["source"]).upper()) for group in asked for each in group)
    assert len(draft.asked) == len({*draft.asked})  # a draft is made once
    assert capsys.readouterr().err.count("no draft for some texts") == 1
    with pytest.raises(UserError, match="draft has no en-de"):
        with_context(llm.load(model.spec), draft=draft).check("en", "de")


def test_the_manner_of_the_examples_becomes_that_of_the_translation(model, tmp_path):
    path = tmp_path / "tm.tsv"
    rows = [("where are you", "wo sind Sie", "formal"), ("where are you", "wo bist du", "informal")]
    rows += [("are you here", "sind Sie hier", "formal"), ("are you there", "bist du da", "informal")]
    path.write_text("source\ttarget\tstyle\n" + "".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    made = {}
    for style in ("formal", "informal"):
        engine = with_context(llm.load(model.spec), memory=path, shots=2, selection="fixed", style=style)
        made[style] = engine.translate(["you are where"], "en", "wo", GREEDY)[0].text
    assert made == {"formal": "Sie sind wo", "informal": "du bist wo"}


def test_a_memory_that_holds_the_texts_themselves_is_told_once(model, corpus, capsys):
    path, _ = corpus
    held = [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:7]]
    engine = engine_of(model, memory=path, shots=2)
    engine.translate(held[:3], "en", "wo", GREEDY)
    engine.translate(held[3:], "en", "wo", GREEDY)
    assert capsys.readouterr().err.count("a test set is no memory for itself") == 1
    engine_of(model, memory=path, shots=2, allow_exact=True).translate(held, "en", "wo", GREEDY)
    assert blocks(model.requests[-1])[-2]["source"] == blocks(model.requests[-1])[-1]["source"]
    assert "for itself" not in capsys.readouterr().err


def test_too_few_examples_are_never_passed_over_in_silence(model, corpus, capsys):
    path, texts = corpus
    engine_of(model, memory=path, shots=5, at_least=0.9).translate(texts, "en", "wo", GREEDY)
    told = capsys.readouterr().err
    assert "some texts have fewer than 5 examples, as no other pair is at least 0.9 similar" in told
    with pytest.raises(UserError, match="200 examples were asked for, the memory has 150 pairs"):
        engine_of(model, memory=path, shots=200).check("en", "wo")


def test_the_fingerprint_holds_all_that_the_prompt_does(model, corpus, tmp_path, encoder_folder):
    path, _ = corpus
    terms = tmp_path / "terms.tsv"
    terms.write_text("a\tb\n", encoding="utf-8")
    contexts = [
        {},
        {"memory": path},
        {"memory": path, "shots": 3},
        {"memory": path, "selection": "random"},
        {"memory": path, "selection": "random", "seed": 2},
        {"memory": path, "similarity": str(encoder_folder)},
        {"memory": path, "similarity": backwards},
        {"memory": path, "at_least": 0.5},
        {"memory": path, "style": "formal"},
        {"memory": path, "allow_exact": True},
        {"terms": terms},
        {"draft": Draft()},
    ]
    prints = [engine_of(model, **context).fingerprint for context in contexts]
    assert len({*prints}) == len(prints)
    assert prints == [engine_of(model, **context).fingerprint for context in contexts]
    moved = path.rename(tmp_path / "moved.tsv")
    assert engine_of(model, memory=moved).fingerprint == prints[1]  # what it holds counts, not its name
    moved.write_text(moved.read_text(encoding="utf-8") + "new\twen\n", encoding="utf-8")
    assert engine_of(model, memory=moved).fingerprint != prints[1]


def test_provenance_names_the_files_and_their_content(model, corpus):
    path, _ = corpus
    told = engine_of(model, memory=path, shots=3, draft=Draft()).provenance
    assert told["memory"]["file"] == "tm.tsv" and len(told["memory"]["sha256"]) == 64
    assert told["shots"]["count"] == 3 and told["draft"] == {"engine": "draft"}
    assert str(path.parent) not in str(told)


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({"memory": "nowhere.tsv"}, "nowhere.tsv: no such file"),
        ({"terms": "nowhere.tsv"}, "nowhere.tsv: no such file"),
        ({"selection": "nearest"}, "no selection 'nearest'; known: fixed, mixed, random, similar"),
        ({"shots": -1}, "shots = -1: a text sees 0 examples or more"),
        ({"at_least": 2.0}, "at_least = 2: a similarity is between 0"),
        ({"at_least": 0.5, "selection": "random"}, "selection random does not look at similarities"),
    ],
)
def test_a_mistake_is_told_before_the_first_request(model, tmp_path, context, told):
    context = {name: tmp_path / value if name in ("memory", "terms") else value for name, value in context.items()}
    with pytest.raises(UserError, match=told):
        engine_of(model, **context)


def test_an_engine_without_a_prompt_takes_no_context(corpus):
    path, _ = corpus
    with pytest.raises(UserError, match="memory reads no prompt, so no memory, terms or draft; use llm:MODEL@URL"):
        with_context(memory.load(str(path)), memory=path)
