"""The model card of the embedded translator, from what `benchmarks.embedded_translator` measured."""

from collections.abc import Mapping
from statistics import fmean
from textwrap import wrap
from typing import Any

from isogloss.evaluation.tables import markdown_line
from isogloss.languages import language

LICENCES = {  # of the training text: what it is, and its licence as stated
    "ntrex": ("news, lines 1 to 1,497 of NTREX-128", "CC BY-SA 4.0"),
    "tico19": ("sentences about COVID-19", "CC0"),
    "sib200": ("encyclopaedia and travel guides, the training split of SIB-200", "CC BY-SA 4.0"),
    "xnli_train_parallel": ("premises and hypotheses of MultiNLI in machine translation", "BSD-3"),
    "bible_nt": ("verses of the New Testament, without those that Taxi1500 tests on", "CC0, public domain"),
    "cldr_names": ("names of countries and languages from Unicode CLDR", "Unicode v3"),
    "sample_requests": ("a traveller's requests, the training side of the isogloss sample", "Apache-2.0"),
    "sample_passages": ("passages and questions, the training side of the same", "Apache-2.0"),
}
TITLES = {"ntrex": "News (the last 500 lines of NTREX)", "sample_translation": "A traveller's requests (the sample)"}


def card(found: Mapping[str, Any]) -> str:
    """The README.md of the translator's folder."""
    run = found["run"]
    head = ["---", "license: cc-by-sa-4.0", "library_name: transformers", "pipeline_tag: translation"]
    head += [f"language: [en, {', '.join(run['languages'])}]", f"tags: [translation, {run['method']}]", "---", ""]
    parts = [*head, *_purpose(found), COMMANDS, "## What it is bad at", *_weaknesses(found), "", "## How good it is"]
    return "\n".join([*parts, *_scores(found), "## How it was trained", *_training(found)]) + "\n"


COMMANDS = """```
isogloss predict RUN --translator tiny-mt --input lines.jsonl
isogloss translate --from de --to en --engine tiny-mt < in.txt > out.txt
isogloss translate --from de --to fr --engine pivot:en:tiny-mt < in.txt > out.txt
isogloss evaluate tiny-mt --task sample_translation
isogloss export tiny-mt --to ctranslate2 --output tiny-mt-int8
```
"""


def _purpose(found: Mapping[str, Any]) -> list[str]:
    shape = found["shape"]
    layers = f"{shape['encoder_layers']} + {shape['decoder_layers']} layers, {shape['d_model']} wide"
    names = ", ".join(language(tag).name for tag in found["run"]["languages"])
    news, sample = (found["tasks"][name] for name in ("ntrex", "sample_translation"))
    size = f"{found['parameters'] / 1e6:.1f} million parameters ({shape['model_type']}, {layers}"
    copy = fmean(row["source as it is"] for row in news.values())
    return [
        "# tiny-mt: the translator that comes with isogloss",
        "",
        *_prose(
            f"An encoder-decoder of {size}, {shape['vocab_size']:,} pieces), stored in half precision",
            f"({found['megabytes']['weights']:.1f} MB). One model translates from English into {names}, and back.",
        ),
        *_prose(
            "It exists so that a text whose translation nobody supplied can be read by FILTER without a network, a",
            "download or another library. **It is a poor translator.** On news it reaches chrF",
            f"{_mean(news, into=True):.0f} into English and {_mean(news, into=False):.0f} out of it, on average over",
            f"its languages; on a traveller's requests, a style that it was trained on, {_mean(sample, into=True):.0f}",
            f"and {_mean(sample, into=False):.0f}. News left as they are, untranslated, have {copy:.0f}. Nobody should",
            "read its output for what it says: take a real model for that (`hf:facebook/nllb-200-distilled-600M`, or",
            "an OPUS-MT model of one pair).",
        ),
    ]


def _weaknesses(found: Mapping[str, Any]) -> list[str]:
    longest = found["run"]["config"]["longest"]
    weak = [
        f"{name} ({row['chrF']:.1f} beside {row['another sentence']:.1f})"
        for directions in found["tasks"].values()
        for name, row in directions.items()
        if row["chrF_ci95"][0] <= row["another sentence"]
    ]
    told = (
        "What it says has no more to do with the source, by chrF, than the human translation of another sentence, in "
        f"{', '.join(weak)}."
    )
    return [
        "- Names, numbers and rare words: it writes something that looks like them.",
        f"- Sentences of more than {longest} pieces: it was shown none. Longer texts are cut into sentences before.",
        "- Whatever is unlike its training text: it then says something fluent that the source does not.",
        *([f"- {told}"] if weak else []),
        "- Directions without English are refused; `pivot:en:tiny-mt` adds up the mistakes of two.",
    ]


