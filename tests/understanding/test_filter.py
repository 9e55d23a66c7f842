from dataclasses import replace

import pytest
import torch

from isogloss.data.collation import collator
from isogloss.encoders.models import EncoderForSequenceClassification
from isogloss.errors import UserError
from isogloss.kinds import Lengths, examples, load_kind
from isogloss.prediction import Reader
from isogloss.records import Sentence, is_labelled
from isogloss.runs import Job, load, train
from isogloss.tasks import load_task
from isogloss.understanding import filter as method
from isogloss.understanding.filter import (
    FilterForQuestionAnswering,
    FilterForSequenceClassification,
    FilterForTokenClassification,
    Method,
    Settings,
    fused_layers,
    pair_loss,
    training_sides,
)

KINDS = ("classification", "tagging", "question_answering")
CLASSES = {
    "classification": FilterForSequenceClassification,
    "tagging": FilterForTokenClassification,
    "question_answering": FilterForQuestionAnswering,
}


@pytest.fixture
def job(recipe, tmp_path):
    """A function from a kind to the job of training FILTER on it."""

    def make(kind, row="filter"):
        made = recipe(kind, row, tmp_path / "run")
        return Job(made, made.output)

    return make


def model_of(job, seed=0):
    torch.manual_seed(seed)
    return Method(Settings()).build(job).eval()


@pytest.mark.parametrize(
    ("m", "k", "layers"), [(1, 2, [1, 2]), (0, 4, [0, 1, 2, 3]), (2, 0, []), (4, 0, []), (0, 0, [])]
)
def test_the_fused_layers_follow_the_local_ones(m, k, layers):
    assert fused_layers(4, m, k) == layers


@pytest.mark.parametrize(
    ("m", "k", "advice"),
    [
        (3, 2, "fusion_layers to 1 or less"),
        (1, -1, "fusion_layers to 3 or less"),
        (5, 0, "local_layers to 3 or less"),
        (9, 1, "local_layers to 3 or less"),
        (-1, 2, "local_layers to 3 or less"),
    ],
)
def test_more_layers_than_there_are_is_an_error_with_an_advice_that_helps(m, k, advice):
    with pytest.raises(UserError, match=f"set {advice}"):
        fused_layers(4, m, k)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (Settings(self_teaching=1.5), "self_teaching = 1.5 is a weight; choose it between 0 and 1"),
        (Settings(self_teaching=-0.1), "between 0 and 1"),
        (Settings(temperature=0.0), "temperature = 0.0 must be positive"),
    ],
)
def test_settings_out_of_range_are_refused(settings, complaint):
    with pytest.raises(UserError, match=complaint):
        Method(settings)


@pytest.mark.parametrize("name", KINDS)
def test_models_are_made_from_an_encoder_by_name_or_as_it_is(encoder_folder, make_encoder, name):
    cls = CLASSES[name]
    for encoder in (str(encoder_folder), make_encoder()):
        model = cls.from_encoder(encoder, local_layers=2, fusion_layers=1, num_labels=2)
        assert model.config.fused_layers == [2]
    assert cls.from_encoder(make_encoder(), num_labels=2).config.fused_layers == [1]


def test_zero_fusion_layers_are_the_baseline_s_model(make_encoder):
    made = []
    for cls, layers in (
        (FilterForSequenceClassification, {"fusion_layers": 0}),
        (EncoderForSequenceClassification, {}),
    ):
        torch.manual_seed(1)
        made.append(cls.from_encoder(make_encoder(), num_labels=3, **layers).eval())
    ids, other = torch.tensor([[0, 41, 52, 2]]), torch.tensor([[0, 9, 2]])
    with torch.inference_mode():
        a, b = (model(ids, translation_input_ids=other).logits for model in made)
    assert torch.equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_goes_with_its_translation_and_english_with_itself(job, kind):
    pairs = [training_sides(record) for records in job(kind).paired_records().values() for record in records]
    assert {record.language for record, _ in pairs} == {"en", {"tagging": "da"}.get(kind, "de")} | (
        {"zh"} if kind == "question_answering" else set()
    )
    for record, side in pairs:
        assert side.language == "en" and side.id == record.id
        assert (side == record) == (record.language == "en")


