"""Every task that is on the Hub: the same items as files and as a mirror of the Hub are the same records."""

import json
import shutil
from pathlib import Path

import pytest
from datasets import Value
from mirror import TEXT, classes, lists, write_split

from isogloss.catalogue import describe
from isogloss.data.hub import is_there
from isogloss.data.task_data import read_machine, read_split
from isogloss.errors import MissingFile, UserError
from isogloss.run_folder import read_manifest
from isogloss.tasks import SPLITS, load_task, task_names
from isogloss.tasks.tatoeba import XTREME

ON_HUB = [name for name in task_names() if load_task(name).hub]
XNLI = classes("entailment", "neutral", "contradiction")  # the order of facebook/xnli, spelled out on purpose
PAIRS = {
    "en": [('He said "no".', "He agreed.", "contradiction"), ("It rains.", "It is wet.", "entailment")],
    "de": [('Er sagte "nein".', "Er war dafür.", "contradiction"), ("Es regnet.", "Es ist nass.", "entailment")],
}
PARAPHRASES = {
    "en": [("A is B .", "B is A .", "1"), ("NS", "NS", "0"), ("A has B .", "B has A .", "0")],
    "ko": [("A는 B다 .", "B는 A다 .", "1"), ("C", "NS", "0"), ("A에 B .", "B에 A .", "0")],
}
NAMES = {
    "en": [("Marta sings", "B-PER O"), ("at Lake Garda", "O B-LOC I-LOC")],
    "zh": [("我 在 北京", "O O B-LOC"), ("新 华 社", "B-ORG I-ORG I-ORG")],
}
PANX = classes("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")  # the order of google/xtreme
TRANSLATIONS = {
    "de": [("Es regnet.", "It rains."), ("Ja.", "Yes.")],
    "zh": [("下雨了。", "It rains."), ("是。", "Yes.")],
}
TOPICS = {
    "en": [("7", "travel", "The train leaves at nine."), ("3", "health", 'Tea is "good".')],
    "sw": [("7", "travel", "Treni inaondoka."), ("3", "health", "Chai ni nzuri.")],
}
SWAHILI = {"en": "eng_Latn", "sw": "swh_Latn"}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def table(rows, header=()):
    return "".join("\t".join(row) + "\n" for row in (*([header] if header else []), *rows))


def xnli(root, place):
    for tag, pairs in PAIRS.items():
        write(root / "xnli" / f"train.en-{tag}.tsv", table(pairs, ("premise", "hypo", "label")))
        for split in SPLITS:
            write_split(root, place[0], split, tag, pairs, {"premise": TEXT, "hypothesis": TEXT, "label": XNLI})
    rows = [(tag, label, *texts) for tag, pairs in PAIRS.items() for *texts, label in pairs]
    for split in ("dev", "test"):
        header = ("language", "gold_label", "sentence1", "sentence2")
        write(root / "xnli" / f"xnli.{split}.tsv", table(rows, header))


def pawsx(root, place):
    names = {"train": "translated_train", "dev": "dev_2k", "test": "test_2k"}
    for tag, pairs in PARAPHRASES.items():
        rows = [(str(i), *pair) for i, pair in enumerate(pairs, 1)]
        for split, name in (names | {"train": "train"} if tag == "en" else names).items():
            write(root / "pawsx" / tag / f"{name}.tsv", table(rows, ("id", "sentence1", "sentence2", "label")))
            columns = {"id": TEXT, "sentence1": TEXT, "sentence2": TEXT, "label": classes("0", "1")}
            write_split(root, place[0], split, tag, rows, columns)


def panx(root, places):
    for tag, sentences in NAMES.items():
        for split in SPLITS if tag == "en" else ("dev", "test"):
            blocks = [zip(words.split(), tags.split(), strict=True) for words, tags in sentences]
            write(root / "panx" / f"{split}-{tag}.tsv", "\n".join(table(block) for block in blocks))
            rows = [(words.split(), tags.split(), [tag] * len(words.split())) for words, tags in sentences]
            columns = {"tokens": lists(TEXT), "ner_tags": lists(PANX), "langs": lists(TEXT)}
            write_split(root, places[0 if split == "train" else 1], split, tag, rows, columns)


