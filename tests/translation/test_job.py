"""The job's batches: every text once, sorted by length, the same in every run; memory that does not grow with rows."""

import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.translation import job as job_module
from isogloss.translation.job import BYTES, Job, Work, fill, plain, put_together, translated
from isogloss.translation.progress import Progress
from isogloss.translation.store import Kept, Store
from isogloss.translation.translator import Decoding

sys.path.append(str(Path(__file__).parent))
from fake_engine import Fake


class Watch:
    def __init__(self):
        self.rows = {}

    def worked(self, target, rows):
        self.rows[target, "worked"] = self.rows.get((target, "worked"), 0) + rows

    def found(self, target, rows):
        self.rows[target, "found"] = self.rows.get((target, "found"), 0) + rows


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as opened:
        yield opened


def texts(made):
    return [[each.text for each in results] for _, results in made]


def test_every_text_is_translated_once_in_batches_of_about_the_same_length(store):
    engine, watch = Fake(), Watch()
    rows = [f"{'word ' * (i % 17)}end {i % 50}. The same." for i in range(400)]
    job = Job(engine, store, plain("en"), Decoding(), Work(tokens=60))
    made = list(translated(job, rows, ["de", "sw"], watch))
    assert [row for row, _ in made] == rows
    assert texts(made)[3] == ["word-de word-de word-de end-de 3.-de The-de same.-de"] * 0 + [
        "word-de word-de word-de end-de 3.-de The-de same.-de",
        "word-sw word-sw word-sw end-sw 3.-sw The-sw same.-sw",
    ]
    given_texts = [text for call in engine.calls for text in call]
    assert len(given_texts) == 2 * len(set(given_texts))  # once for each language
    assert all(sum(len(text.encode()) // BYTES for text in call) <= 60 for call in engine.calls)
    half = given_texts[: len(given_texts) // 2]
    assert [len(text) // BYTES for text in half] == sorted(len(text) // BYTES for text in half)
    assert watch.rows == pytest.approx({("de", "worked"): 400, ("sw", "worked"): 400})
    list(translated(job, rows, ["de"], watch))
    assert watch.rows["de", "found"] == 400


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=12), st.integers(1, 40))
def test_any_texts_come_back_in_their_order(tmp_path_factory, rows, tokens):
    class Same(Fake):
        def one(self, text, target):
            made = super().one(text, target)
            return type(made)((type(made.hypotheses[0])(text, -1.0, 2),))

    with Store(tmp_path_factory.mktemp("s") / "store") as store:
        job = Job(Same(), store, plain("en"), Decoding(), Work(tokens=tokens))
        assert texts(translated(job, rows, ["de"], Watch())) == [[row] for row in rows]


def test_the_same_rows_give_the_same_batches_whatever_was_done_before(store, tmp_path, monkeypatch):
    monkeypatch.setattr(job_module, "BLOCK", 20)
    rows = [f"Sentence of number {i % 37}, {'long ' * (i % 5)}indeed." for i in range(90)]
    whole = Fake()
    list(translated(Job(whole, store, plain("en"), Decoding(), Work(tokens=40)), rows, ["de"], Watch()))
    with Store(tmp_path / "other") as other:
        first, second = Fake(), Fake()
        made = translated(Job(first, other, plain("en"), Decoding(), Work(tokens=40)), rows, ["de"], Watch())
        for _ in range(21):
            next(made)
        list(translated(Job(second, other, plain("en"), Decoding(), Work(tokens=40)), rows, ["de"], Watch()))
    assert len(first.calls) > 2 and len(second.calls) > 2
    assert first.calls + second.calls == whole.calls


def test_shares_are_disjoint_and_together_everything(store):
    rows = [f"Row {i}." for i in range(300)]
    engines = [Fake(), Fake(), Fake()]
    for number, engine in enumerate(engines):
        fill(Job(engine, store, plain("en"), Decoding(), Work(share=(number, 3))), rows, ["de"], Watch())
    parts = [{text for call in engine.calls for text in call} for engine in engines]
    assert set.union(*parts) == set(rows) and sum(map(len, parts)) == 300
    nothing = Fake()
    job = Job(nothing, store, plain("en"), Decoding())
    assert texts(put_together(job, rows, ["de"]))[299] == ["Row-de 299.-de"]


def test_scores_are_summed_over_stretches_and_a_failure_is_that_of_the_whole(store):
    job = Job(Fake(failing="Bad"), store, plain("en"), Decoding())
    rows = ["One two. Three.", "Good. Bad. Bad one.", "... 12"]
    (good,), (bad,), (nothing,) = (results for _, results in translated(job, rows, ["de"], Watch()))
    assert (good.hypotheses[0].log_probability, good.hypotheses[0].tokens) == (-1.5, 3)
    assert (bad.text, bad.failure) == (None, "reached the output limit")
    assert (nothing.text, nothing.hypotheses[0].log_probability, nothing.hypotheses[0].tokens) == ("... 12", 0, 0)
    known = job.store.read([key for batch in [job.cut(rows)] for key in job._keys(batch, "en", "de")])
    assert sum(kept == Kept(failure="reached the output limit", attempts=1) for kept in known.values()) == 2


def test_an_engine_for_documents_gets_whole_lines(store):
    engine = Fake(documents=True)
    list(translated(Job(engine, store, plain("en"), Decoding()), ["One. Two.", "Three."], ["de"], Watch()))
    assert engine.calls == [["Three.", "One. Two."]]


def test_other_decoding_or_another_engine_finds_nothing_of_the_first(store):
    for engine, decoding in ((Fake(), Decoding()), (Fake(), Decoding(beam=1)), (Fake(fingerprint="2"), Decoding())):
        list(translated(Job(engine, store, plain("en"), decoding), ["One."], ["de"], Watch()))
        assert engine.calls == [["One."]]


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(job_module, "BLOCK", 250)

    def peak(count):
        engine = Fake()
        engine.calls = type("Nowhere", (), {"append": lambda self, _: None})()
        with Store(tmp_path / str(count)) as store:
            job = Job(engine, store, plain("en"), Decoding(), Work(tokens=1000))
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            for _ in translated(job, (f"The row of number {i}." for i in range(count)), ["de"], Progress(["de"])):
                pass
            return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        peak(500)
        few, many = peak(1000), peak(6000)
    finally:
        tracemalloc.stop()
    assert many < 1.2 * few + 100_000
