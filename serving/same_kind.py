"""Whether a new version answers what clients ask of the model: same task, labels, signatures."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from preprocessing.errors import InputError
from serving import protocol, provenance
from serving.baseline import Baseline
from serving.model_dir import SAVED_MODEL
from serving.signature_contract import contract_of, signatures_of


def check_same_kind(current: Baseline, task: str, labels: Sequence[str]) -> None:
    """Compares a run with the version that clients know.

    Args:
        current: that version.
        task: of the run, "imdb" or "squad".
        labels: of the run, in the order of their numbers.

    Raises:
        InputError: they differ, or the version cannot be read.
    """
    run = (provenance.read_if_there(current.path) or {}).get("run") or {}
    if run.get("task", task) != task:
        raise _another(current, f"is of the task {run['task']}, but the run of {task}")
    known = run.get("labels")
    if task == "imdb" and known and list(known) != list(labels):
        raise _another(current, f"has the labels {_names(known)}, but the run {_names(labels)}")
    expected, found = contract_of(task, len(labels)), _signatures(current)
    for name in sorted(expected.keys() | found.keys()):
        if found.get(name) != expected.get(name):
            raise _another(current, f"has another signature {name} than the run's export")


def _signatures(current: Baseline) -> dict:
    path = current.path / SAVED_MODEL
    try:
        (meta_graph,) = protocol.SavedModel.FromString(path.read_bytes()).meta_graphs
    except (DecodeError, ValueError) as error:
        raise _another(current, f"has a {SAVED_MODEL} that cannot be read ({error})") from error
    return signatures_of(meta_graph)


def _names(labels: Sequence[str]) -> str:
    return ", ".join(labels)[:200]


def _another(current: Baseline, what: str) -> InputError:
    return InputError(
        f"--model_dir {current.path.parent}: its version {current.number} ({current.because}) "
        f"{what}: the model's clients would fail. Name another folder, or say --allow_other_kind "
        "if they are all changed with it."
    )
