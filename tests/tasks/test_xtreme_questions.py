"""XQuAD, MLQA and TyDi QA in every layout they come in: the same records, and what is wrong with a file is said."""

import json
from functools import partial

import pytest

from isogloss.data.parallel import pair
from isogloss.data.task_data import read_machine, read_split
from isogloss.errors import UserError
from isogloss.recipe import resolve
from isogloss.records import Answer
from isogloss.runs import Job
from isogloss.tasks import load_task

# id, question, context, answer; the first two share a paragraph
SQUAD = {
    "en": [
        ("5a-1", "When was it built?", "The mill was built in 1820 in Rome.", "1820"),
        ("5a-2", "Where is it?", "The mill was built in 1820 in Rome.", "Rome"),
        ("5b-1", "Who came?", "Ann came.", "Ann"),
    ],
    "de": [
        ("5a-1", "Wann wurde sie gebaut?", "Die Mühle in Rom ist von 1820.", "1820"),
        ("5a-2", "Wo ist sie?", "Die Mühle in Rom ist von 1820.", "Rom"),
        ("5b-1", "Wer kam?", "Ann kam.", "Ann"),
    ],
    "zh": [
        ("5a-1", "何时建的？", "罗马的磨坊建于1820年。", "1820"),
        ("5a-2", "在哪里？", "罗马的磨坊建于1820年。", "罗马"),
        ("5b-1", "谁来了？", "安来了。", "安"),
    ],
}
TESTED = {tag: [(f"t{name}", *rest) for name, *rest in items] for tag, items in SQUAD.items()}
ENGLISH_TYDI = [(f"english-7-{i}", *rest) for i, (_, *rest) in enumerate(SQUAD["en"])]
TRANSLATED_TYDI = [
    (f"english-7-{i}", "Lini?", "Kinu cha Roma ni cha 1820.", text) for i, text in enumerate(("1820", "Roma", "Kinu"))
]
TYDI = {
    "en": [("english-8-0", "How old is it?", "It is ten.", "ten"), ("english-8-1", "Why?", "For fun.", "fun")],
    "sw": [("swahili-9-0", "Nani alikuja?", "Asha alikuja.", "Asha"), ("swahili-9-1", "Wapi?", "Ni Moshi.", "Moshi")],
}  # fmt: skip
NAMES = {"en": "english", "sw": "swahili"}


def squad(items, start=None):
    """The content of a SQuAD file; `start`, if given, takes the place of every answer's own."""
    contexts = dict.fromkeys(context for _, _, context, _ in items)
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": name,
                    "question": question,
                    "answers": [{"text": text, "answer_start": context.find(text) if start is None else start}],
                }
                for name, question, where, text in items
                if where == context
            ],
        }
        for context in contexts
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "mill", "paragraphs": paragraphs}]}, ensure_ascii=False)


