"""Corrections by banks, measured: whether a sentence's translation is the nearest, by correction, bank and its size.

Used by `benchmarks.score_matrices`. Every beta is tuned on dev with the same bank; the test is read once. Banks are
drawn with several seeds from training pairs, and the seeds' counts averaged query by query.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, normalize

from isogloss.data.directions import Direction, pairs
from isogloss.data.task_data import read_split
from isogloss.encoders.sentence_vectors import Encode, encode_with
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import Counts, average_seeds
from isogloss.metrics.hubness import hubness
from isogloss.metrics.ratios import ratio_percent
from isogloss.recipe import build
from isogloss.records import Bitext
from isogloss.retrieval.bitext_retrieval import best_matches, ratio_margin
from isogloss.retrieval.dbnorm import BANKS, Dev, Remembered, Settings, corrected, correction, tuned
from isogloss.retrieval.nearest import nearest_neighbours, top
from isogloss.tasks import load_task

BAG, TINY = "bag of words", "tiny"
CAPTIONS = ("de-en", "fr-en", "cs-en")
TATOEBA = ("fr", "tr")  # that NTREX has too
POOL, SMALLER = 5000, 2000  # training captions that banks are drawn from; fewer where the encoder has to read them
SIZES = (100, 1000)
FITTED = 10_000  # training captions of the bag of words, none of them in the pool
DIMENSIONS = 256
RIDGES = (0.01, 0.1, 1.0, 10.0)
BANK_LINES, DEV_LINES = 600, 400  # of NTREX for Tatoeba: its first training lines are the bank, its last are dev
CUTS = (1, 5, 10)


class Side(NamedTuple):
    """Texts and their translations as unit vectors, (n, H) each."""

    texts: np.ndarray
    translations: np.ndarray


class Material(NamedTuple):
    """What is measured by one encoder in one direction."""

    task: str
    direction: str
    encoder: str
    dev: Side
    test: Side
    banks: Mapping[str, Sequence[Side]]  # by name, one for every seed


def captions(data: Path, encoder: str, seeds: Sequence[int], quick: bool) -> Iterator[Material]:
    """Multi30k by the embedded encoder or by a bag of words; beside its own banks stands one of Tatoeba."""
    task, tiny = load_task("multi30k", data), Remembered(encode_with("tiny"))
    for name in CAPTIONS[:1] if quick else CAPTIONS:
        direction = Direction(*name.split("-"))
        train, dev, test = (pairs(task, data, split, direction) for split in ("train", "dev", "test"))
        dev, test = (each[:100] if quick else each for each in (dev, test))
        order = np.random.default_rng(0).permutation(len(train))  # the same lines in every direction
        whole = [train[i] for i in order if train[i].text.strip() and train[i].translation.strip()]
        size, fitted = (60, 600) if quick else (POOL if encoder == BAG else SMALLER, FITTED)
        pool, other = whole[:size], tatoeba(data, direction.source)[: 50 if quick else None]
        ways = bag_of_words(whole[-fitted:], dev) if encoder == BAG else (tiny, tiny)
        texts = {str(n): [drawn(pool, n, seed) for seed in seeds] for n in ((20,) if quick else SIZES)}
        texts |= {str(len(pool)): [pool], f"{len(other)}, of Tatoeba": [other]}
        made = {bank: [vectors(each, *ways) for each in several] for bank, several in texts.items()}
        yield Material("multi30k", name, encoder, vectors(dev, *ways), vectors(test, *ways), made)


def sentences(data: Path, quick: bool) -> Iterator[Material]:
    """Tatoeba by the embedded encoder with a bank of news from NTREX, whose other lines are dev."""
    ntrex, tiny = load_task("ntrex", data), Remembered(encode_with("tiny"))
    for tag in TATOEBA[:1] if quick else TATOEBA:
        news = pairs(ntrex, data, "train", Direction(tag, "en"))
        bank, dev = (news[:60], news[-60:]) if quick else (news[:BANK_LINES], news[-DEV_LINES:])
        test = vectors(tatoeba(data, tag)[: 100 if quick else None], tiny, tiny)
        banks = {f"{len(bank)}, of NTREX": [vectors(bank, tiny, tiny)]}
        yield Material("tatoeba", f"{tag}-en", TINY, vectors(dev, tiny, tiny), test, banks)


def measured(material: Material) -> list[dict[str, Any]]:
    """A row for each correction and bank; differences are of R@1, from the raw similarities."""
    raw = scored(material, [Settings(correction="raw")], [Side(np.zeros((0, 0)), np.zeros((0, 0)))])
    rows = [{"bank": "", "correction": "raw", "betas": []} | compared(raw, raw)]
    for bank, seeds in material.banks.items():
        for kind in [name for name in BANKS if name != "raw"]:
            settings = [tuned_on(material.dev, build(Settings, {"correction": kind}, "config"), each) for each in seeds]
            found = compared(scored(material, settings, seeds), raw)
            rows.append({"bank": bank, "correction": kind, "betas": [each.betas for each in settings]} | found)
    where = {"task": material.task, "direction": material.direction, "encoder": material.encoder}
    return [where | row for row in [*rows, margin_row(material, raw)]]


class Scored(NamedTuple):
    """What the first k found say, on average over the seeds."""

    counts: dict[int, Counts]  # by cut
    skewness: float
    most: float


def scored(material: Material, settings: Sequence[Settings], banks: Sequence[Side]) -> Scored:
    """The test under each seed's settings and bank."""
    places = [
        top(corrected(similarities(material.test), correction(each, asked(bank, material.test))), max(CUTS)).places
        for each, bank in zip(settings, banks, strict=True)
    ]
    found = [hubness(row, len(material.test.translations)) for row in places]
    counts = {cut: average_seeds([hits(row[:, :cut]) for row in places]) for cut in CUTS}
    return Scored(counts, float(np.mean([h.skewness for h in found])), float(np.mean([h.most for h in found])))