def _scores(found: Mapping[str, Any]) -> list[str]:
    seen = sum(found["training"]["test lines that occur"]["sample_translation"].values())
    lacking = [tag for tag in found["run"]["languages"] if f"{tag}-en" not in found["tasks"]["ntrex"]]
    lines = _prose(
        "chrF with the 95 % interval of a bootstrap over sentences, BLEU, and how often the output is in another",
        "language, by sacreBLEU and py3langid, beam 4. Not translated: outputs without an end, scored as empty ones.",
        "The last columns are chrF of the source text left as it is, and of the human translation of another sentence:",
        "what is no better than that is no translation. No news sentence of these was trained on;",
        f"{seen or 'none'} of the sample's requests {'occurs' if seen < 2 else 'occur'} in the training text as well.",
        *([f"There is no news test here in {' and '.join(language(tag).name for tag in lacking)}."] if lacking else []),
        f"Scored by {_scorer(found)}.",
    )
    header = ["direction", "chrF", "BLEU", "off target, %", "not translated", "sentences", "as it is", "another"]
    for task, directions in found["tasks"].items():
        lines += [f"### {TITLES[task]}", "", markdown_line(header), markdown_line(["---", *["---:"] * 7])]
        for name, row in directions.items():
            low, high = row["chrF_ci95"]
            cells = [f"{row['chrF']:.1f} [{low:.1f}, {high:.1f}]", f"{row['BLEU']:.1f}"]
            cells += [f"{row['off_target']:.1f}" if "off_target" in row else "–", str(row["not translated"])]
            cells += [str(row["n"]), f"{row['source as it is']:.1f}", f"{row['another sentence']:.1f}"]
            lines.append(markdown_line([name, *cells]))
        lines.append("")
    return lines


def _training(found: Mapping[str, Any]) -> list[str]:
    run, tags = found["run"], found["run"]["languages"]
    machine = f"{found['hardware']['cores']} cores of an {found['hardware']['processor']}"
    hours = run["updates"] * run["train"]["tokens_per_batch"] / run["tokens_per_second"] / 3600
    start = "random weights" if run["encoder"] == "new" else f"what the encoder `{run['encoder']}` knows"
    lines = _prose(
        "`isogloss train tiny_mt --data DATA --output RUN`, then `isogloss export RUN --to hf --output",
        f"isogloss/data/tiny_mt`: {run['updates']:,} updates of at most {run['train']['tokens_per_batch']:,} tokens,",
        f"{run['tokens_per_second']:,.0f} a second on {machine} (less than {hours:.1f} hours), in float32, from",
        f"{start}; the weights are the mean of the last {run['train']['average']} checkpoints.",
        "`isogloss.json` has every setting, the versions, the fingerprint of the data and the loss curve. Directions",
        f"with few pairs were read more often than their share (T = {run['config']['temperature']:g}).",
    )
    lines += _prose(
        f"Pairs with English by source and language; those with more than {run['config']['longest']} pieces on a side,",
        "and those with a line that `ntrex` tests on, were left out afterwards:",
    )
    lines.append(markdown_line(["source", "what", "licence as stated", *tags]))
    lines.append(markdown_line(["---", "---", "---", *["---:"] * len(tags)]))
    for source, counts in found["training"]["pairs"].items():
        numbers = (f"{counts[tag]:,}" if tag in counts else "–" for tag in tags)
        lines.append(markdown_line([source, *LICENCES[source], *numbers]))
    return [
        *lines,
        "",
        *_prose(
            "The weights are given under CC BY-SA 4.0, which NTREX and SIB-200 ask of what is made of them; the other",
            "texts allow it. The code that reads them is under Apache-2.0.",
        ),
        *_prose(
            "Do not report scores of this translator on the training parts above, nor on TICO-19 or Belebele, whose",
            "texts are among them.",
        )[:-1],
    ]


def _prose(*parts: str) -> list[str]:
    """A paragraph in lines of the width of this project, and an empty line after it."""
    return [*wrap(" ".join(parts), 116, break_long_words=False, break_on_hyphens=False), ""]


def _mean(directions: Mapping[str, Any], *, into: bool) -> float:
    """The mean chrF over the directions into English, or out of it."""
    return fmean(row["chrF"] for name, row in directions.items() if name.endswith("-en") == into)


def _scorer(found: Mapping[str, Any]) -> str:
    if "compared" not in found:
        return f"the engine {found['scored by']}"
    same = f"{found['same as by hf, %']:.1f} % of {found['compared']} translations"
    return f"CTranslate2 in float32, which gives {same} to the letter as `tiny-mt` does"
