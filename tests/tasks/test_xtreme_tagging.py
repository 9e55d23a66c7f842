"""PAN-X and UD-POS in sentences and in blocks, with translations: the same records; what does not fit is said."""

import pytest

from isogloss.data.parallel import pair
from isogloss.data.tagged_text import read_tagged
from isogloss.data.task_data import read_machine, read_split
from isogloss.errors import UserError
from isogloss.records import is_labelled
from isogloss.tasks import load_task

ENGLISH = [[("Marta", "B-PER"), ("sings", "O")], [("Lake", "B-LOC"), ("Garda", "I-LOC"), ("freezes", "O")]]
GERMAN = [[("Vögel", "O"), ("fliegen", "O")], [("Der", "O"), ("Rhein", "B-LOC"), ("steigt", "O")]]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lines_of(sentences, mark=""):
    return "\n".join("".join(f"{mark}{word}\t{tag}\n" for word, tag in sentence) for sentence in sentences)


def in_sentences(root, mark=""):
    write(root / "train-en.tsv", lines_of(ENGLISH, "en:" * bool(mark)))
    for split in ("dev", "test"):
        write(root / f"{split}-en.tsv", lines_of(ENGLISH, "en:" * bool(mark)))
        write(root / f"{split}-de.tsv", lines_of(GERMAN, "de:" * bool(mark)))


def with_language_marks(root):
    in_sentences(root, "mark")


def in_blocks(root):
    """The second sentence is cut after its first word."""
    for tag, sentences in (("en", ENGLISH), ("de", GERMAN)):
        blocks = [sentences[0], sentences[1][:1], sentences[1][1:]]
        numbers = [[(str(n), "") for _ in block] for n, block in zip((0, 1, 1), blocks, strict=True)]
        index = "\n".join("".join(f"{number}\n" for number, _ in block) for block in numbers)
        for split in ("train", "dev", "test") if tag == "en" else ("dev", "test"):
            write(root / tag / f"{split}.xlm-roberta-large", lines_of(blocks))
            write(root / tag / f"{split}.xlm-roberta-large.idx", index)


@pytest.mark.parametrize("lay_out", [in_sentences, with_language_marks, in_blocks])
def test_every_layout_gives_the_same_sentences(tmp_path, lay_out):
    lay_out(root := tmp_path / "panx")
    found = read_split(load_task("panx", tmp_path), tmp_path, "test")
    assert list(found) == ["en", "de"] or list(found) == ["de", "en"]
    for tag, sentences in (("en", ENGLISH), ("de", GERMAN)):
        words = [[r.text[a:b] for a, b in r.words] for r in found[tag]]
        assert words == [[word for word, _ in sentence] for sentence in sentences]
        assert [list(r.tags) for r in found[tag]] == [[label for _, label in sentence] for sentence in sentences]
        assert [r.id for r in found[tag]] == ["1", "2"]
        assert all(r.translations == () for r in found[tag])
    assert load_task("panx", root).languages_of("train") == ("en",)


@pytest.mark.parametrize(
    ("lay_out", "translated"),
    [(in_sentences, "Marta singt\nDer Gardasee friert zu\n"), (in_blocks, "Marta singt\nDer Gardasee\nfriert zu\n")],
)
def test_translations_of_the_training_are_beside_their_tagged_english(tmp_path, lay_out, translated):
    lay_out(tmp_path / "panx")
    write(tmp_path / "panx" / "translations" / "train-en-de.tsv", translated)
    german = read_split(load_task("panx", tmp_path), tmp_path, "train")["de"]
    assert [r.text for r in german] == ["Marta singt", "Der Gardasee friert zu"]
    assert not any(is_labelled(r) for r in german)
    assert [r.translations[0].tags for r in german] == [("B-PER", "O"), ("B-LOC", "I-LOC", "O")]