def tatoeba(root, place):
    for tag, code in (("de", "deu"), ("zh", "cmn")):
        stem = root / "tatoeba" / f"tatoeba.{code}-eng"
        for side, name in enumerate((code, "eng")):
            write(stem.with_name(f"{stem.name}.{name}"), "".join(f"{pair[side]}\n" for pair in TRANSLATIONS[tag]))
        rows = [(f"{text}\n", f"{english}\n", code) for text, english in TRANSLATIONS[tag]]
        columns = {"source_sentence": TEXT, "target_sentence": TEXT, "source_lang": TEXT}
        write_split(root, place[0], "test", tag, rows, columns)


def sib200(root, place):
    for tag, rows in TOPICS.items():
        for split in SPLITS:
            features = dict.fromkeys(("index_id", "category", "text"), TEXT)
            path = write_split(root, place[0], split, tag, rows, features)
            write(root / "sib200" / SWAHILI[tag] / f"{split}.tsv", path.read_text(encoding="utf-8"))


def xglue(root, places, task, columns, classes_there):
    """The rows of test_xglue's kind: texts and a label, which is a class number on the Hub."""
    for tag in ("en", "de"):
        rows = [(f"{tag} one", *(f"{name} {tag}" for name in columns[1:-1]), label) for label in classes_there]
        for split in SPLITS if tag == "en" else ("dev", "test"):
            write(root / "xglue" / f"xglue.{task}.{tag}.{split}", table(rows))
            numbered = [(*row[:-1], number) for number, row in enumerate(rows)]
            features = dict.fromkeys(columns, TEXT) | {columns[-1]: classes(*classes_there.values())}
            write_split(root, places[0 if split == "train" else 1], split, tag, numbered, features)


def nc(root, places):
    (place, _) = places
    assert list(place.labels) == list(load_task("nc").labels)
    xglue(root, places, "nc", ("news_title", "news_body", "news_category"), place.labels)


def qadsm(root, places):
    columns = ("query", "ad_title", "ad_description", "relevance_label")
    xglue(root, places, "qadsm", columns, {"Bad": "Bad", "Good": "Good"})


def qam(root, places):
    xglue(root, places, "qam", ("question", "answer", "label"), {"0": "False", "1": "True"})


def wpr(root, places):
    columns = ("query", "web_page_title", "web_page_snippet", "relavance_label")
    ratings = ("Bad", "Fair", "Good", "Excellent", "Perfect")
    xglue(root, places, "wpr", columns, {str(number): name for number, name in enumerate(ratings)})


def blocks(root, places, column, sentences, feature):
    """Sentences as blocks of XGLUE and as rows, which keep the lines where documents begin."""
    for tag in ("en", "de"):
        for split in SPLITS if tag == "en" else ("dev", "test"):
            lines = ["".join(f"{word} {label}\n" for word, label in sentence) for sentence in sentences]
            write(root / "xglue" / f"{tag}.{split}", "\n".join(lines))
            rows = [tuple(zip(*sentence, strict=True)) for sentence in sentences]
            features = {"words": lists(TEXT), column: lists(feature)}
            write_split(root, places[0 if split == "train" else 1], split, tag, rows, features)


def ner(root, places):
    sentences = [
        [("-DOCSTART-", "O")],
        [("Marta", "I-PER"), ("sings", "O")],
        [("Rome", "I-LOC"), ("Paris", "B-LOC"), ("Lake", "I-MISC"), ("Garda", "I-MISC")],
    ]
    names = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
    blocks(root, places, "ner", sentences, classes(*names))


def pos(root, places):
    tags = [
        "ADJ",
        "ADP",
        "ADV",
        "AUX",
        "CCONJ",
        "DET",
        "INTJ",
        "NOUN",
        "NUM",
        "PART",
        "PRON",
        "PROPN",
        "PUNCT",
        "SCONJ",
        "SYM",
        "VERB",
        "X",
    ]
    sentences = [[("Marta", "PROPN"), ("sings", "VERB")], [("#", "SYM"), ("1\u00a0000", "NUM")]]
    blocks(root, places, "pos", sentences, classes(*tags))


