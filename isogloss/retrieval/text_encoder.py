"""What turns texts into vectors, by name: an encoder as it is, or a run whose method has learned to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.encoders.sentence_vectors import Encode, sentence_vectors
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.methods import load_method
from isogloss.processes import this_process
from isogloss.resources import EMBEDDED
from isogloss.run_folder import MANIFEST, read_manifest

CHECKED = ("The mill stands by the river.", "Wann fährt der letzte Zug?", "水车在河边。")
ALIKE = 0.999  # cosine of the same text's vectors on another machine; another encoder's are far below


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """A function from texts to unit vectors, and what is known of it."""

    name: str  # by which it is found again
    encode: Encode
    languages: frozenset[str] | None = None  # that it was trained on; None where that is not known

    def checked_vectors(self) -> np.ndarray:
        """The vectors of three texts, (3, H), by which the encoder is known again."""
        return self.encode(CHECKED)


def text_encoder(name: str | Path) -> TextEncoder:
    """The encoder of that name: of a run whose method offers `text_encoder` that; else mean vectors of the last layer.

    name: a run's folder, `tiny`, another folder, or a Hub name.

    Raises:
        UserError: there is no such encoder.
    """
    folder = Path(name)
    found = str(folder.resolve()) if folder.is_dir() else str(name)
    if (folder / MANIFEST).is_file():
        made = getattr(load_method(read_manifest(folder)["method"]), "text_encoder", None)
        if made is not None:
            return TextEncoder(found, made(folder), trained_languages(folder))
    encoder, tokenizer = load_encoder(name), load_tokenizer(name)
    encoder.to(this_process().device)  # pyright: ignore[reportCallIssue,reportArgumentType]
    return TextEncoder(found, partial(sentence_vectors, encoder, tokenizer), trained_languages(folder))


def check_encoder(index: Path, encoder: TextEncoder, expected: Sequence[Sequence[float]], made_with: str) -> None:
    """Nothing, if the encoder gives the vectors that the index was made with.

    Raises:
        UserError: it gives others.
    """
    wanted, given = np.asarray(expected, np.float32), encoder.checked_vectors()
    alike = float((wanted * given).sum(1).min()) if wanted.shape == given.shape else None
    if alike is not None and alike >= ALIKE:
        return
    found = (
        f"{given.shape[1]} dimensions, not {wanted.shape[1]}" if alike is None else f"cosine {alike:.3f} with its own"
    )
    raise UserError(
        f"{index} was made with the encoder {made_with}, and {encoder.name} gives other vectors ({found}); name the "
        "encoder it was made with, or build the index again with `isogloss index DOCUMENTS --encoder ... --output ...`"
    )


def trained_languages(folder: Path) -> frozenset[str] | None:
    """The languages that a run and its encoder, or an encoder, were trained on, by their cards; None if not known."""
    if str(folder) in EMBEDDED:
        return _of_card(EMBEDDED[str(folder)])
    if not (folder / MANIFEST).is_file():
        return _of_card(folder)
    manifest = read_manifest(folder)
    below = _of_card(EMBEDDED.get(str(manifest["encoder"]), Path(str(manifest["encoder"]))))
    return None if below is None else below | frozenset(manifest["languages"])


def _of_card(folder: Path) -> frozenset[str] | None:
    """The languages that the model card in a folder names; None if it names none, or only says that there are many."""
    try:
        head = (folder / "README.md").read_text(encoding="utf-8").split("---\n")[1]
        named: Any = yaml.safe_load(head)["language"]
        codes = [code for code in ([named] if isinstance(named, str) else named) if code != "multilingual"]
        return frozenset(language(code).tag for code in codes) or None
    except (OSError, IndexError, KeyError, TypeError, ValueError, yaml.YAMLError):  # no card, or one of another form
        return None
