from dataclasses import fields

import pytest
from helpers import DATA

from isogloss.data.checks import record_labels
from isogloss.data.formats import read_conll
from isogloss.data.parallel import pair
from isogloss.data.task_data import read_machine, read_split
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.methods import load_method
from isogloss.metrics import load_metric
from isogloss.records import Question
from isogloss.tasks import bio_tags, load_task, task_names
from isogloss.tasks.tatoeba import XTREME
from isogloss.tasks.xquad_third import paragraphs_of

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="no data sets: set ISOGLOSS_DATA to the folder that holds them"
)
PARTS = {("xnli", "train"): 7500}  # items there of a split that is larger as published
REAL = ("sib200", "nusax", "xnli", "xsid_intent", "xsid_slots", "ud_pud", "xquad_third")


@pytest.mark.parametrize("name", task_names())
def test_a_declaration_is_complete(name):
    task = load_task(name)
    assert task.name == name
    assert task.kind in ("classification", "tagging", "question_answering", "bitext", "translation", "ranking")
    assert len(set(task.labels)) == len(task.labels)
    assert bool(task.labels) == (task.kind in ("classification", "tagging"))
    for metric in (task.metric, *task.other_metrics) if task.metric != "none" else ():
        assert load_metric(metric).name == metric
    if task.encoder_method is not None:
        assert {item.name for item in fields(load_method(task.encoder_method).Settings)} >= task.encoder_settings.keys()


@pytest.mark.parametrize("name", task_names())
def test_languages_are_tags(name):
    task = load_task(name)
    for tag in (*task.languages, *task.train_languages, *task.dev_languages):
        assert language(tag).tag == tag


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(UserError, match="did you mean sib200"):
        load_task("sib20")
    with pytest.raises(UserError, match="no task '_xsid'"):
        load_task("_xsid")


def test_sizes_may_differ_by_language():
    task = load_task("xsid_slots")
    assert (task.size("test", "de"), task.size("test", "ja"), task.size("odd", "de")) == (500, 250, None)


def test_bio_tags_begin_with_o():
    assert bio_tags(("a", "b")) == ("O", "B-a", "I-a", "B-b", "I-b")


def test_xquad_paragraphs_belong_to_one_split_each():
    parts = [paragraphs_of(split) for split in ("train", "dev", "test")]
    assert [len(part) for part in parts] == [64, 16, 160]
    assert set().union(*parts) == set(range(240))


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_the_data_sets_have_their_sizes(name, split):
    task = load_task(name, DATA)
    found = read_split(task, DATA, split)
    assert tuple(found) == task.languages_of(split)
    for tag, records in found.items():
        assert len(records) == PARTS.get((name, split), task.size(split, tag)), tag
        assert all(bool(record.translations) == (tag != "en") for record in records)
        for side in (side for record in records for side in record.translations):
            assert side.language == "en"
            labelled = side.answers if isinstance(side, Question) else record_labels(side)
            assert bool(labelled) == (split == "train")


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_no_item_is_in_two_splits(name):
    task = load_task(name)
    if task.folder in ("xsid", "xnli"):  # their ids count from 1 in every file
        return
    ids = [{record.id for record in read_split(task, DATA, split, ["en"])["en"]} for split in ("train", "dev", "test")]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize("split", ["dev", "test"])
def test_xsid_english_by_id_is_the_original_its_files_quote(split):
    part = {"dev": "valid", "test": "test"}[split]
    for tag, records in read_split(load_task("xsid_slots"), DATA, split, ["ja", "bar-IT", "ar"]).items():
        name = {"bar-IT": "de-st"}.get(tag, tag)
        blocks = read_conll(DATA / "xsid" / f"{name}.{part}.conll", columns=4)
        assert [r.translations[0].text for r in records] == [b.comments["text-en"] for b in blocks]


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "splits"), [("mlqa_dev", "train test"), ("tydiqa_sw", "train test"), ("panx_dev", "train dev")]
)
def test_sets_that_are_not_parallel_in_all_splits_have_their_sizes(name, splits):
    task = load_task(name)
    for split in splits.split():
        for tag, records in read_split(task, DATA, split).items():
            assert len(records) == task.size(split, tag)
            assert all(bool(record.translations) == (split in task.parallel and tag != "en") for record in records)


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize(("name", "split"), [("xquad", "test"), ("mlqa", "dev"), ("tydiqa", "train")])
def test_the_official_questions_that_are_there_have_their_sizes_and_their_english(name, split):
    task = load_task(name, DATA)
    found = read_split(task, DATA, split)
    assert len(found) == {"xquad": 8, "mlqa": 5, "tydiqa": 1}[name]
    english = {record.id: record for record in found["en"]}
    for tag, records in found.items():
        assert len(records) == task.size(split, tag)
        for record in records if tag != "en" else ():
            (side,) = record.translations
            assert (side.context, side.answers) == (english[record.id].context, ())