QUESTIONS = {
    "en": [("1", "When?", "The mill was built in 1820.", "1820"), ("2", "Who came?", "Ann came.", "Ann")],
    "zh": [("1", "何时建的？", "磨坊建于1820年。", "1820"), ("2", "谁来了？", "安来了。", "安")],
}
ASKED = {
    "en": [("english-1-0", *QUESTIONS["en"][0][1:]), ("english-1-1", *QUESTIONS["en"][1][1:])],
    "sw": [("swahili-1-0", "Nani alikuja?", "Asha alikuja.", "Asha")],
}
ANSWERS = {"text": lists(TEXT), "answer_start": lists(Value("int32"))}
QUESTION = {"id": TEXT, "title": TEXT, "context": TEXT, "question": TEXT, "answers": ANSWERS}


def squad(items):
    """The content of a SQuAD file with those questions."""
    asked = [
        {"context": where, "qas": [{"id": name, "question": text, "answers": [at(where, answer)]}]}
        for name, text, where, answer in items
    ]
    return json.dumps({"data": [{"paragraphs": asked}]})


def at(context, answer):
    return {"text": answer, "answer_start": context.index(answer)}


def on_hub(items):
    """The same questions as rows of the Hub."""
    return [
        (name, "title", where, text, {key: [value] for key, value in at(where, answer).items()})
        for name, text, where, answer in items
    ]


def xquad(root, places):
    write(root / "squad" / "train-v1.1.json", squad(QUESTIONS["en"]))
    write_split(root, places[0], "train", "en", on_hub(QUESTIONS["en"]), QUESTION)
    for tag, items in QUESTIONS.items():
        write(root / "xquad" / f"xquad.{tag}.json", squad(items))
        write_split(root, places[1], "test", tag, on_hub(items), QUESTION)


def mlqa(root, places):
    write(root / "squad" / "train-v1.1.json", squad(QUESTIONS["en"]))
    write_split(root, places[0], "train", "en", on_hub(QUESTIONS["en"]), QUESTION)
    for tag, items in QUESTIONS.items():
        for split in ("dev", "test"):
            write(root / "mlqa" / f"{split}-context-{tag}-question-{tag}.json", squad(items))
            write_split(root, places[1], split, tag, on_hub(items), QUESTION)


def tydiqa(root, places):
    everything = [item for items in ASKED.values() for item in items]
    for place, split, file in zip(places, ("train", "test"), ("train", "dev"), strict=True):
        write(root / "tydiqa" / f"tydiqa-goldp-v1.1-{file}.json", squad(everything))
        write_split(root, place, split, "en", on_hub(everything), QUESTION)


ALL = (xnli, pawsx, panx, tatoeba, sib200, nc, qadsm, qam, wpr, ner, pos, xquad, mlqa, tydiqa)
WRITERS = {writer.__name__: writer for writer in ALL}
ENGLISH_TRAINING = ("panx", "nc", "qadsm", "qam", "wpr", "ner", "pos", "xquad", "mlqa", "tydiqa")


@pytest.mark.parametrize("name", ON_HUB)
def test_files_and_the_hub_give_the_same_records(tmp_path, name):
    WRITERS[name](tmp_path, load_task(name).hub)
    mirror = Path(f"hub:{tmp_path}")
    there = load_task(name, mirror)
    for split in dict.fromkeys(split for place in there.hub for split in place.files):
        tags = [tag for tag in there.languages_of(split) if is_there(there.hub, mirror, split, tag)]
        if name == "tydiqa" and split == "test":
            tags = list(ASKED)  # one file has all languages
        assert tags == ["en"] if split == "train" and name in ENGLISH_TRAINING else len(tags) == 2
        read = {data: read_split(load_task(name), data, split, tags) for data in (mirror, tmp_path)}
        assert {tag: list(records) for tag, records in read[mirror].items()} == {
            tag: list(records) for tag, records in read[tmp_path].items()
        }


@pytest.mark.parametrize("name", ON_HUB)
def test_what_is_declared_belongs_together(name):
    task = load_task(name)
    for place in task.hub:
        assert set(place.files) <= set(SPLITS) and place.languages.keys() <= set(task.languages) | {"en"}
        assert set(place.labels.values()) in (set(), set(task.labels))
        assert len(set(place.languages.values())) == len(place.languages)
        for split in place.files:
            assert not place.languages.keys() - set(task.languages_of(split))


