"""Answers of an export, in a process of its own: `python -m serving.check_export FOLDER`.

Reads {signature: {alias: [texts]}} from stdin and writes {signature: {alias: values}} to the file
that `--output` names. It imports nothing of the trainer, so that what works here works wherever
TensorFlow and TF Text are.
"""

import argparse
import json
import pathlib
import sys

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m serving.check_export")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--load_in", choices=("session", "function"), required=True)
    flags = parser.parse_args()
    from serving.saved_model import load_as_function, load_in_session

    requests = json.load(sys.stdin)
    run = {"session": load_in_session, "function": load_as_function}[flags.load_in](flags.folder)
    answers = {
        signature: {alias: to_json(array) for alias, array in run(signature, inputs).items()}
        for signature, inputs in requests.items()
    }
    flags.output.write_text(json.dumps(answers))


def to_json(array: np.ndarray) -> list:
    """An array as nested lists, with byte strings as text."""
    if array.dtype == object:
        array = np.array([text.decode("utf-8") for text in array.flat]).reshape(array.shape)
    return array.tolist()


if __name__ == "__main__":
    main()