def test_a_pair_without_any_label_is_left_out(job, monkeypatch):
    bare = Sentence(id="1", language="de", text="a", translations=(Sentence(id="1", language="en", text="b"),))
    labelled = replace(bare, id="2", label="travel")
    monkeypatch.setattr(Job, "records", lambda self, split: {"de": [bare, labelled]})
    assert [example.id for example in Method(Settings()).examples(job("classification"))] == ["2"]


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_examples_are_distinct(job, kind):
    keys = [example.key for example in Method(Settings()).examples(job(kind))]
    assert len(set(keys)) == len(keys)


def batch_of(job, count=5, teacher=None):
    found = Method(Settings()).examples(job)[-count:]
    if teacher is not None:
        rows = Reader(teacher, job.kind).logits(found)
        found = [replace(example, teacher=row) for example, row in zip(found, rows, strict=True)]
    return collator(job.kind)(found)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_teacher_the_loss_is_the_cross_entropy_of_both_sides(job, kind):
    made = job(kind)
    model, batch = model_of(made), batch_of(made)
    names = ("input_ids", "attention_mask", "translation_input_ids", "translation_attention_mask")
    output = model(**{name: batch[name] for name in names})
    first = model.hard_loss(output.logits, batch["labels"], batch["attention_mask"])
    second = model.hard_loss(
        output.side_logits[1], batch["translation_labels"][0], batch["translation_attention_mask"][0]
    )
    assert first > 0 and second > 0
    for alpha in (0.0, 0.5):
        torch.testing.assert_close(pair_loss(model, batch, self_teaching=alpha, temperature=2.0), first + second)


