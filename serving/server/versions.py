"""The versions of a model that are on disk."""

import logging
import re
from collections.abc import Collection, Iterable

import tensorflow as tf

from serving.server.config import ModelConfig

logger = logging.getLogger(__name__)

_VERSION = re.compile(r"[0-9]+")  # ASCII digits only: int() would also take "1_0" and "٧"
_MAX_INT64 = 2**63 - 1


def find_versions(configs: Iterable[ModelConfig]) -> list[tuple[ModelConfig, dict[int, str]]]:
    """The versions of each model, as `list_versions` gives them.

    One missing base path stops it all: then nothing is found of any model.
    """
    found = []
    for config in configs:
        name, path = config.name, config.base_path
        try:
            found.append((config, list_versions(path)))
        except tf.errors.OpError as error:
            logger.error(
                "model %s: cannot list base path %s (%s); waiting for it, and no model is updated "
                "until it is there", name, path, error.message,
            )  # fmt: skip
            return []
        _warn_of_missing(config, found[-1][1])
    return found


def _warn_of_missing(config: ModelConfig, present: Collection[int]) -> None:
    name, path = config.name, config.base_path
    missing = config.policy.missing(present)
    for version in missing:
        logger.warning(
            "model %s: version %d, which its policy names, is not in %s; waiting for %s/%d",
            name, version, path, path, version,
        )  # fmt: skip
    if not missing and not present:
        logger.warning(
            "model %s: no version in %s yet; waiting for a folder whose name is a number, such "
            "as %s/1", name, path, path,
        )  # fmt: skip


def list_versions(base_path: str) -> dict[int, str]:
    """The versions among the children of a base path, as version -> path.

    A child is a version when its whole name is a decimal integer, directory or not.

    Raises:
        tf.errors.OpError: the base path does not exist or cannot be listed.
    """
    found = {}
    for name in sorted(tf.io.gfile.listdir(base_path)):
        name = name.rstrip("/")  # object stores list directories with a slash
        if _VERSION.fullmatch(name) and int(name) <= _MAX_INT64:
            found[int(name)] = tf.io.gfile.join(base_path, name)
    return found