def write(path, items, start=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(items if isinstance(items, str) else squad(items, start), encoding="utf-8")


def hidden(items):
    """The questions as XTREME's scripts leave those of a test file: every answer is empty."""
    return [(name, question, context, "") for name, question, context, _ in items]


def cut(items):
    """The questions with the ids that XTREME's script leaves of TyDi QA's: what stands behind the last hyphen."""
    return [(name.rpartition("-")[2], *rest) for name, *rest in items]


def translations_of_filter(root):
    for tag, items in SQUAD.items():
        write(root / "translate_train" / f"squad.translate.train.{'en' if tag == 'en' else f'en-{tag}'}.json", items)


def translations_of_xtreme(root, folder="squad"):
    write(root / "squad" / "train-v1.1.json", SQUAD["en"])
    for tag in ("de", "zh"):
        write(root / folder / "translate-train" / f"squad.translate.train.en-{tag}.json", SQUAD[tag])


TRAINING = {
    "filter": translations_of_filter,
    "xtreme": translations_of_xtreme,
    "bucket": partial(translations_of_xtreme, folder="xtreme_translations/SQuAD"),
}


def write_xquad(root, tested=TESTED):
    for tag, items in tested.items():
        write(root / "xquad" / f"xquad.{tag}.json", items)


def write_mlqa(root, tested=TESTED, archive=""):
    for tag, items in tested.items():
        for split in ("dev", "test"):
            folder = root / "mlqa" / archive / (split if archive else "")
            write(folder / f"{split}-context-{tag}-question-{tag}.json", items)


SETS = {"xquad": write_xquad, "mlqa": write_mlqa, "mlqa in its archive": partial(write_mlqa, archive="MLQA_V1")}


def plain(records):
    return [(r.id, r.question, r.context, *(answer.text for answer in r.answers)) for r in records]


@pytest.mark.parametrize("training", TRAINING)
@pytest.mark.parametrize("name", SETS)
def test_every_layout_of_xquad_and_mlqa_gives_the_same_records(tmp_path, name, training):
    TRAINING[training](tmp_path)
    SETS[name](tmp_path)
    task = load_task(name.split()[0], tmp_path)
    for split in ("train", "dev", "test") if task.dev_split else ("train", "test"):
        items = SQUAD if split == "train" else TESTED
        found = read_split(task, tmp_path, split)
        assert {tag: plain(records) for tag, records in found.items()} == items
        for tag in ("de", "zh"):
            sides = [side for record in found[tag] for side in record.translations]
            english = items["en"] if split == "train" else [item[:3] for item in items["en"]]
            assert plain(sides) == english  # in dev and test without the answers


@pytest.mark.parametrize("where", ["mlqa", "mlqa/MLQA", "mlqa/xglue_full_dataset/MLQA"])
def test_mlqa_is_read_in_the_archive_of_xglue_with_squad_beside_it(tmp_path, where):
    folder = tmp_path / where
    write(folder / "squad1.1" / "train-v1.1.json", SQUAD["en"])
    for tag, items in TESTED.items():
        for split in ("dev", "test"):
            write(folder / "MLQA_V1" / split / f"{split}-context-{tag}-question-{tag}.json", items)
    task = load_task("mlqa", tmp_path)
    assert {tag: plain(found) for tag, found in read_split(task, tmp_path, "test").items()} == TESTED
    assert plain(read_split(task, tmp_path, "train", ["en"])["en"]) == SQUAD["en"]


def tydi_of_filter(root):
    write(root / "translate_train" / "tydiqa.translate.train.en.json", ENGLISH_TYDI)
    write(root / "translate_train" / "tydiqa.translate.train.en-sw.json", TRANSLATED_TYDI)
    for tag, items in TYDI.items():
        write(root / "tydiqa" / "tydiqa-goldp-v1.1-dev" / f"tydiqa.{tag}.dev.json", items)


def tydi_of_xtreme(root):
    """With the undivided training file beside those by language, as XTREME's script leaves it."""
    training = root / "tydiqa" / "tydiqa-goldp-v1.1-train"
    write(training / "tydiqa-goldp-v1.1-train.json", [*TYDI["sw"], *ENGLISH_TYDI])
    write(training / "tydiqa.goldp.en.train.json", cut(ENGLISH_TYDI))
    write(root / "tydiqa" / "translate-train" / "tydiqa.translate.train.en-sw.json", TRANSLATED_TYDI)
    for tag, items in TYDI.items():
        write(root / "tydiqa" / "tydiqa-goldp-v1.1-dev" / f"tydiqa.goldp.{tag}.dev.json", items)


def tydi_as_published(root, tested="tydiqa-goldp-v1.1-dev"):
    write(root / "tydiqa" / "tydiqa-goldp-v1.1-train.json", [*ENGLISH_TYDI, *TYDI["sw"]])
    bucket = root / "xtreme_translations" / "TyDiQA-GoldP" / "translate-train"
    write(bucket / "tydiqa.translate.train.en-sw.json", TRANSLATED_TYDI)
    for tag, items in TYDI.items():
        write(root / "tydiqa" / tested / f"tydiqa-goldp-dev-{NAMES[tag]}.json", items)


def tydi_as_data_get_leaves_it(root):
    tydi_as_published(root, tested="")


def tydi_in_one_file(root):
    tydi_as_published(root, tested="elsewhere")
    write(root / "tydiqa" / "tydiqa-goldp-v1.1-dev.json", [*TYDI["sw"], *TYDI["en"]])


TYDI_LAYOUTS = [tydi_of_filter, tydi_of_xtreme, tydi_as_published, tydi_as_data_get_leaves_it, tydi_in_one_file]


@pytest.mark.parametrize("lay_out", TYDI_LAYOUTS)
def test_every_layout_of_tydiqa_gives_the_same_records(tmp_path, lay_out):
    lay_out(tmp_path)
    task = load_task("tydiqa", tmp_path)
    found = read_split(task, tmp_path, "train", ["en", "sw"])
    assert {tag: plain(records) for tag, records in found.items()} == {"en": ENGLISH_TYDI, "sw": TRANSLATED_TYDI}
    assert plain(side for record in found["sw"] for side in record.translations) == ENGLISH_TYDI
    found = read_split(task, tmp_path, "test", ["en", "sw"])
    assert {tag: plain(records) for tag, records in found.items()} == TYDI
    assert not any(record.translations for record in found["sw"])  # asked in Swahili, translated from nothing


def tydi_by_language(root, translated):
    """XTREME's files by language alone, where ids are numbers that occur many times."""
    english = [*ENGLISH_TYDI, ("english-10-0", "Who sang?", "Ben sang.", "Ben")]
    write(root / "tydiqa" / "tydiqa-goldp-v1.1-train" / "tydiqa.goldp.en.train.json", cut(english))
    write(root / "tydiqa" / "translate-train" / "tydiqa.translate.train.en-sw.json", cut(translated))


def test_ids_that_occur_twice_are_counted_through_and_translations_follow_one_by_one(tmp_path):
    translated = [*TRANSLATED_TYDI, ("english-10-0", "Nani aliimba?", "Ben aliimba.", "Ben")]
    tydi_by_language(tmp_path, translated)
    found = read_split(load_task("tydiqa", tmp_path), tmp_path, "train")
    assert [record.id for record in found["en"]] == ["1-0", "2-1", "3-2", "4-0"]
    assert [record.translations[0].question for record in found["sw"]][3] == "Who sang?"
    assert [record.id for record in found["sw"]] == [record.translations[0].id for record in found["sw"]]


def test_ids_that_occur_twice_and_do_not_follow_one_by_one_are_an_error(tmp_path):
    tydi_by_language(tmp_path, [TRANSLATED_TYDI[0], TRANSLATED_TYDI[2], ("english-10-0", "Nani?", "Ben.", "Ben")])
    with pytest.raises(
        UserError, match="en-sw.json: 3 questions, ids '0' occur twice, .* the 4 English ones one by one"
    ):
        read_split(load_task("tydiqa", tmp_path), tmp_path, "train")


def test_answers_in_published_files_stand_above_those_that_xtreme_emptied(tmp_path):
    tydi_of_xtreme(tmp_path)
    for tag, items in TYDI.items():
        write(tmp_path / "tydiqa" / "tydiqa-goldp-v1.1-dev" / f"tydiqa.goldp.{tag}.dev.json", hidden(items))
    with pytest.raises(UserError, match="all 2 questions have no answer or an empty one; the labels are place-holders"):
        read_split(load_task("tydiqa", tmp_path), tmp_path, "test", ["sw"])
    tydi_as_published(tmp_path)
    assert plain(read_split(load_task("tydiqa", tmp_path), tmp_path, "test", ["sw"])["sw"]) == TYDI["sw"]


@pytest.mark.parametrize("name", SETS)
def test_answers_that_xtremes_scripts_emptied_are_place_holders(tmp_path, name):
    SETS[name](tmp_path, {tag: hidden(items) for tag, items in TESTED.items()})
    with pytest.raises(UserError, match="all 3 questions .* place-holders, get the labelled file"):
        read_split(load_task(name.split()[0], tmp_path), tmp_path, "test")


def test_translations_without_answer_or_original_are_told_and_left_out(tmp_path, capsys):
    translations_of_xtreme(tmp_path)
    write_xquad(tmp_path)
    items = json.loads(squad([*SQUAD["de"], ("6-1", "Wer?", "Es war Ben.", "Ben"), ("6-2", "Wo?", "In Ulm.", "Ulm")]))
    german = items["data"][0]["paragraphs"]
    german[0]["qas"][1]["answers"][0] = {"text": "Roma", "answer_start": -1}
    german[1]["qas"][0]["answers"][0] = {"text": "", "answer_start": 0}
    write(tmp_path / "squad" / "translate-train" / "squad.translate.train.en-de.json", json.dumps(items))
    found = read_split(load_task("xquad", tmp_path), tmp_path, "train", ["de", "en"])
    assert plain(found["de"]) == SQUAD["de"][:1]
    assert found["de"][0].translations[0].answers == (Answer("1820", 22),)
    assert len(found["en"]) == 3  # what a translation lacks, English keeps
    told = capsys.readouterr().err.splitlines()
    assert told[0].endswith("en-de.json: 5 questions, 2 have lost their answer and are left out, ids '5a-2', '5b-1'")
    assert told[1].endswith("en-de.json: 5 questions, 2 have no English original and are left out, ids '6-1', '6-2'")
    assert len(told) == 2


def test_translations_of_other_questions_are_an_error(tmp_path):
    translations_of_xtreme(tmp_path)
    strangers = [(f"x-{name}", *rest) for name, *rest in SQUAD["de"]]
    write(tmp_path / "squad" / "translate-train" / "squad.translate.train.en-de.json", strangers)
    (tmp_path / "xquad").mkdir()
    with pytest.raises(
        UserError, match=r"en-de.json: 3 questions, of which none has an English original; ids 'x-5a-1'"
    ):
        read_split(load_task("xquad", tmp_path), tmp_path, "train", ["de"])


def test_an_answer_may_be_lost_in_machine_translation_only(tmp_path):
    translations_of_xtreme(tmp_path)
    write_xquad(tmp_path)
    task = load_task("xquad", tmp_path)
    write(tmp_path / "squad" / "train-v1.1.json", SQUAD["en"], start=-1)
    with pytest.raises(UserError, match="train-v1.1.json: question '5a-1': answer_start -1 is not where answer '1820'"):
        read_split(task, tmp_path, "train")
    write(tmp_path / "xquad" / "xquad.de.json", TESTED["de"], start=-1)
    with pytest.raises(UserError, match="xquad.de.json: question 't5a-1': answer_start -1 is not where"):
        read_split(task, tmp_path, "test")
    translations_of_xtreme(tmp_path)
    write(tmp_path / "squad" / "translate-train" / "squad.translate.train.en-de.json", SQUAD["de"], start=3)
    with pytest.raises(UserError, match="en-de.json: question '5a-1': answer_start 3 is not .* the text is at 25"):
        read_split(task, tmp_path, "train")


def test_a_question_without_an_english_side_is_an_error_and_one_in_english_alone_is_told(tmp_path, capsys):
    write_xquad(tmp_path, {"en": TESTED["en"], "de": TESTED["de"][:2]})
    task = load_task("xquad", tmp_path)
    assert len(read_split(task, tmp_path, "test")["de"]) == 2
    assert capsys.readouterr().err == "task xquad, split test: de lacks 1 of 3 items, ids 't5b-1'\n"
    write_xquad(tmp_path, {"en": TESTED["en"][:1], "de": TESTED["de"]})
    with pytest.raises(UserError, match="de has 2 of 3 items without an English side, ids 't5a-2', 't5b-1'"):
        read_split(task, tmp_path, "test")


MACHINE = {
    "xquad": ["xquad/translate-test/xquad", "xtreme_translations/XQuAD/translate-test/xquad"],
    "mlqa": ["mlqa/translate-test/mlqa", "xtreme_translations/MLQA/translate-test/mlqa"],
    "tydiqa": [
        "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa",
        "tydiqa/translate-test/tydiqa",
        "xtreme_translations/TyDiQA-GoldP/translate-test/tydiqa",
    ],
}


@pytest.mark.parametrize(("name", "place"), [(name, place) for name, places in MACHINE.items() for place in places])
def test_test_questions_in_machine_translation_have_no_answers(tmp_path, name, place):
    write_xquad(tmp_path)
    write_mlqa(tmp_path)
    tydi_of_filter(tmp_path)
    task = load_task(name, tmp_path)
    tag = "sw" if name == "tydiqa" else "de"
    gold = read_split(task, tmp_path, "test", [tag])[tag]
    made = [(record.id, "Who came?", "Asha came.", "nobody") for record in gold]
    write(tmp_path / f"{place}.translate.test.{tag}-en.json", made)  # nobody is not to be found
    machine = read_machine(task, tmp_path, "test", ["en", tag])
    assert list(machine) == [tag]
    paired = pair(gold, "machine", machine=machine[tag])
    assert [plain(record.translations) for record in paired] == [[item[:3]] for item in made]
    assert all(record.translations[0].language == "en" and record.answers for record in paired)
    write(tmp_path / f"{place}.translate.test.{tag}-en.json", made[:1])
    with pytest.raises(UserError, match="machine translations: .* items without an English side"):
        pair(gold, "machine", machine=read_machine(task, tmp_path, "test", [tag])[tag])


@pytest.mark.parametrize("change", [lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: raw.replace(b"\n", b"\r\n")])
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path, change):
    write_xquad(tmp_path)
    file = tmp_path / "xquad" / "xquad.de.json"
    raw = json.dumps(json.loads(file.read_text(encoding="utf-8")), indent=1, ensure_ascii=False).encode()
    file.write_bytes(change(raw))
    assert file.read_bytes() != raw
    assert plain(read_split(load_task("xquad", tmp_path), tmp_path, "test")["de"]) == TESTED["de"]


