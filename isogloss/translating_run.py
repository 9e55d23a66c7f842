"""A trained run that translates: records in, translations out, in their order; and the directions it was trained on."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.data.directions import Direction, directions_among
from isogloss.errors import UserError
from isogloss.methods import load_method
from isogloss.processes import divided, this_process
from isogloss.records import Bitext, TranslationPrediction
from isogloss.resources import TRANSLATORS
from isogloss.run_folder import MANIFEST, read_manifest
from isogloss.tasks import Task, load_task

if TYPE_CHECKING:
    from isogloss.translation.translator import Decoding, Translator


@dataclass
class TranslatingRun:
    """A trained run of a method that translates, ready to predict."""

    folder: Path
    manifest: dict[str, Any]
    task: Task
    translator: "Translator"

    def predict(self, records: Iterable[Bitext], decoding: "Decoding | None" = None) -> list[TranslationPrediction]:
        """One prediction per record, in their order; what the records hold as translations is not looked at.

        Where torchrun has started several processes, all must call this with the same records: each translates a share.

        Raises:
            UserError: the run has no such direction.
        """
        return translations(self.translator, list(records), decoding)


def translates(run: str | Path) -> bool:
    """Whether it is the folder of a run whose method translates, or the name of one that comes with isogloss."""
    folder = TRANSLATORS.get(str(run)) or Path(run)
    if not (folder / MANIFEST).is_file():
        return False
    return hasattr(load_method(read_manifest(folder)["method"]).Method, "translator")


def load_translating(run: str | Path) -> TranslatingRun:
    """The run in a folder, or one that comes with isogloss, which translates.

    Raises:
        UserError: it is no finished run, or its method does not translate.
    """
    from isogloss.translation.translator import load_translator

    folder = TRANSLATORS.get(str(run))
    manifest = read_manifest(folder or Path(run))
    this_process()  # of several, each has a device of its own, which is chosen before the network goes to one
    translator = load_translator(f"run:{run}" if folder is None else str(run))
    return TranslatingRun(folder or Path(run), manifest, load_task(manifest["task"]), translator)


def trained_directions(manifest: Mapping[str, Any]) -> list[Direction]:
    """The directions that a run was trained on; in others that it translates it was never shown a pair."""
    centre = load_task(manifest["task"]).train_language
    languages = dict.fromkeys((centre, *manifest["languages"]))
    return directions_among(manifest["config"].get("directions", ()), tuple(languages), centre)


def translations(
    translator: "Translator", records: Sequence[Bitext], decoding: "Decoding | None" = None
) -> list[TranslationPrediction]:
    """What a translator makes of each record's text in the language that it names, in their order.

    All processes of the command must come here with the same records; each translates a share of every direction.

    Raises:
        UserError: it lacks the direction of a record, or something in the decoding.
    """
    from isogloss.translation.translator import Decoding

    decoding = decoding or Decoding()
    groups: dict[Direction, list[int]] = {}
    for i, record in enumerate(records):
        groups.setdefault(Direction(record.language, record.translation_language), []).append(i)
    for direction, own in groups.items():  # all are asked for before the first is translated
        try:
            translator.check(*direction)
        except UserError as error:
            raise UserError(f"record {records[own[0]].id!r}, {direction}: {error}") from None
    processes = this_process().num_processes
    shares = [tuple(own[first::processes]) for own in groups.values() for first in range(processes)]
    work = [share for share in shares if share]

    def translated(share: tuple[int, ...]) -> list[TranslationPrediction]:
        first = records[share[0]]
        direction = Direction(first.language, first.translation_language)
        made = translator.translate([records[i].text for i in share], *direction, decoding)
        return [_prediction(records[i], each, decoding) for i, each in zip(share, made, strict=True)]

    found = dict(zip(chain.from_iterable(work), chain.from_iterable(divided(work, translated)), strict=True))
    return [found[i] for i in range(len(records))]


def tell_failures(reasons: Mapping[str, int], texts: int) -> None:
    """Say on standard error how many texts were not translated and why; nothing if all were."""
    alike: Counter[str] = Counter()
    for why, count in reasons.items():
        alike[re.sub(r"\d+", "N", why)] += count  # whatever their lengths
    if alike:
        told = "; ".join(f"{count}: {why}" for why, count in alike.most_common(3))
        print(
            f"{alike.total()} of {texts} texts were not translated ({told}{'; ...' * (len(alike) > 3)})",
            file=sys.stderr,
        )


def _prediction(record: Bitext, made: Any, decoding: "Decoding") -> TranslationPrediction:
    """The best hypothesis of a translation, or why there is none."""
    from isogloss.translation.decoding import hypothesis_score

    score = None
    if made.hypotheses and made.hypotheses[0].log_probability is not None and not decoding.samples:
        score = round(hypothesis_score(made.hypotheses[0], decoding), 6)
    return TranslationPrediction(
        id=record.id,
        language=record.language,
        text=record.text,
        translation_language=record.translation_language,
        translation=made.text,
        score=score,
        failure=made.failure,
    )
