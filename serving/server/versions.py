"""The versions of a model that are on disk."""

import re

import tensorflow as tf

_VERSION = re.compile(r"[0-9]+")  # ASCII digits only: int() would also take "1_0" and "٧"
_MAX_INT64 = 2**63 - 1


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
