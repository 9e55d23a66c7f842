"""Benchmarks: which tasks, which of their languages, and what a score is. XTREME's is what its own scorer computes.

The languages are written down here and not read from the tasks: a task may have more (Tatoeba, XGLUE's PAWS-X), and a
score of a benchmark must not change when it gets one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from isogloss.errors import UserError, nearest
from isogloss.tasks import tatoeba

SQUAD = {"F1": "squad_F1", "EM": "squad_exact_match"}
ACCURACY = {"accuracy": "accuracy"}


@dataclass(frozen=True, slots=True)
class BenchmarkTask:
    """A task of a benchmark; its score is the mean over the metrics of the mean over all the languages."""

    name: str
    title: str
    metrics: Mapping[str, str]  # what a table calls it -> its name in isogloss.metrics
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Tasks, and the groups of which the means are given beside the mean of all tasks."""

    name: str
    title: str
    paper: str
    tasks: Mapping[str, BenchmarkTask]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """The titles of the columns of its table by name: the mean of all tasks, the groups, the tasks."""
        titles = {"overall": "overall"} | {name: name.replace("_", " ") for name in self.groups}
        return titles | {name: task.title for name, task in self.tasks.items()}


def _task(name: str, title: str, metrics: Mapping[str, str], languages: str) -> BenchmarkTask:
    return BenchmarkTask(name, title, metrics, tuple(languages.split()))


XNLI = _task("xnli", "XNLI", ACCURACY, "ar bg de el en es fr hi ru sw th tr ur vi zh")
XTREME = Benchmark(
    name="xtreme",
    title="XTREME",
    paper="Hu et al. 2020, arXiv 2003.11080",
    tasks={
        task.name: task
        for task in (
            XNLI,
            _task("pawsx", "PAWS-X", ACCURACY, "de en es fr ja ko zh"),
            _task(  # seqeval 0.0.12 was the newest when the benchmark and FILTER were scored
                "udpos",
                "UD-POS",
                {"F1": "upos_F1_2020"},
                "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh",
            ),
            _task(
                "panx",
                "PAN-X",
                {"F1": "span_F1_lenient"},
                "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th "
                "tl tr ur vi yo zh",
            ),
            _task("xquad", "XQuAD", SQUAD, "ar de el en es hi ru th tr vi zh"),
            _task("mlqa", "MLQA", {"F1": "mlqa_F1", "EM": "mlqa_exact_match"}, "ar de en es hi vi zh"),
            _task("tydiqa", "TyDi QA", SQUAD, "ar bn en fi id ko ru sw te"),
            _task("bucc2018", "BUCC", {"F1": "bitext_F1"}, "de fr ru zh"),
            BenchmarkTask("tatoeba", "Tatoeba", ACCURACY, tatoeba.XTREME),
        )
    },
    groups={
        "sentence_pair": ("xnli", "pawsx"),
        "structured": ("udpos", "panx"),
        "question_answering": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
)
XGLUE = Benchmark(
    name="xglue",
    title="XGLUE, understanding",
    paper="Liang et al. 2020, arXiv 2004.01401",
    tasks={
        task.name: task
        for task in (
            _task("ner", "NER", {"F1": "span_F1_lenient"}, "de en es nl"),
            _task(
                "pos", "POS", {"accuracy": "token_accuracy"}, "ar bg de el en es fr hi it nl pl pt ru th tr ur vi zh"
            ),
            _task("nc", "NC", ACCURACY, "de en es fr ru"),
            _task("mlqa", "MLQA", {"F1": "mlqa_F1"}, "ar de en es hi vi zh"),
            XNLI,
            _task("pawsx", "PAWS-X", ACCURACY, "de en es fr"),
            _task("qadsm", "QADSM", ACCURACY, "de en fr"),
            _task("wpr", "WPR", {"nDCG": "nDCG"}, "de en es fr it pt zh"),
            _task("qam", "QAM", ACCURACY, "de en fr"),
        )
    },
)
BENCHMARKS = {benchmark.name: benchmark for benchmark in (XTREME, XGLUE)}


def load_benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    if name not in BENCHMARKS:
        raise UserError(f"no benchmark {name!r}; {nearest(name, BENCHMARKS)}")
    return BENCHMARKS[name]