@pytest.mark.parametrize("alpha", [0.25, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_with_a_teacher_the_target_side_is_a_mixture_and_the_translation_stays_whole(job, kind, alpha):
    made = job(kind)
    model, teacher = model_of(made), model_of(made, seed=9)
    batch = batch_of(made, teacher=teacher)
    output = model(**{name: value for name, value in batch.items() if name.endswith(("input_ids", "attention_mask"))})
    hard = model.hard_loss(output.logits, batch["labels"], batch["attention_mask"])
    english = model.hard_loss(
        output.side_logits[1], batch["translation_labels"][0], batch["translation_attention_mask"][0]
    )
    soft = model.soft_loss(output.logits, batch["teacher_logits"], batch["attention_mask"], 2.0)
    assert soft > 1e-4
    expected = (1 - alpha) * hard + alpha * soft + english
    torch.testing.assert_close(pair_loss(model, batch, self_teaching=alpha, temperature=2.0), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_student_that_is_its_own_teacher_pays_no_soft_loss(job, kind):
    made = job(kind)
    model = model_of(made)
    batch = batch_of(made, teacher=model)
    output = model(**{name: value for name, value in batch.items() if name.endswith(("input_ids", "attention_mask"))})
    soft = model.soft_loss(output.logits, batch["teacher_logits"], batch["attention_mask"], 1.0)
    assert soft.item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_of_a_batch_changes_no_loss(job, kind):
    """The shorter of two examples costs in the batch what it costs alone."""
    made = job(kind)
    model, teacher = model_of(made), model_of(made, seed=9)
    found = Method(Settings()).examples(made)
    rows = Reader(teacher, made.kind).logits(found)
    found = [replace(example, teacher=row) for example, row in zip(found, rows, strict=True)]
    collate = collator(made.kind)
    pair = sorted(found, key=lambda example: len(example.sides[0].input_ids))
    pair = [pair[0], pair[-1]]
    assert len(pair[0].sides[0].input_ids) < len(pair[1].sides[0].input_ids)
    with torch.inference_mode():
        wide = collate(pair)
        wide_one = {
            key: [side[:1] for side in value] if isinstance(value, list) else value[:1] for key, value in wide.items()
        }
        narrow = pair_loss(model, collate(pair[:1]), self_teaching=0.5, temperature=2.0)
        torch.testing.assert_close(pair_loss(model, wide_one, self_teaching=0.5, temperature=2.0), narrow)


def test_unlabelled_translations_cost_nothing_in_tagging(job):
    """The released code labels every translated word O."""
    made = job("tagging")
    model, batch = model_of(made), batch_of(made)
    batch["labels"] = torch.full_like(batch["labels"], -100)
    output = model(**{name: value for name, value in batch.items() if name.endswith(("input_ids", "attention_mask"))})
    english = model.hard_loss(output.side_logits[1], batch["translation_labels"][0], None)
    torch.testing.assert_close(pair_loss(model, batch, self_teaching=0.0, temperature=1.0), english)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_a_translation_is_read_like_a_text_beside_itself(trained, kind):
    predictor = load(trained(kind, "filter"))
    record = next(iter(german_test_records(predictor)))
    alone = replace(record, translations=())
    beside_itself = replace(record, translations=(alone,))
    (a,), (b,) = predictor.predict([alone]), predictor.predict([beside_itself])
    if kind == "classification":
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-5)
    else:
        assert a == replace(b, score=a.score) if kind == "question_answering" else a == b


def german_test_records(predictor):
    from pathlib import Path

    from isogloss.data.task_data import read_split

    manifest = predictor.manifest
    return read_split(predictor.task, Path(manifest["data"]["folder"]), "test", ["de"])["de"]


def test_the_translation_is_read(trained):
    predictor = load(trained("classification", "filter"))
    record = german_test_records(predictor)[0]
    (a,), (b,) = predictor.predict([record]), predictor.predict([replace(record, translations=())])
    assert a.probabilities != pytest.approx(b.probabilities, abs=1e-4)


def test_a_pivot_is_read_as_a_third_side(recipe, own_data, tmp_path):
    spanish = own_data / "sib200" / "spa_Latn"
    spanish.mkdir()
    for path in (own_data / "sib200" / "eng_Latn").iterdir():
        text = path.read_text(encoding="utf-8")
        (spanish / path.name).write_text(text.replace("The ", "El ").replace(" saw ", " vi "), encoding="utf-8")
    made = recipe("classification", "filter", tmp_path / "run")
    run = train(replace(made, data=own_data, pivots=("es",)))
    predictor = load(run)
    assert predictor.manifest["pivots"] == ["es"]
    from isogloss.data.task_data import read_split

    record = read_split(predictor.task, own_data, "test", ["de"], pivots=["es"])["de"][0]
    assert [side.language for side in record.translations] == ["en", "es"]
    (three,), (two,) = (
        predictor.predict([record]),
        predictor.predict([replace(record, translations=record.translations[:1])]),
    )
    assert three.probabilities != pytest.approx(two.probabilities, abs=1e-5)
    (turned,) = predictor.predict([replace(record, translations=record.translations[::-1])])
    assert turned.probabilities == pytest.approx(three.probabilities, abs=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_the_released_losses_train_as_well(recipe, tmp_path, kind, alpha):
    made = recipe(kind, "filter", tmp_path / "run", updates=2)
    run = train(replace(made, config=replace(made.config, released_losses=True, self_teaching=alpha)))
    assert 0 < load(run).manifest["loss"] < 50


def test_examples_of_the_second_phase_carry_the_teacher_s_logits(trained, recipe, tmp_path, monkeypatch):
    made = recipe("classification", "filter_self_teaching", tmp_path / "run")
    reader = load(trained("classification", "filter")).reader
    monkeypatch.setattr(Job, "stage", lambda self, name, settings: reader)
    (tmp_path / "run").mkdir()
    found = Method(made.config).examples(Job(made, made.output))
    again = Method(made.config).examples(Job(made, made.output))
    assert all(example.teacher.shape == (7,) for example in found)
    assert all((a.teacher == b.teacher).all() for a, b in zip(found, again, strict=True))
    assert (tmp_path / "run" / "teacher" / "logits.safetensors").is_file()


def test_logits_of_another_set_of_examples_are_made_again(trained, recipe, tmp_path, monkeypatch):
    made = recipe("classification", "filter_self_teaching", tmp_path / "run")
    reader = load(trained("classification", "filter")).reader
    monkeypatch.setattr(Job, "stage", lambda self, name, settings: reader)
    path = tmp_path / "run" / "teacher" / "logits.safetensors"
    method.save_ragged(path, {"xx/1/0": torch.zeros(7).numpy()})
    found = Method(made.config).examples(Job(made, made.output))
    assert len(found) == made.train.updates * made.train.batch_size  # no logits for pairs that are never read
    made = replace(made, train=replace(made.train, updates=100))
    assert len(Method(made.config).examples(Job(made, made.output))) == 24


def test_a_window_of_a_long_context_goes_with_one_of_its_translation(tokenizer):
    kind = load_kind(load_task("xquad"), tokenizer, Lengths(48, 8, 16))
    assert not is_labelled(Sentence(id="1", language="en", text="a"))
    from isogloss.records import Question

    english = Question(id="1", language="en", question="Where?", context="In Rome it is. " * 20)
    german = Question(id="1", language="de", question="Wo?", context="In Rom ist es. " * 20, translations=(english,))
    found = list(examples(kind, [(german, english)]))
    assert len(found) > 3 and all(len(example.sides) == 2 for example in found)
