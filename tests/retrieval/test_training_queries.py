from dataclasses import replace

import pytest
import toy_language
from toy_ranking import NAMES, collection, job, queries

from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.retrieval._training_queries import Example, examples, gather, language_pairs, material

BOTH = ("en", "de")


def asked(name, text, documents, gains, language="en"):
    return RankedQuery(id=name, language=language, text=text, documents=documents, gains=gains)


def own(*rows, language="en"):
    """A query's own candidates, given as (id, text)."""
    return tuple(Document(id=name, language=language, text=text) for name, text in rows)


def test_a_query_is_trained_with_its_answers_in_the_languages_that_its_own_is_paired_with():
    documents = collection()
    records = [*queries("en", documents), *queries("de", documents)]
    found = material(records, [("en", "de"), ("de", "de"), ("de", "en")])
    languages = {
        (query.language, found.documents[number].language) for query in found.queries for number in query.answers
    }
    assert languages == {("en", "de"), ("de", "de"), ("de", "en")}
    for query in found.queries:  # the English answer of an English query is known all the same
        assert {found.documents[number].text.split()[0] for number in query.known} == {query.key[-1]}
        assert len(query.known) == 2
    assert len(found.queries) == len(records) and len(found.pool) == len(documents)


def test_documents_of_equal_texts_are_one_and_never_a_negative_where_one_of_them_answers():
    documents = own(("a", "here"), ("b", "here"), ("c", "there"))
    found = material(
        [asked("1", "where?", documents, {"a": 1}), asked("2", "where else?", documents, {"c": 1})], [("en", "en")]
    )
    assert [document.text for document in found.documents] == ["here", "there"]
    assert [(query.answers, query.known) for query in found.queries] == [({0: 1}, {0}), ({1: 1}, {1})]


def test_what_answers_an_item_in_one_language_is_known_of_it_in_all_and_of_queries_of_the_same_text():
    english = own(("e", "yes"), ("x", "no"))
    german = own(("d", "ja"), ("y", "nein"), language="de")
    records = [
        asked("1", "ok?", english, {"e": 1}),
        asked("1", "ok?", german, {"d": 1}, "de"),
        asked("2", "ok?", english, {"x": 2}),
    ]
    found = material(records, [("en", "en"), ("de", "de")])
    numbers = {document.text: number for number, document in enumerate(found.documents)}
    assert [query.known for query in found.queries] == [{numbers["yes"], numbers["ja"], numbers["no"]}] * 3
    assert [set(query.answers) for query in found.queries] == [{numbers["yes"]}, {numbers["ja"]}, {numbers["no"]}]


def test_the_candidates_of_a_query_alone_are_given_to_it_and_a_shared_collection_to_nobody():
    candidates = own(("g", "gold"), ("n", "lead"), ("m", "iron"))
    found = material([asked("1", "which?", candidates, {"g": 1})], [("en", "en")])
    assert found.queries[0].given == (1, 2)
    shared = material([asked(name, f"which {name}?", candidates, {"g": 1}) for name in "12"], [("en", "en")])
    assert [query.given for query in shared.queries] == [(), ()]


def test_a_grade_is_a_weight_beside_the_highest_of_the_query_and_length_counts_all_tokens():
    documents = own(("a", "best"), ("b", "good"), ("c", "bad"))
    found = material([asked("1", "which?", documents, {"a": 3, "b": 1, "c": 0})], [("en", "en")])

    def tokens(example: Example) -> int:
        return 10 * example.answer + len(example.negatives)

    made = examples(found, lambda query, number: [2] * number, tokens, rounds=2)
    assert [(each.answer, round(each.weight, 3)) for each in made] == [(0, 1), (1, 0.333)] * 2
    assert [len(each) for each in made] == [0, 11, 2, 13]
    assert len({each.key for each in made}) == 4


def test_queries_without_an_answer_in_the_languages_are_left_out():
    documents = collection(("en",))
    records = [*queries("en", documents), replace(queries("de", documents)[0], gains={})]
    assert len(material(records, [("en", "en")]).queries) == len(NAMES)
    assert material(records, [("en", "de")]).queries == []


def test_pairs_of_languages_are_all_of_them_or_those_that_are_named():
    assert language_pairs((), BOTH) == [("en", "en"), ("en", "de"), ("de", "en"), ("de", "de")]
    assert language_pairs(("DE-en", "de-de"), BOTH) == [("de", "en"), ("de", "de")]
    assert language_pairs(("zh-Hans-en",), ("en", "zh-Hans")) == [("zh-Hans", "en")]
    with pytest.raises(UserError, match="no pair of languages 'de-fr'.*did you mean de-en"):
        language_pairs(("de-fr",), BOTH)


def test_sentences_of_parallel_text_are_queries_that_their_translations_answer(encoder_folder):
    made = job(encoder_folder, "bi_encoder", None)
    made.__dict__["task"] = toy_language.toy_task()
    found = gather(made, ())
    assert {(query.language, found.documents[n].language) for query in found.queries for n in query.answers} == {
        ("en", "de"), ("de", "en")
    }  # fmt: skip
    english, german = (next(query for query in found.queries if query.key == f"{tag}/0") for tag in ("en", "de"))
    texts = {toy_language.sentences("train", tag)[0].text for tag in ("en", "de")}
    assert {found.documents[number].text for number in english.known} >= texts  # its own too is no negative of it
    assert english.known == german.known or english.known & german.known


def test_a_task_without_queries_is_refused(encoder_folder):
    made = job(encoder_folder, "bi_encoder", None)
    object.__setattr__(made.task, "kind", "tagging")
    with pytest.raises(UserError, match="bi_encoder is trained on tasks with queries, and toy is tagging"):
        gather(made, ())
