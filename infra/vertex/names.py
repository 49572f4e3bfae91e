"""What things are called in the cloud, and how they are found again."""

import re

from preprocessing.errors import InputError

MANAGED_LABEL = {"managed_by": "bertline"}  # of whatever these commands have made

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?")


def check_name(name: str, flag: str) -> str:
    """A model's name that Vertex AI takes in its ids too.

    Raises:
        InputError: it does not.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{flag} is {name!r}, expected at most 50 lower-case letters, digits and dashes that "
            "begin with a letter and end in no dash: Vertex AI takes no others. Name the model "
            "with --name."
        )
    return name


def resource_id(name: str) -> str:
    """The id of a model's entry in the Model Registry, and of its endpoint."""
    return f"bertline-{name}"


def same_resource(a: str, b: str) -> bool:
    """Whether two full names are of one resource.

    Vertex AI takes a project's id and answers with its number, and a model's name may end in a
    version, `…/models/bertline-qa@2`.
    """
    return _without_project(a) == _without_project(b)


def _without_project(name: str) -> str:
    return re.sub(r"^projects/[^/]+/", "", name).partition("@")[0]


def model_prefix(name: str) -> str:
    """The folder of a model's versions in the bucket."""
    return f"bertline/models/{name}/"
