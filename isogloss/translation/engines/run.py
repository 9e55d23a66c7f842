"""A run of this project that translates: `run:FOLDER`, or where an engine is named the folder alone."""

from pathlib import Path

from isogloss.errors import UserError
from isogloss.methods import load_method
from isogloss.recipe import build
from isogloss.run_folder import read_manifest
from isogloss.translation.translator import Translator


def load(rest: str) -> Translator:
    """The translator that a run's method makes of its folder.

    Raises:
        UserError: it is no finished run, or its method does not translate.
    """
    folder = Path(rest)
    manifest = read_manifest(folder)
    module = load_method(manifest["method"])
    method = module.Method(build(module.Settings, manifest["config"], "config"))
    if not hasattr(method, "translator"):
        raise UserError(f"{folder} is a run of {manifest['method']}, which does not translate; name a run that does")
    return method.translator(folder)