GERMAN = squad(TESTED["de"])
DAMAGES = {
    "cut in the middle": (GERMAN[: len(GERMAN) // 2].encode(), r"xquad.de.json:1: not JSON \(.*\); fetch it again"),
    "another encoding": (GERMAN.encode("latin-1"), "xquad.de.json:1: byte 0xfc is not UTF-8"),
    "an answer elsewhere": (GERMAN.replace('t": 25', 't": 24').encode(), "answer_start 24 .* the text is at 25"),
    "an answer that is nowhere": (GERMAN.replace('"text": "1820"', '"text": "1830"').encode(), "is not in the context"),
    "an id twice": (GERMAN.replace("t5b-1", "t5a-1").encode(), "task xquad, .* language de .*: duplicate ids 't5a-1'"),
    "nothing": (b"", "xquad.de.json:1: not JSON"),
    "no questions": (b'{"data": []}', "language de .*: no items; the split is empty"),
    "a list": (b"[]", r"not in SQuAD form .*; list indices must be"),
    "a table": (b"id\tquestion\n", "not JSON"),
    "another shape": (b'{"data": [{"id": "1", "question": "?"}]}', "not in SQuAD form .*; no 'paragraphs'"),
    "a number for a text": (
        GERMAN.replace('"Wer kam?"', "5").encode(),
        "SQuAD form .*; '5' stands where a text should",
    ),
    "no context": (GERMAN.replace('"Ann kam."', "null").encode(), "SQuAD form .*; 'None' stands where a text should"),
    "a text for a number": (GERMAN.replace('t": 25', 't": "x"').encode(), "'x' stands where a whole number should"),
    "an empty question": (GERMAN.replace("Wer kam?", " ").encode(), "item 't5b-1' has an empty question"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_in_one_line(tmp_path, name):
    content, complaint = DAMAGES[name]
    write_xquad(tmp_path)
    (tmp_path / "xquad" / "xquad.de.json").write_bytes(content)
    with pytest.raises(UserError, match=complaint) as caught:
        read_split(load_task("xquad", tmp_path), tmp_path, "test")
    assert "\n" not in str(caught.value)


def test_a_task_without_dev_has_no_dev_split_and_trains_on_what_is_there(tmp_path, capsys):
    translations_of_filter(tmp_path)
    write_xquad(tmp_path)
    (tmp_path / "translate_train" / "squad.translate.train.en-zh.json").unlink()
    flags = {"method": "filter", "task": "xquad", "output": tmp_path / "run", "data": tmp_path}
    recipe = resolve({}, flags)
    assert recipe.languages == ("de", "en", "zh")
    assert {tag: len(records) for tag, records in Job(recipe, recipe.output).records("train").items()} == {
        "de": 3,
        "en": 3,
    }
    assert "xquad: no training files in zh; not trained on" in capsys.readouterr().err
    with pytest.raises(UserError, match="task xquad has no split 'dev'"):
        read_split(load_task("xquad"), tmp_path, "dev")
