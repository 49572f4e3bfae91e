"""Time and memory of the answer to a question about a long context.

    python -m benchmarks.long_contexts --model_dir models/qa --input data/raw/dev-v1.1.json

Each context is the first so many characters of the file's contexts, one after the other. Each is
asked about in a process of its own, which loads the export into a Session as TF Serving does; a
first, short question is not timed. `peak_before_mib` is the most that the process held until then,
`peak_mib` afterwards. `--same_context` asks as many questions about one context in one request.
"""

import json
import multiprocessing
import pathlib
import time
from collections.abc import Sequence

from preprocessing import command_line
from preprocessing.sources.squad_json import read_paragraphs
from serving.model_dir import newest_version

_KIB_IN_MIB = 1024
_SHORT = "The old bridge was built in 1894 by Ada Mills."


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(prog="python -m benchmarks.long_contexts")
    parser.add_argument("--model_dir", type=pathlib.Path, required=True)
    parser.add_argument("--input", required=True, help="SQuAD JSON")
    parser.add_argument("--characters", default="1000,10000,100000,1000000")
    parser.add_argument("--same_context", type=int, default=1, help="questions in one request")
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    command_line.load_tensorflow()
    version = newest_version(flags.model_dir)
    text = " ".join(paragraph.context for paragraph in read_paragraphs(flags.input, ""))
    questions = ["Who built it?", *(f"What is number {n}?" for n in range(1, flags.same_context))]
    for count in map(int, flags.characters.split(",")):
        if count > len(text):
            text *= count // len(text) + 1
        print(json.dumps(_in_own_process(version, questions, text[:count])), flush=True)


def _in_own_process(
    version: pathlib.Path, questions: Sequence[str], context: str
) -> dict[str, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (version, questions, context))


def _measure(version: pathlib.Path, questions: Sequence[str], context: str) -> dict[str, float]:
    from serving.saved_model import load_in_session

    run = load_in_session(version)
    run("serving_default", {"question": questions[:1], "context": [_SHORT]})
    resident = _peak_mib()
    start = time.perf_counter()
    contexts = [context] * len(questions)
    answers = run("serving_default", {"question": questions, "context": contexts})
    seconds = time.perf_counter() - start
    for answer, first, last in zip(
        answers["answer"], answers["start"], answers["end"], strict=True
    ):
        assert answer.decode() == context[first:last]
    return {
        "characters": len(context),
        "questions": len(questions),
        "seconds": round(seconds, 3),
        "peak_before_mib": round(resident),
        "peak_mib": round(_peak_mib()),
    }


def _peak_mib() -> float:
    """The most that this process has held so far; not of its parent, as `getrusage` has it."""
    status = pathlib.Path("/proc/self/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / _KIB_IN_MIB


if __name__ == "__main__":
    command_line.run(main)
