"""One side of `benchmarks.serving_graphs`: a SavedModel in a Session of its own process.

python -m benchmarks.session_graph imdb --model VERSION --texts texts.json --output speed.json

Writes how fast its `serving_default` answers raw text. The Session has as many threads as there are
cores, for one op and for ops side by side, as TF Serving's has.
"""

import json
import pathlib
from collections.abc import Sequence

from benchmarks.graph_texts import Text, measure, read_texts
from preprocessing import command_line

ALIASES = {"imdb": ("text",), "squad": ("question", "context")}


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.session_graph", description=__doc__
    )
    parser.add_argument("task", choices=list(ALIASES))
    parser.add_argument("--model", required=True, type=pathlib.Path, help="a SavedModel's folder")
    parser.add_argument("--texts", required=True, type=pathlib.Path, help="JSON: a list of lists")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--batch_size", type=int, default=32, help="texts in one request")
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    command_line.load_tensorflow()
    from serving.saved_model import load_in_session

    run = load_in_session(flags.model)
    aliases = ALIASES[flags.task]

    def answer(texts: Sequence[Text]) -> dict:
        columns = (list(column) for column in zip(*texts, strict=True))
        return run("serving_default", dict(zip(aliases, columns, strict=True)))

    texts = read_texts(flags.texts)
    result = measure(answer, texts, flags.batch_size, flags.task)
    flags.output.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    command_line.run(main)
