"""The tasks with queries, on the published files."""

from collections import Counter

import pytest
from helpers import DATA

from isogloss.data.task_data import fingerprint, read_split
from isogloss.errors import UserError
from isogloss.tasks import load_task
from isogloss.tasks.xdailydialog import candidates

SPLITS = {
    "xquad_r": "train dev test",
    "vaswani": "dev test",
    "cranfield": "dev test",
    "xdailydialog": "train dev test",
    "afriqa": "test",
}
real_data = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="no data sets: set ISOGLOSS_DATA to the folder that holds them"),
]


def read(name, split, languages=None):
    return read_split(load_task(name, DATA), DATA, split, languages)


class TestRealData:
    pytestmark = real_data

    @pytest.mark.parametrize("name", SPLITS)
    def test_the_data_sets_have_their_sizes_and_no_query_is_in_two_splits(self, name):
        task, seen = load_task(name, DATA), set()
        for split in SPLITS[name].split():
            found = read(name, split)
            assert tuple(found) == task.languages_of(split)
            assert {tag: len(queries) for tag, queries in found.items()} == {
                tag: task.size(split, tag) for tag in found
            }
            ids = {query.id for queries in found.values() for query in queries}
            assert not ids & seen
            seen |= ids
            queries = [query for group in found.values() for query in group]
            collections = {id(query.documents): {each.id for each in query.documents} for query in queries}
            assert all(len(query.documents) == len(collections[id(query.documents)]) for query in queries)
            for query in queries:
                assert query.gains.keys() <= collections[id(query.documents)] and max(query.gains.values()) > 0
        assert len(fingerprint(task, DATA)) == 64

    @pytest.mark.parametrize(
        ("name", "count"), [("xquad_r", 3232), ("vaswani", 11429), ("cranfield", 1398), ("afriqa", 1502)]
    )
    def test_a_collection_is_one_object_of_all_queries_and_languages(self, name, count):
        queries = [query for group in read(name, "test").values() for query in group]
        assert len({id(query.documents) for query in queries}) == 1 and len(queries[0].documents) == count

    def test_a_question_has_an_answer_in_every_language_and_its_english_side_shows_none(self):
        for tag, queries in read("xquad_r", "test").items():
            for query in queries:
                assert sorted(name.split("/")[0] for name in query.gains) == ["de", "en", "tr", "zh"]
                assert [side.gains for side in query.translations] == [{}] * (tag != "en")

    def test_xquad_and_its_sentences_are_divided_alike(self):
        for split in ("train", "dev", "test"):
            questions = read_split(load_task("xquad_third"), DATA, split, ["de"])["de"]
            assert {query.id for query in read("xquad_r", split, ["de"])["de"]} == {each.id for each in questions}

    def test_a_conversation_has_ten_different_next_turns_mostly_the_same_in_all_languages(self):
        found = read("xdailydialog", "test")
        for tag, queries in found.items():
            assert all(len({document.text for document in query.documents}) == 10 for query in queries)
            assert all(document.language == tag for query in queries for document in query.documents)
        numbers = {
            tag: [[document.id.split("/")[1] for document in query.documents] for query in queries]
            for tag, queries in found.items()
        }
        for other in numbers.values():
            assert sum(a == b for a, b in zip(numbers["en"], other, strict=True)) > 950
        places = Counter(
            [document.id in query.gains for document in query.documents].index(True) for query in found["en"]
        )
        assert len(places) == 10 and max(places.values()) < 140

    def test_an_african_question_brings_its_english_translation(self):
        for tag, queries in read("afriqa", "test").items():
            assert all(query.language == tag and len(query.gains) == 1 for query in queries)
            assert all([side.language for side in query.translations] == ["en"] for query in queries)


def test_candidates_are_the_same_every_time_and_never_the_text_of_the_right_one():
    responses = {number: f"r{number % 12}" for number in range(40)}  # every text several times
    for number in responses:
        chosen = candidates(number, responses)
        assert chosen == candidates(number, responses) and number in chosen
        assert len({responses[each] for each in chosen}) == len(chosen) == 10


@pytest.mark.parametrize(
    ("name", "split", "file", "text", "told"),
    [
        ("xquad_r", "test", "en.json", "{}", "not a file of XQuAD-R"),
        ("xquad_r", "test", "en.json", '{"data": [{"paragraphs": [{"qas": [], "context": ""}]}]}', "this is XQuAD"),
        ("xdailydialog", "test", "en_test_human.txt", "Hello!__eou__\n", "en_test_human.txt:1: 1 turns"),
        ("xdailydialog", "test", "en_test_human.txt", "A__eou__B__eou__\n" * 20, "1 different last turns"),
        ("afriqa", "test", "gold_span_passages.hau.en.test.json", '{"id": "1"}\n', "test.json:1: not a question"),
    ],
)  # fmt: skip
def test_files_that_are_something_else_are_told(tmp_path, name, split, file, text, told):
    folder = tmp_path / name
    folder.mkdir()
    (folder / file).write_text(text)
    with pytest.raises(UserError, match=told):
        read_split(load_task(name, tmp_path), tmp_path, split)
