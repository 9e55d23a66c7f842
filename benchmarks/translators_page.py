"""The page on translators: what the files of their benchmarks become, as texts, tables and pictures."""

from collections.abc import Iterable, Iterator, Mapping
from statistics import mean
from typing import Any

from benchmarks.pieces import Describe, Heading, Picture, Piece, Table, ratio, seconds
from benchmarks.plots import even_picture

INTRODUCTION = """Translators that this project trained, small and for minutes: what is compared had the same data and
the same updates, and how good it is says little about what more of either would give. Scores are sacreBLEU's, in
brackets the 95 % interval of a bootstrap over sentences; differences are tested on the same resamples."""
Score = Mapping[str, Any]


def _directions(content: Mapping[str, Any]) -> Iterator[Piece]:
    runs = {name: next(iter(by_seed.values())) for name, by_seed in content["runs"].items()}
    yield (
        f"Captions of {content['task']}, beam {content['beam']}. The one model has the updates of all the single ones "
        "together. The token of the target language begins the source, or the target where the name says tag decoder. "
        "What was never trained stands beside the chain through English. Off target: outputs in another language. "
        "Captions describe images in plain sentences, the same in every language, so that a direction never "
        "seen is easier here than in news."
    )
    yield Table(
        ["trained", "parameters", "updates", "seconds", "tokens/s"],
        [
            [
                name,
                f"{run['parameters']:,}",
                f"{run['updates']:,}",
                f"{run['seconds']:,.0f}",
                f"{run['tokens_per_second']:,.0f}",
            ]
            for name, run in runs.items()
        ],
    )
    yield Table(
        ["direction, model", "chrF", "BLEU", "TER", "off target, %", "sentences", "seeds"],
        [
            [
                f"{direction}, {name}",
                f"{row['chrF']:.1f} [{row['chrF_ci95'][0]:.1f}, {row['chrF_ci95'][1]:.1f}]",
                *(f"{row[metric]:.1f}" if metric in row else "–" for metric in ("BLEU", "TER", "off_target")),
                str(row["n"]),
                str(len(row["by_seed"])),
            ]
            for direction, here in content["directions"].items()
            for name, row in here.items()
        ],
    )
    yield from _in_another_language(content["directions"])
    for seed, found in content.get("chain", {}).items():
        yield (
            f"Seed {seed}: through English {found['sentences']} sentences of {found['direction']} take "
            f"{ratio(found['times as long'])} times as long as directly, by the same model in turns."
        )
    if content["probes"]:
        yield from _probes(content["probes"])


def _in_another_language(directions: Mapping[str, Any]) -> Iterator[Piece]:
    """How often a model for all directions answers in a wrong language: a line for each, a column for each model."""
    every = [name for here in directions.values() for name in here if "off_target" in here[name]]
    many = [name for name in dict.fromkeys(every) if every.count(name) > 1]
    if many:
        yield Heading("In another language, %")
        yield Table(
            ["direction", *many],
            [
                [direction, *(f"{here[name]['off_target']:.1f}" if name in here else "–" for name in many)]
                for direction, here in directions.items()
            ],
        )


def _probes(by_seed: Mapping[str, Any]) -> Iterator[Piece]:
    first, found = next(iter(by_seed.items()))
    yield Heading("Bridging, and mixed targets")
    yield (
        f"The one model of seed {first}. How often a sentence's nearest by the mean of the encoder's states, of "
        f"{found['sentences']} in another language, is its own translation, while a third language is asked for; and "
        "what is said where the target's token is (1 - w) of one and w of another."
    )
    yield Table(["languages", "nearest, %"], [[name, f"{share:.1f}"] for name, share in found["bridging"].items()])
    rows = [(row["targets"], row) for row in found["mixing"]]
    yield Table(
        ["languages, w", "first, %", "second, %", "not known, %"],
        [
            [
                f"{row['from']}-{one}/{other}, {row['weight']:g}",
                *(f"{row['languages'].get(name, 0):.1f}" for name in (one, other, "not known")),
            ]
            for (one, other), row in rows
        ],
    )
    if not rows:
        return
    one, other = rows[0][0]
    curves = {name: [row["languages"].get(name, 0) for _, row in rows] for name in (one, other, "not known")}
    yield Picture(
        even_picture(f"w, from {one} to {other}", [row["weight"] for _, row in rows], curves),
        "Outputs in each language, %, over the mixture of the two targets.",
    )