def test_a_blank_training_line_has_no_pair(tmp_path):
    in_sentences(tmp_path / "panx")
    write(tmp_path / "panx" / "translations" / "train-en-de.tsv", "\nDer Gardasee friert zu\n")
    assert [r.id for r in read_split(load_task("panx", tmp_path), tmp_path, "train", ["de"])["de"]] == ["2"]


@pytest.mark.parametrize("lay_out", [in_sentences, in_blocks])
def test_a_test_sentence_without_a_translation_is_paired_with_itself(tmp_path, lay_out):
    lay_out(tmp_path / "panx")
    lines = "Birds fly\n\n" if lay_out is in_sentences else "Birds fly\n\n\n"
    write(tmp_path / "panx" / "translations" / "test-de-en.tsv", lines)
    task = load_task("panx", tmp_path)
    gold = read_split(task, tmp_path, "test", ["de"])["de"]
    paired = pair(gold, "machine", machine=read_machine(task, tmp_path, "test", ["de"])["de"])
    assert [r.translations[0].text for r in paired] == ["Birds fly", "Der Rhein steigt"]
    assert all(r.translations[0].language == "en" and r.translations[0].tags is None for r in paired)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "translations/train-en-de.tsv",
            "Marta singt\n",
            "1 lines where .*en/train.*has 3; a line is",
        ),
        ("en/train.xlm-roberta-large.idx", "0\n0\n\n1\n", "idx: 2 blocks where train.xlm-roberta-large has 3"),
        (
            "en/train.xlm-roberta-large.idx",
            "0\n1\n\n1\n\n1\n1\n",
            "a block has the sentence numbers '0', '1'; one is",
        ),
    ],
)
def test_files_that_do_not_belong_together_are_named(tmp_path, name, content, complaint):
    in_blocks(tmp_path / "panx")
    write(tmp_path / "panx" / "translations" / "train-en-de.tsv", "a\nb\nc\n")
    write(tmp_path / "panx" / name, content)
    with pytest.raises(UserError, match=complaint) as caught:
        read_split(load_task("panx", tmp_path), tmp_path, "train")
    assert "\n" not in str(caught.value)


def test_blocks_without_their_index_are_an_error(tmp_path):
    in_blocks(tmp_path / "panx")
    (tmp_path / "panx" / "de" / "test.xlm-roberta-large.idx").unlink()
    with pytest.raises(UserError, match="no test.xlm-roberta-large.idx beside it"):
        read_split(load_task("panx", tmp_path), tmp_path, "test", ["de"])


def test_prepared_test_files_carry_place_holders(tmp_path):
    in_sentences(tmp_path / "udpos")
    write(tmp_path / "udpos" / "test-de.tsv", "Vögel\tX\nfliegen\tX\n\nEr\tX\n")
    with pytest.raises(UserError, match="place-holders, get the labelled file"):
        read_split(load_task("udpos", tmp_path), tmp_path, "test", ["de"])
    write(tmp_path / "udpos" / "test-de.tsv", "Vögel\nfliegen\n\nEr\n")
    with pytest.raises(UserError, match="place-holders, get the labelled file"):
        read_split(load_task("udpos", tmp_path), tmp_path, "test", ["de"])


def test_a_word_that_begins_with_a_hash_is_a_word_wherever_it_stands(tmp_path):
    write(tmp_path / "x.tsv", "#1\tX\nwins\tVERB\n\nis\tAUX\n#\tSYM\n")
    found = [[record.text[a:b] for a, b in record.words] for record in read_tagged(tmp_path / "x.tsv", "en")]
    assert found == [["#1", "wins"], ["is", "#"]]


def test_chinese_words_are_joined_without_spaces(tmp_path):
    write(tmp_path / "test-zh.tsv", "我\tO\n北京\tB-LOC\n")
    (record,) = read_tagged(tmp_path / "test-zh.tsv", "zh")
    assert (record.text, record.words) == ("我北京", ((0, 1), (1, 3)))
