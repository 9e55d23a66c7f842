"""A run of this project that translates: `run:FOLDER`, or where an engine is named the folder alone.

A run that was stored by `isogloss export --to hf` says what its weights hash to, and is refused with others.
"""

from pathlib import Path

from isogloss.errors import UserError
from isogloss.files import sha256
from isogloss.methods import load_method
from isogloss.recipe import build
from isogloss.run_folder import WEIGHTS, WEIGHTS_SHA256, read_manifest
from isogloss.translation.translator import Translator


def load(rest: str) -> Translator:
    """The translator that a run's method makes of its folder.

    Raises:
        UserError: it is no finished run, its method does not translate, or its weights are not those it states.
    """
    folder = Path(rest)
    manifest = read_manifest(folder)
    module = load_method(manifest["method"])
    method = module.Method(build(module.Settings, manifest["config"], "config"))
    if not hasattr(method, "translator"):
        raise UserError(f"{folder} is a run of {manifest['method']}, which does not translate; name a run that does")
    weights, stated = folder / WEIGHTS, manifest.get(WEIGHTS_SHA256)
    if stated is not None and not (weights.is_file() and sha256(weights) == stated):
        raise UserError(f"{weights} is not what {folder} was stored with (another hash); copy or install it again")
    return method.translator(folder)