def _decoding(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield (
        f"{content['direction']} on {content['n']} {content['split']} sentences of {content['task']}: the hypotheses "
        f"of one search with beam {content['beam']}, ranked again under the rule {content['rule']} with its exponent "
        "alpha and the coverage penalty beta. Length: words of the outputs to those of the references. Hardly looked "
        "at: source words whose pieces got less than 0.5 of attention in all."
    )
    alphas, betas = (list(dict.fromkeys(row[name] for row in content["curve"])) for name in ("alpha", "beta"))
    for metric in ("BLEU", "chrF"):
        found = {(row["alpha"], row["beta"]): row[metric]["value"] for row in content["curve"]}
        curves = {f"beta {beta:g}": [found.get((alpha, beta)) for alpha in alphas] for beta in betas}
        yield Picture(even_picture(f"{metric} over alpha", alphas, curves), f"{metric} by alpha, a line for each beta.")
    yield Table(
        ["alpha, beta", "BLEU", "chrF", "length", "hardly looked at, %"],
        [
            [
                f"{row['alpha']:g}, {row['beta']:g}",
                _score(row["BLEU"]),
                _score(row["chrF"]),
                f"{row['length ratio']:.3f}",
                f"{row['hardly looked at']:.1f}",
            ]
            for row in content["curve"]
        ],
    )


def _gnmt_parts(content: Mapping[str, Any]) -> Iterator[Piece]:
    runs = content["runs"]
    yield (
        f"GNMT, {content['direction']}, on {content['n']} {content['split']} sentences of {content['task']}, beam "
        f"{content['beam']}. Two networks of {content['layers']} + {content['layers']} layers, and a second stage from "
        f"a finished run, which draws {content['samples']} translations of a source, beside likelihood that goes on "
        "from the same run. The loss is in nats of a token; that of the second stage is minus the GLEU of what was "
        "drawn, 0 to 1, with a little of the likelihood."
    )
    yield Table(
        ["trained", "updates", "seconds", "first loss", "last loss"],
        [
            [
                f"{name}, seed {seed}",
                f"{run['updates']:,}",
                f"{run['seconds']:,.0f}",
                f"{run['first_loss']:.2f}",
                f"{run['loss']:.2f}",
            ]
            for name, by_seed in runs.items()
            for seed, run in by_seed.items()
        ],
    )
    for part in (each for each in ("second stage", "residuals") if each in content):
        first = next(iter(content[part]))
        yield Table(
            [part, "chrF", "BLEU", "GLEU", f"GLEU minus {first}", "seeds"],
            [
                [
                    name,
                    *(_score(row[metric]) for metric in ("chrF", "BLEU", "GLEU")),
                    _difference(row[f"GLEU minus {first}"]) if name != first else "–",
                    str(row["seeds"]),
                ]
                for name, row in content[part].items()
            ],
        )


def _inference(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield (
        f"A run of {content['method']} on {content['task']}, beam {content['beam']}, by the engines and precisions "
        "that read it. The same: greedy translations equal to the first engine's to the letter."
    )
    yield Table(["engine", "MB"], [[name, f"{size:.1f}"] for name, size in content["megabytes"].items()])
    for direction, engines in content["directions"].items():
        yield Heading(direction)
        yield Table(
            ["engine", "BLEU", "difference", "chrF", "the same, %", "seconds", "times as fast"],
            [
                [
                    name,
                    _score(row["BLEU"]),
                    next((_difference(found) for key, found in row.items() if key.startswith("BLEU minus")), "–"),
                    _score(row["chrF"]),
                    f"{row['same_greedy_percent']:.1f}",
                    seconds(row["seconds"]),
                    ratio(row.get("times as fast")),
                ]
                for name, row in engines.items()
            ],
        )


BESIDE = {"BLEU": "BLEU", "as it is": "source as it is", "another": "another sentence"}


def _warm_start(content: Mapping[str, Any]) -> Iterator[Piece]:
    rows, beside = content["rows"], content["controls"]
    (last, best), runs = list(rows.items())[-1], {name: row["runs"] for name, row in rows.items()}
    seeds = len(best["runs"])
    yield (
        f"{content['task']} {content['direction']}, {content['n']} captions, greedily, the mean of {seeds} seeds; "
        f"{best['runs'][0]['updates']} updates each, the encoder is {content['encoder']}. The source text as it is has "
        f"chrF {beside['source as it is']:.1f}, the human translation of another caption "
        f"{beside['another sentence']:.1f}."
    )
    yield Table(
        ["begins with", "parameters", "seconds", "loss", "chrF", "BLEU", f"chrF, {last} minus this"],
        [
            [
                name,
                f"{runs[name][0]['parameters']:,}",
                f"{mean(run['seconds'] for run in runs[name]):,.0f}",
                f"{mean(run['loss'] for run in runs[name]):.2f}",
                _score(row["chrF"]),
                _score(row["BLEU"]),
                "–" if name == last else _score(row[f"chrF, {last} minus this"]),
            ]
            for name, row in rows.items()
        ],
    )


def _embedded(content: Mapping[str, Any]) -> Iterator[Piece]:
    run, news = content["run"], content["tasks"]["ntrex"]
    updates = f"{run['updates']:,} updates of at most {run['train']['tokens_per_batch']:,} tokens"
    yield (
        f"{content['engine']}, which comes with isogloss: {content['parameters']:,} parameters, {updates}, "
        f"{run['tokens_per_second']:,.0f} a second. News: the last 500 lines of NTREX, never trained on. Requests: the "
        "test side of the sample. As it is: chrF of the source text in the place of a translation; another: of the "
        "human translation of another sentence. Its model card names the training text and the licences."
    )
    sample = content["tasks"]["sample_translation"]
    yield Table(
        ["direction", *(f"{what}{name}" for what in ("news, ", "requests, ") for name in ("chrF", *BESIDE))],
        [
            [direction, *(cell for rows in (news, sample) for cell in _translated(rows.get(direction)))]
            for direction in sample
        ],
    )


def _translated(row: Mapping[str, Any] | None) -> list[str]:
    """chrF of a direction and what stands beside it; dashes where there is none."""
    if row is None:
        return ["–"] * (1 + len(BESIDE))
    score = _score({"value": row["chrF"], "ci95": row["chrF_ci95"]})
    return [score, *(f"{row[name]:.1f}" for name in BESIDE.values())]


def _beside(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield (
        f"What is read beside a test text: English by hand, what {content['engine']['model']} makes of it, nothing, or "
        "the English of another item. How good the machine's English is stands in the first line of every table, as "
        "chrF against the human English. What does not pass a gate is read alone. Means are over the languages other "
        "than English; brackets: 95 % intervals, bootstrap over items."
    )
    for task, found in content["tasks"].items():
        tags, quality, seeds = list(found["translation_chrF"]), found["translation_chrF"], len(_seeds(found))
        yield Heading(f"{task}, {found['metric']}, {found['n']} items, {seeds} seed{'s' if seeds > 1 else ''}")
        alone = [found["read_alone"][tag] for tag in tags]
        yield Table(
            ["", "mean", *tags],
            [
                ["chrF of the machine's English", f"{mean(quality.values()):.1f}", *_cells(quality, tags)],
                ["read alone, %", *(f"{100 * n / found['n']:.0f}" for n in (mean(alone), *alone))],
                *(
                    [name, _score(row["average"]), *_cells(row["languages"], tags)]
                    for name, row in found["rows"].items()
                ),
            ],
        )
        tested = [(name, row.get("minus", {})) for name, row in found["rows"].items()]
        yield Table(
            ["difference of the means", "points", "p"],
            [
                [
                    f"{name} − {rival}",
                    f"{each['value']:+.1f} [{each['ci95'][0]:+.1f}, {each['ci95'][1]:+.1f}]",
                    _p(each),
                ]
                for name, rivals in tested
                for rival, each in rivals.items()
            ],
        )


def _seeds(found: Mapping[str, Any]) -> Mapping[str, float]:
    return next(iter(found["rows"].values()))["by_seed"]


def _cells(values: Mapping[str, float], tags: Iterable[str]) -> list[str]:
    return [f"{values[tag]:.1f}" for tag in tags]


def _p(found: Score) -> str:
    return f"{found['p']:.3f}"


PARTS: dict[str, tuple[str, str, Describe]] = {
    "One model for all directions": ("multilingual_translation", "multilingual_translation", _directions),
    "Residuals, and a stage on GLEU": ("gnmt_parts", "gnmt_parts", _gnmt_parts),
    "Length and coverage": ("decoding_curves", "decoding_curves", _decoding),
    "Inference in 8 bits": ("nmt_inference", "nmt_inference", _inference),
    "Beginning with an encoder": ("warm_start", "warm_start", _warm_start),
    "The embedded translator": ("embedded_translator", "embedded_translator", _embedded),
    "Read beside what a translator makes": ("machine_english", "machine_english", _beside),
}


def _score(found: Score) -> str:
    return f"{found['value']:.1f} [{found['ci95'][0]:.1f}, {found['ci95'][1]:.1f}]"


def _difference(found: Score) -> str:
    return f"{found['value']:+.2f} [{found['ci95'][0]:+.2f}, {found['ci95'][1]:+.2f}]"
