"""An export against the trainer's model: in a process of its own, which has only TensorFlow."""

import base64
import concurrent.futures
import contextlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from preprocessing.errors import InputError
from serving import check_export
from serving.model_forms import ModelForms
from serving.warmup_requests import (
    WARM_UP_SECONDS,
    Request,
    serialized_example,
    that_fit,
    warm_up_requests,
)

logger = logging.getLogger(__name__)

# What an export must answer like the trainer's model before it is published.
CHECK_TEXTS = (
    "One of the best films I have seen in years.",
    "Dull, noisy and far too long; I walked out.",
    "Un café, s'il vous plaît — 中国电影 🎬 très bon!",
    "",
    "The plot goes round and round. " * 80,
)
CHECK_QUESTIONS = (
    ("Who built the bridge?", "The old bridge was built in 1894 by Ada Mills. It is 90 m long."),
    ("How long is it?", "Café Zürich is 90 m long — 中国 🎬."),
    ("Where is nothing?", " "),
    ("When did it end?", "It went on and on, as long roads do. " * 60 + "It ended in 1950."),
)
# Between an export's numbers and those of the trainer's float32 model. In bfloat16, with its 8
# significant bits, another answer may win: only the probabilities of answers are compared.
TOLERANCES = {"float32": 1e-4, "bfloat16": 0.05}
# glibc: memory that was freed stays with the process. TensorFlow copies a graph, with its weights,
# many times over; giving back and asking again is half of the time.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
CHECK_TIMEOUT_S = 900.0  # a BERT-large on two slow cores takes minutes
_COMPARED_IN_BFLOAT16 = ("probability", "probabilities", "scores")


def check_requests(task: str) -> list[Request]:
    """What an export is asked before it is published, by every signature."""
    if task == "imdb":
        texts = [text.encode() for text in CHECK_TEXTS]
        return [
            Request("serving_default", {"text": texts}),
            Request("classify", {"inputs": [serialized_example(text) for text in texts]}),
        ]
    questions, contexts = zip(*CHECK_QUESTIONS, strict=True)
    inputs = {
        "question": [text.encode() for text in questions],
        "context": [text.encode() for text in contexts],
    }
    return [Request("serving_default", inputs), Request("nbest", inputs)]


class CheckProcess:
    """The process that checks an export. It starts at once, for its imports take seconds."""

    def __init__(self, output: pathlib.Path):
        self._output = output
        self.process = subprocess.Popen(
            [sys.executable, "-I", check_export.__file__, str(output)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | _KEEP_MEMORY,
        )

    def answers(
        self,
        folder: pathlib.Path,
        requests: Sequence[Request],
        timed: Sequence[Request],
        timeout_s: float = CHECK_TIMEOUT_S,
    ) -> dict[str, list]:
        """Loads an export in both ways and asks it; once only.

        Returns:
            "session": for each request alias -> values; "function": the same of the first one, as
            every function's first call takes seconds; "seconds" of the timed ones that fit into
            `WARM_UP_SECONDS`, and one more.

        Raises:
            InputError: it cannot be loaded there, fails, or has not answered in time.
        """
        task = {
            "folder": str(folder),
            "requests": [_encoded(request) for request in requests],
            "timed": [_encoded(request) for request in timed],
            "budget": WARM_UP_SECONDS,
        }
        try:
            _, errors = self.process.communicate(json.dumps(task), timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"{folder}: the export has not answered within {timeout_s:g} s in a process of its "
                "own, so it is not published. Is the machine short of memory, or very busy?"
            ) from error
        if self.process.returncode:
            logger.debug("%s", errors.strip())
            reason = (errors.strip().splitlines() or ["no message"])[-1]
            raise InputError(
                f"{folder}: the export does not work in a process of its own, so it is not "
                f"published: {reason}"
            )
        return json.loads(self._output.read_text())


@contextlib.contextmanager
def check_process() -> Iterator[CheckProcess]:
    """A process that is ended with the block, if it has not ended by itself."""
    with tempfile.TemporaryDirectory() as folder:
        check = CheckProcess(pathlib.Path(folder, "answers.json"))
        try:
            yield check
        finally:
            check.process.kill()
            check.process.communicate()


def _encoded(request: Request) -> list:
    inputs = {
        alias: [base64.b64encode(text).decode() for text in texts]
        for alias, texts in request.inputs.items()
    }
    return [request.signature, inputs]


def check_answers(
    forms: ModelForms, folder: pathlib.Path, process: CheckProcess
) -> Sequence[Request]:
    """Compares an export's answers, in another process, with the trainer's model.

    Returns:
        The warm-up requests for it, of those that were timed meanwhile.

    Raises:
        InputError: it cannot be loaded there, or answers otherwise.
    """
    requests = check_requests(forms.task)
    warm_up = warm_up_requests(forms.task, forms.run.config["parameters"]["max_seq_length"])
    # The trainer's model answers while the process loads the export.
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        answers = pool.submit(process.answers, folder, requests, warm_up)
        expected = forms.trainers().answers(requests)
    found = answers.result()
    compare(requests, expected, found, forms.dtype)
    kept = that_fit(warm_up, found["seconds"])
    logger.info("warm-up: %s", _kept(kept, warm_up))
    return kept


def _kept(kept: Sequence[Request], possible: Sequence[Request]) -> str:
    """How many of the warm-up requests there will be, and which sizes are left out."""
    left_out = ", ".join(
        f"{request.signature} of {request.batch_size}" for request in possible[len(kept) :]
    )
    some = f"{len(kept)} of {len(possible)} requests"
    if not left_out:
        return some
    return f"{some} take {WARM_UP_SECONDS:g} s; left out, the longest last: {left_out}"


def compare(
    requests: Sequence[Request],
    expected: Sequence[Mapping[str, np.ndarray]],
    found: Mapping[str, Sequence[Mapping[str, list]]],
    dtype: str,
) -> None:
    """Compares the answers of an export with the trainer's.

    Args:
        requests: what both were asked.
        expected: the trainer's answers.
        found: from `CheckProcess.answers`.
        dtype: of the export.

    Raises:
        InputError: they differ by more than the dtype's tolerance.
    """
    for way in ("session", "function"):
        for request, wanted, got in zip(requests, expected, found[way], strict=False):
            for alias, array in wanted.items():
                if dtype == "float32" or alias in _COMPARED_IN_BFLOAT16:
                    place = f"{request.signature}, loaded as {way}, output {alias}"
                    _compare(place, check_export.to_json(array), got[alias], TOLERANCES[dtype])


def _compare(place: str, expected: Any, found: Any, tolerance: float) -> None:
    """Texts and places must be equal, other numbers within the tolerance."""
    wanted, got = np.array(expected), np.array(found)
    is_float = wanted.dtype.kind == "f"
    same = wanted.shape == got.shape and (
        np.allclose(wanted, got, rtol=0, atol=tolerance)
        if is_float
        else np.array_equal(wanted, got)
    )
    if not same:
        raise InputError(
            f"{place}: the export gives {got.tolist()}, the trainer's model {wanted.tolist()}"
            f"{f', more than {tolerance:g} apart' if is_float else ''}: it is not published. "
            "Please report this with the run's config.json."
        )
