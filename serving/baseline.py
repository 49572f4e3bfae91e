"""Which version of a model a new one is compared with. Imports no TensorFlow."""

import dataclasses
import pathlib

from preprocessing.errors import InputError
from serving.model_dir import version_folders

STABLE = "stable"


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A version, and why it is the one."""

    path: pathlib.Path
    number: int
    because: str  # "stable", "newest" or "--baseline"

    def __str__(self) -> str:
        return f"{self.path} ({self.because})"


def baseline_of(
    model_dir: pathlib.Path,
    asked: int | None = None,
    config: pathlib.Path | None = None,
    name: str | None = None,
) -> Baseline | None:
    """The version that a new one is compared with.

    Args:
        model_dir: of the model.
        asked: a number; None means the one with the label `stable`, or else the newest.
        config: with the labels; by default `models.config` beside the folder.
        name: of the model in it; by default the folder's.

    Returns:
        None where there is no version yet.

    Raises:
        InputError: the one that was asked for is not there, or the one with the label, or the
            config that was.
    """
    found = version_folders(model_dir)
    listed = ", ".join(map(str, found)) or "none"
    if asked is not None:
        if asked not in found:
            raise InputError(f"--baseline {asked}: {model_dir} has the versions {listed}.")
        return Baseline(found[asked], asked, "--baseline")
    if config and not config.exists():
        raise InputError(f"--config {config}: no such file, expected TF Serving's model config.")
    stable = _stable(model_dir, config, name)
    if stable is None:
        return Baseline(found[max(found)], max(found), "newest") if found else None
    if stable not in found:
        raise InputError(
            f"{model_dir}: the label {STABLE} points at version {stable}, which is not there; the "
            f"versions are {listed}. Promote one of them (`python -m serving.registry promote`), "
            "or take the label away (`unlabel`)."
        )
    return Baseline(found[stable], stable, STABLE)


def _stable(model_dir: pathlib.Path, config: pathlib.Path | None, name: str | None) -> int | None:
    from serving.registry.labels import labels_of  # its protos take a moment

    return labels_of(model_dir, config, name).get(STABLE)