@needs_data
@pytest.mark.real_data
def test_pawsx_dev_leaves_out_what_was_not_translated_or_has_no_label():
    test = read_split(load_task("pawsx_dev"), DATA, "test")
    assert len(test["en"]) == 2000 - 17
    texts = {text for records in test.values() for record in records for text in (record.text, record.text_pair)}
    assert "NS" not in texts
    german = {record.id: record for record in test["de"]}
    assert all(german[r.id].translations[0].text == r.text for r in test["en"] if r.id in german)


@needs_data
@pytest.mark.real_data
def test_xnli_has_machine_translations_of_its_test_pairs_in_two_languages():
    task = load_task("xnli")
    gold = read_split(task, DATA, "test", ["sw", "ur"])
    for tag, machine in read_machine(task, DATA, "test", ["en", "sw", "ur"]).items():
        paired = pair(gold[tag], "machine", machine=machine)
        assert len(paired) == 5010
        same = sum(a.translations[0].text == b.translations[0].text for a, b in zip(gold[tag], paired, strict=True))
        assert same < 1500  # a translation of the text, not its original
    with pytest.raises(UserError, match="no test items in de; looked for .*de.trans.test.tsv"):
        read_machine(task, DATA, "test", ["de"])


@needs_data
@pytest.mark.real_data
def test_parallel_text_leaves_out_what_the_tasks_test_on():
    tested = {record.text for split in ("dev", "test") for record in read_split(load_task("sib200"), DATA, split)["sw"]}
    read = load_task("parallel_text").read(DATA, "train", "sw")
    assert len(read) > 20_000
    assert not tested & {bitext.text for bitext in read}
    with pytest.raises(UserError, match="training material only"):
        load_task("parallel_text").read(DATA, "test", "sw")


def test_tatoeba_has_the_languages_of_xtreme():
    task = load_task("tatoeba")
    assert len(XTREME) == 36 and set(XTREME) < set(task.languages)
    assert len(task.sizes) == 74 and len(task.languages) == 86


@needs_data
@pytest.mark.real_data
def test_tatoeba_has_its_sizes_and_keeps_its_lines_together():
    task = load_task("tatoeba")
    for name, size in task.sizes.items():
        tag = name.removeprefix("test/")
        (records,) = read_split(task, DATA, "test", [tag]).values()
        assert [record.id for record in records] == [str(number) for number in range(1, size + 1)]
        assert all((record.language, record.translation_language) == (tag, "en") for record in records)
        if tag == "de":
            first = records[0]
            assert first.text == "Maria sagte, sie wisse nicht, wo Tom sei."
            assert first.translation == "Mary said she didn't know where Tom was."
    with pytest.raises(UserError, match="has no split 'dev'"):
        read_split(task, DATA, "dev", ["de"])


@needs_data
@pytest.mark.real_data
def test_bucc_hides_257_pairs_in_two_corpora():
    task = load_task("bucc2018")
    (records,) = read_split(task, DATA, "dev", ["zh"]).values()
    assert len(records) == task.size("dev", "zh") == 8624
    corpus = records[0].corpus
    assert len(corpus) == 13589 and all(record.corpus is corpus for record in records)
    gold = {record.id: record.translations for record in records if record.translations}
    assert sum(map(len, gold.values())) == 257 and gold["zh-000000057"] == ("en-000008530",)
