"""Evaluate a ranker on a task with queries: a run of a method that ranks, or any ranker, by the queries' language."""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.data.rankings import KINDS, Queries, among, read_queries
from isogloss.data.task_data import fingerprint
from isogloss.errors import UserError
from isogloss.evaluation.bootstrap import estimate
from isogloss.evaluation.counts import Counts, count_items, language_values
from isogloss.evaluation.labels import NO_ENCODER, language_name
from isogloss.evaluation.language_bias import FIRST, language_bias
from isogloss.evaluation.results import Conditions, Result, build_result, write_result
from isogloss.evaluation.scoring import TaskSplit
from isogloss.languages import language
from isogloss.metrics import Metric
from isogloss.metrics.hubness import Hubness, hubness_by_language
from isogloss.metrics.retrieval import depth_of, family
from isogloss.processes import is_first
from isogloss.records import RankedQuery, RankingPrediction
from isogloss.run_folder import read_manifest
from isogloss.tasks import Task, load_task

if TYPE_CHECKING:
    from isogloss.retrieval.ranker import Ranker

KIND = "ranking"
USUAL = ("RR@10", "P@1")  # of tasks that are no rankings by themselves
Ranked = Mapping[str, Sequence[RankingPrediction]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a ranking is asked for, where that is not as usual."""

    metrics: Sequence[str] | str = ()  # the first is the main one; () = those of the task
    documents: Sequence[str] | str = ()  # the languages of the documents that are ranked; () = all
    settings: Sequence[str] = ()  # key=value of the ranker


class Origin(NamedTuple):
    """What a result says about the ranker that was scored."""

    method: str
    encoder: str = NO_ENCODER
    seeds: tuple[int, ...] = (0,)  # of its training, if a run of isogloss made it
    settings: Mapping[str, Any] = {}
    languages: tuple[str, ...] = ()  # that it was trained on, where that is known


def ranks(model: str | Path, task: Task | None) -> bool:
    """Whether a ranker is asked for: by the task, or of a task that can be read as a ranking by the ranker's name.

    Raises:
        UserError: a ranker is to be scored on a task without queries.
    """
    from isogloss.retrieval import rankers

    if task is not None and task.kind == KIND:
        return True
    if not rankers.ranks(model):
        return False
    if task is not None and task.kind not in KINDS:
        raise UserError(f"{model} ranks, task {task.name} is {task.kind}; choose a task with queries for it")
    return True


def evaluate_ranker(
    model: str | Path,
    task: Task | None = None,
    *,
    data: Path | None = None,
    split: str = "test",
    languages: Sequence[str] | str = (),
    items: int | None = None,
    asked: Asked = Asked(),
    output: Path | None = None,
) -> Result:
    """The scores of a run that ranks, or of a ranker, for the queries of every language; written to `output` if given.

    Task, data, languages and items default to the run's own; languages of another ranker to all those of the task.
    Queries without a relevant document are left out, and told.

    Raises:
        UserError: the ranker, data or languages are missing; a setting or a metric is unknown.
    """
    from isogloss.retrieval.rankers import load_ranker, run_of

    started, folder = time.monotonic(), run_of(model)
    run = read_manifest(folder) if folder else {}
    if task is None and "task" not in run:
        raise UserError(f"{model} is a ranker; say with --task what it is scored on, for example --task xquad_r")
    declared = task or load_task(run["task"])
    data = data or (Path(run["data"]["folder"]) if run.get("data", {}).get("folder") else None)
    declared = load_task(declared.name, data)
    if not languages and declared.name == run.get("task"):
        languages = [tag for tag in run["languages"] if tag in declared.languages_of(split)]
    limit: int = run.get("test_items", 0) if items is None else items
    metrics = [family(name) for name in _names(declared, asked.metrics)]
    queries = read_queries(declared, data, split, languages, limit)
    chosen = [language(spelling).tag for spelling in _listed(asked.documents)]
    if chosen:
        queries = among(queries, chosen)
    queries = with_relevant(queries, f"task {declared.name}, split {split}")
    ranker = load_ranker(model, asked.settings)
    tuned = learned(ranker, TaskSplit(declared, data, split, list(queries)), chosen)
    origin = origin_of(model, ranker, run)
    tell_unseen(origin, [group[0].language for group in queries.values()])
    depth = max(FIRST, *(depth_of(metric.name) for metric in metrics))
    ranked: dict[str, Sequence[RankingPrediction]] = {}
    before: dict[str, Hubness] = {}
    for name, group in queries.items():
        ranked[name] = ranker.rank(group, depth)
        if raw := getattr(ranker, "raw_hubness", None):
            before[name] = raw
    conditions = Conditions(
        method=origin.method,
        task=declared.name,
        split=split,
        pairing="none",
        seeds=origin.seeds,
        settings={**origin.settings, **({"documents": chosen} if chosen else {})},
        encoder=origin.encoder,
        data={"sha256": fingerprint(declared, data), "documents": collection_sizes(queries), **tuned},
        train_language=declared.train_language,
    )
    return score_ranking(metrics, queries, ranked, conditions, before, started=started, output=output)


def score_ranking(
    metrics: Sequence[Metric],
    queries: Queries,
    ranked: Ranked,
    conditions: Conditions,
    before: Mapping[str, Hubness] = {},
    *,
    started: float,
    output: Path | None = None,
) -> Result:
    """The scores of rankings in every language of queries, with their language bias and hubness.

    before: the hubness without a correction, where there is one. Written to `output` if given.
    """
    counts = [_counts(metric, queries, ranked) for metric in metrics]
    others = list(zip(metrics[1:], counts[1:], strict=True))
    result = build_result(
        metrics[0],
        counts[0],
        conditions,
        seconds=time.monotonic() - started,
        other_metrics={metric.name: language_values(metric, found) for metric, found in others},
        other_ci95={metric.name: _intervals(metric, found) for metric, found in others},
        language_bias=language_bias(queries, ranked),
        hubness=hubness_by_language(queries, ranked, before),
    )
    if output is not None and is_first():
        write_result(output, result, counts[0])
    return result


def learned(ranker: "Ranker", what: TaskSplit, documents: Sequence[str] = ()) -> dict[str, Any]:
    """What a ranker that has `learn` tuned on the task's training and dev queries; nothing of other rankers.

    documents: the languages of those that are ranked; () = all. A split that the task lacks is empty. That dev was
    tuned on is told where it is scored.
    """
    if not hasattr(ranker, "learn"):
        return {}
    splits = {}
    for split in ("train", "dev"):
        try:
            lacks = split == "dev" and what.task.dev_split is None
            found = {} if lacks else read_queries(what.task, what.data, split, what.languages)
            found = among(found, documents) if documents else found
        except UserError as error:
            print(f"no {split} queries: {error}", file=sys.stderr)
            found = {}
        splits[split] = [query for group in found.values() for query in group]
    tuned = ranker.learn(splits["train"], splits["dev"])  # pyright: ignore[reportAttributeAccessIssue]
    if tuned and what.name == "dev":
        told = ", ".join(f"{name} {value:g}" for name, value in tuned.items())
        print(f"task {what.task.name}: scored on dev, which {told} was tuned on as well", file=sys.stderr)
    return {"tuned": tuned, "tuned_on": "dev"} if tuned else {}


def origin_of(model: str | Path, ranker: "Ranker", run: Mapping[str, Any]) -> Origin:
    """What is known of a ranker: of a run what its manifest says, else its name; and the settings it has."""
    found: Any = getattr(ranker, "settings", {})
    own: dict[str, Any] = dict(found) if isinstance(found, Mapping) else asdict(found)
    if not run:
        name, _, rest = str(model).partition(":")
        encoder = getattr(ranker, "encoder", rest)
        return Origin(name, encoder or NO_ENCODER, settings={"config": own})
    settings = {name: run[name] for name in ("config", "train", "lengths")} | ({"ranking": own} if own else {})
    read = run.get("train_languages") or run["languages"]
    trained = dict.fromkeys((load_task(run["task"]).train_language, *read))
    return Origin(run["method"], run["encoder"], (run["seed"],), settings, tuple(trained))


def with_relevant(queries: Queries, where: str) -> dict[str, list[RankedQuery]]:
    """The queries that have a relevant document; how many have none is told on standard error.

    Raises:
        UserError: those of a language all have none.
    """
    found: dict[str, list[RankedQuery]] = {}
    for name, group in queries.items():
        found[name] = [query for query in group if any(gain > 0 for gain in query.gains.values())]
        lacking = len(group) - len(found[name])
        if not found[name]:
            raise UserError(f"{where}: no query in {name} has a relevant document among those that are ranked")
        if lacking:
            print(
                f"{where}: {lacking} of {len(group)} queries in {name} have no relevant document and are left out",
                file=sys.stderr,
            )
    return found


def tell_unseen(origin: Origin, tags: Sequence[str]) -> None:
    """Say on standard error in which of the queries' languages a run was not trained."""
    unseen = [language_name(tag) for tag in dict.fromkeys(tags) if origin.languages and tag not in origin.languages]
    if unseen:
        print(
            f"the run was trained on {', '.join(origin.languages)} and never on {', '.join(unseen)}; how well it ranks "
            "for these rests on its encoder alone",
            file=sys.stderr,
        )


def collection_sizes(queries: Queries) -> dict[str, int]:
    """How many documents there are in each language, of all collections together."""
    collections = {id(query.documents): query.documents for group in queries.values() for query in group}
    documents = {each.id: each.language for collection in collections.values() for each in collection}
    return dict(sorted(Counter(documents.values()).items()))


def _names(task: Task, asked: Sequence[str] | str) -> list[str]:
    usual = (task.metric, *task.other_metrics) if task.kind == KIND else USUAL
    return list(dict.fromkeys(_listed(asked) or usual))


def _listed(names: Sequence[str] | str) -> list[str]:
    return names.replace(",", " ").split() if isinstance(names, str) else list(names)


def _counts(metric: Metric, queries: Queries, ranked: Ranked) -> Counts:
    """The metric's counts of every query, by language or direction."""
    return {name: count_items(metric, group, ranked[name])[group[0].language] for name, group in queries.items()}


def _intervals(metric: Metric, counts: Counts) -> dict[str, list[float]]:
    """The 95 % interval of the metric in every language."""
    found = estimate(counts, metric.value).languages
    return {name: [round(bound, 4) for bound in score.ci95] for name, score in found.items()}