def test_answers_are_found_again_where_white_space_before_them_was_lost(tmp_path):
    places = load_task("xquad").hub
    rows = [
        ("1", "t", "安来了。", "谁来了？", {"text": ["安", "安来"], "answer_start": [2, 2]}),
        ("2", "t", "One and one are two.", "How many?", {"text": ["one"], "answer_start": [7]}),
    ]
    write_split(tmp_path, places[1], "test", "zh", rows, QUESTION)
    found = load_task("xquad").records(Path(f"hub:{tmp_path}"), "test", "zh")
    assert [[(a.text, a.start) for a in r.answers] for r in found] == [[("安", 0), ("安来", 0)], [("one", 8)]]
    rows[1] = ("2", "t", "One and one are two.", "How many?", {"text": ["two"], "answer_start": [1]})
    write_split(tmp_path, places[1], "test", "zh", rows, QUESTION)
    with pytest.raises(UserError, match="question '2' in zh, from the Hub: answer_start 1 is not where .* is at 16"):
        load_task("xquad").records(Path(f"hub:{tmp_path}"), "test", "zh")


def test_languages_that_the_hub_lacks_are_known_before_anything_is_fetched():
    task = load_task("tatoeba", Path("hub"))
    assert set(task.languages) == set(XTREME)
    with pytest.raises(MissingFile, match="the Hub has no test items in eo .google/xtreme.; give a folder"):
        read_split(load_task("tatoeba"), Path("hub"), "test", ["eo"])
    assert load_task("panx", Path("hub")).languages_of("train") == ("en",)


def test_tasks_and_parts_that_are_not_on_the_hub_say_so():
    with pytest.raises(UserError, match="task 'nusax' cannot be read from the Hub; give the folder of its files"):
        load_task("nusax", Path("hub"))
    with pytest.raises(UserError, match="task 'xnli': this is not on the Hub; give the folder that holds it"):
        read_machine(load_task("xnli"), Path("hub"), "test", ["de"])
    assert len(read_split(load_task("sample_intent"), Path("hub"), "test", ["de"])["de"]) == 500


def test_a_run_that_was_trained_from_a_mirror_is_evaluated_from_it(command, data, encoder_folder, tmp_path):
    shutil.copytree(data / "sib200", tmp_path / "Davlan" / "sib200" / "data")
    scores = {}
    for name, source in (("files", data), ("mirror", f"hub:{tmp_path}")):
        run = tmp_path / name
        flags = ["--method", "translate_train", "--task", "sib200", "--data", source, "--encoder", encoder_folder]
        small = [word for setting in ("updates=2", "batch_size=4", "max_length=64") for word in ("--set", setting)]
        trained = command("train", *flags, *small, "--languages", "de,en", "--output", run)
        assert trained.code == 0, trained.err
        assert read_manifest(run)["data"]["folder"] == str(source)
        scored = command("evaluate", run, "--json")
        assert scored.code == 0, scored.err
        scores[name] = json.loads(scored.out)
        assert scores[name]["data"]["sha256"] == read_manifest(run)["data"]["sha256"]
    assert scores["files"]["languages"] == scores["mirror"]["languages"]


def test_the_page_of_a_task_says_where_it_is_on_the_hub():
    (line,) = (line for line in describe("panx").splitlines() if line.startswith("hub "))
    at = f"google/xtreme at {load_task('panx').hub[0].revision}"
    assert line.split(maxsplit=1)[1] == f"{at}: train in en; {at}: dev, test in 40 languages"


def test_a_hub_that_is_switched_off_stops_training_with_one_line(command, encoder_folder, tmp_path):
    flags = ["--method", "zero_shot", "--task", "xnli", "--data", "hub", "--encoder", encoder_folder]
    flags += ["--set", "max_length=64"]
    outcome = command("--offline", "train", *flags, "--languages", "de", "--output", tmp_path / "run")
    assert outcome.code == 1 and len(outcome.err.splitlines()) == 1
    assert "facebook/xnli at b8dd5d7a" in outcome.err and "the Hub is switched off (--offline" in outcome.err
