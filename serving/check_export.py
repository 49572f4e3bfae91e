"""Answers of an export, in a process of its own: `python -I serving/check_export.py`.

Reads JSON from stdin: {"folder": …, "requests": [[signature, {alias: [texts]}], …], "timed": the
same, "budget": seconds}, texts in base64. Writes to the file that the one argument names:
{"session": [answers of each request], "function": [of the first], "seconds": [of the timed ones,
until they are more than the budget]}, answers {alias: values}.

It has what a server has, TensorFlow and TF Text: an import of anything else of ours fails.
"""

import base64
import importlib.abc
import importlib.util
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

OURS = ("preprocessing", "trainer", "serving", "keras_hub", "keras_nlp")


class OnlyTensorFlow(importlib.abc.MetaPathFinder):
    """Refuses the packages that a server does not have, whether installed or not."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raises ImportError for one of them; leaves all others to the usual finders."""
        if name.partition(".")[0] in OURS:
            raise ImportError(f"{name} was imported, expected TensorFlow and TF Text alone")


def main(output: pathlib.Path) -> None:
    sys.meta_path.insert(0, OnlyTensorFlow())
    saved_model = _load_beside("saved_model")
    task = json.load(sys.stdin)  # after the imports: the exporter is still writing
    folder, requests = pathlib.Path(task["folder"]), [_decoded(each) for each in task["requests"]]
    answers: dict[str, list] = {}
    run = _loaded("Session", saved_model.load_in_session, folder)
    answers["session"] = [_answer(run, *request) for request in requests]
    answers["seconds"] = list(_durations(run, task["timed"], task["budget"]))
    del run  # a process should not hold the graph twice
    run = _loaded("tf.saved_model.load", saved_model.load_as_function, folder)
    answers["function"] = [_answer(run, *request) for request in requests[:1]]
    output.write_text(json.dumps(answers))


def _load_beside(name: str) -> Any:
    """A module of this folder, without its package."""
    path = pathlib.Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _loaded(way: str, load: Callable, folder: pathlib.Path) -> Callable:
    try:
        return load(folder)
    except Exception as error:  # noqa: BLE001 - TensorFlow raises many kinds
        _fail(f"loading it by {way}", error)


def _decoded(request: list) -> tuple[str, dict[str, list[bytes]]]:
    signature, inputs = request
    decoded = {alias: [base64.b64decode(text) for text in texts] for alias, texts in inputs.items()}
    return signature, decoded


def _answer(run: Callable, signature: str, inputs: dict) -> dict[str, list]:
    try:
        return {alias: to_json(array) for alias, array in run(signature, inputs).items()}
    except Exception as error:  # noqa: BLE001 - TensorFlow raises many kinds
        _fail(f"signature {signature}", error)


def _durations(run: Callable, requests: list, budget: float) -> Iterator[float]:
    """The seconds of each request, until they are more than the budget together."""
    total = 0.0
    for request in requests:
        start = time.monotonic()
        run(*_decoded(request))
        yield (duration := time.monotonic() - start)
        total += duration
        if total > budget:
            return


def _fail(place: str, error: Exception) -> NoReturn:
    """Ends the process; the last line on stderr is what the exporter shows."""
    sys.exit(f"{place}: {' '.join(str(error).split())[:500]}")


def to_json(array: Any) -> list:
    """A NumPy array as nested lists, with byte strings as text."""
    return _as_text(array.tolist())


def _as_text(values: Any) -> Any:
    if isinstance(values, list):
        return [_as_text(value) for value in values]
    return values.decode("utf-8") if isinstance(values, bytes) else values


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