def tuned_on(dev: Side, settings: Settings, bank: Side) -> Settings:
    """The settings with the betas that are best on dev with the same bank."""
    return tuned(settings, [Dev(similarities(dev), np.eye(len(dev.texts), dtype=bool), asked(bank, dev))])


def similarities(side: Side) -> np.ndarray:
    """Cosines of all texts with all translations, (n, n)."""
    return side.texts @ side.translations.T


def asked(bank: Side, side: Side) -> dict[str, np.ndarray]:
    """The similarities of both banks with the translations."""
    if not len(bank.texts):
        return {}
    return {"query": bank.texts @ side.translations.T, "gallery": bank.translations @ side.translations.T}


def hits(places: np.ndarray) -> Counts:
    """Whether each query's own number is among those found, and 1."""
    found = (places == np.arange(len(places))[:, None]).any(1)
    return {"all": {str(i): np.array([hit, 1.0]) for i, hit in enumerate(found)}}


def compared(found: Scored, raw: Scored) -> dict[str, Any]:
    """R at every cut with an interval, hubness, and the paired difference of R@1 from the raw one."""
    row: dict[str, Any] = {"skewness@10": found.skewness, "most@10": found.most}
    for cut in CUTS:
        sampled = resample([found.counts[cut], raw.counts[cut]], ratio_percent)
        row[f"R@{cut}"] = scores(sampled, 0).languages["all"]._asdict()
        if cut == 1 and found is not raw:
            row["R@1 minus raw"] = difference(sampled, 0, 1)._asdict()
    return row


def margin_row(material: Material, raw: Scored) -> dict[str, Any]:
    """The control of `bitext_retrieval`: the margin, whose banks are the test's own sentences."""
    forward = nearest_neighbours(*material.test, 4)
    backward = nearest_neighbours(material.test.translations, material.test.texts, 4)
    found = hits(best_matches(forward, backward, ratio_margin).places[:, None])
    sampled = resample([found, raw.counts[1]], ratio_percent)
    row = {"bank": "the test itself", "correction": "margin", "betas": []}
    row["R@1"] = scores(sampled, 0).languages["all"]._asdict()
    return row | {"R@1 minus raw": difference(sampled, 0, 1)._asdict()}


def bag_of_words(fitted: Sequence[Bitext], dev: Sequence[Bitext]) -> tuple[Encode, Encode]:
    """Functions from texts and from translations to unit vectors: tf-idf, its main directions, and a linear map.

    The map takes the texts' vectors to the translations'; its ridge is the one under which most of dev find their own.
    """
    sides = [each.text for each in fitted], [each.translation for each in fitted]
    models = [words().fit(side) for side in sides]
    x, y = (model.transform(side) for model, side in zip(models, sides, strict=True))

    def mapped(ridge: float) -> Encode:
        weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
        return lambda texts: np.asarray(normalize(models[0].transform(texts) @ weights), np.float32)

    def target(texts: Sequence[str]) -> np.ndarray:
        return models[1].transform(texts).astype(np.float32)

    def right(ridge: float) -> int:
        nearest = nearest_neighbours(*vectors(dev, mapped(ridge), target), 1).places[:, 0]
        return int((nearest == np.arange(len(dev))).sum())

    return mapped(max(RIDGES, key=right)), target


def words() -> Any:
    """Words by tf-idf in their main directions, at length one."""
    counted = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"\w+")
    return make_pipeline(counted, TruncatedSVD(DIMENSIONS, random_state=0), Normalizer())


def vectors(found: Sequence[Bitext], source: Encode, target: Encode) -> Side:
    """The vectors of both sides."""
    return Side(source([each.text for each in found]), target([each.translation for each in found]))


def drawn(pool: Sequence[Bitext], size: int, seed: int) -> list[Bitext]:
    """So many of the pool."""
    return [pool[i] for i in np.random.default_rng(seed).permutation(len(pool))[:size]]


def tatoeba(data: Path, tag: str) -> list[Bitext]:
    """The sentences of Tatoeba in a language, with their English."""
    return list(read_split(load_task("tatoeba"), data, "test", [tag])[tag])
