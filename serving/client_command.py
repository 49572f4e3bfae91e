"""`python -m serving.client`: ask a model server from a terminal."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence

from serving.client import DEFAULT_ENDPOINT, QA, SENTIMENT, Client
from serving.errors import ServingError, Unavailable
from serving.results import Answer, Metadata, TensorSpec, VersionStatus

EXIT_FAILED = 2
EXIT_INTERRUPTED = 130
_EXCERPT_CHARS = 60  # of context, on either side of an answer


def run() -> None:
    """Runs the command line and exits: 0, 2 with one line `error: ...`, 130 after Ctrl-C."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its errors reach the user as `error: ...`
    try:
        main(sys.argv[1:])
    except Unavailable as error:
        print(
            f"error: {_one_line(error)}. Is a server running there? `python -m serving.server "
            "--help` says how to start one.", file=sys.stderr,
        )  # fmt: skip
        sys.exit(EXIT_FAILED)
    except (ServingError, OSError, UnicodeDecodeError) as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def main(arguments: Sequence[str]) -> None:
    """Asks what the arguments say and prints the answer.

    Raises:
        ServingError: the server did not answer.
        OSError, UnicodeDecodeError: a file cannot be read.
    """
    options = _parser().parse_args(arguments)
    with Client(options.endpoint, options.timeout_s) as client:
        options.command(client, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving.client", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--endpoint",
        default=DEFAULT_ENDPOINT,
        metavar="URL",
        help="grpc://HOST:PORT or http://HOST:PORT (default: %(default)s)",
    )
    common.add_argument(
        "--timeout_s",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="deadline of the call (default: %(default)g)",
    )
    common.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sentiment = commands.add_parser("sentiment", parents=[common], help="is a text positive?")
    sentiment.add_argument("texts", nargs="+", metavar="TEXT", help="- reads lines of stdin")
    sentiment.set_defaults(command=_sentiment)

    qa = commands.add_parser("qa", parents=[common], help="answer a question from a context")
    qa.add_argument("--question", required=True)
    source = qa.add_mutually_exclusive_group(required=True)
    source.add_argument("--context", help="the text that holds the answer")
    source.add_argument("--context_file", metavar="FILE", help="a UTF-8 file that holds it")
    qa.set_defaults(command=_qa)

    for name, command, what in (
        ("status", _status, "the versions of a model"),
        ("metadata", _metadata, "the signatures of a model"),
    ):
        inspect = commands.add_parser(name, parents=[common], help=what)
        inspect.add_argument(
            "models",
            nargs="*",
            default=[SENTIMENT, QA],
            metavar="MODEL",
            help=f"default: {SENTIMENT} {QA}",
        )
        inspect.set_defaults(command=command)
    return parser  # fmt: skip


def _sentiment(client: Client, options: argparse.Namespace) -> None:
    texts = options.texts
    if texts == ["-"]:
        texts = [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
    probabilities = client.classify(texts) if texts else []
    if options.json:
        _print_json([
            {"text": text, "probability": probability}
            for text, probability in zip(texts, probabilities, strict=True)
        ])  # fmt: skip
        return
    for text, probability in zip(texts, probabilities, strict=True):
        print(f"{probability:.3f}  {_verdict(probability)}  {_one_line(text)}")


def _verdict(probability: float) -> str:
    return "positive" if probability >= 0.5 else "negative"


def _qa(client: Client, options: argparse.Namespace) -> None:
    context = options.context
    if context is None:
        with open(options.context_file, encoding="utf-8", newline="") as file:
            context = file.read()
    answer = client.answer(options.question, context)
    if options.json:
        _print_json(dataclasses.asdict(answer))
    else:
        print(describe_answer(answer, context))


def describe_answer(answer: Answer, context: str) -> str:
    """An answer, its place, and the context around it with the answer in [[ ]]."""
    if not answer.text:
        return f"no answer in this context (null odds {answer.null_odds:.2f})"
    before = context[max(0, answer.start - _EXCERPT_CHARS) : answer.start]
    after = context[answer.end : answer.end + _EXCERPT_CHARS]
    left = "…" if answer.start > _EXCERPT_CHARS else ""
    right = "…" if answer.end + _EXCERPT_CHARS < len(context) else ""
    excerpt = _one_line(f"{left}{before}[[{answer.text}]]{after}{right}")
    place = f"characters {answer.start} to {answer.end}, probability {answer.probability:.3f}"
    return f"{answer.text}\n  {place}\n  {excerpt}"


def _status(client: Client, options: argparse.Namespace) -> None:
    statuses = {model: client.status(model) for model in options.models}
    if options.json:
        _print_json({model: [dataclasses.asdict(one) for one in versions]
                     for model, versions in statuses.items()})  # fmt: skip
        return
    for model, versions in statuses.items():
        for one in versions:
            print(_status_line(model, one))


def _status_line(model: str, status: VersionStatus) -> str:
    error = f"  {_one_line(status.error_message)}" if status.error_code else ""
    return f"{model} version {status.version}: {status.state}{error}"


def _metadata(client: Client, options: argparse.Namespace) -> None:
    found = [client.metadata(model) for model in options.models]
    if options.json:
        _print_json([dataclasses.asdict(one) for one in found])
    else:
        print("\n".join(map(_describe_metadata, found)))


def _describe_metadata(metadata: Metadata) -> str:
    lines = [f"{metadata.model} version {metadata.version}"]
    for name, signature in metadata.signatures.items():
        lines.append(f"  {name}  ({signature.method_name})")
        for kind, specs in (("input", signature.inputs), ("output", signature.outputs)):
            lines += [f"    {kind:<6}  {alias}  {_spec(one)}" for alias, one in specs.items()]
    return "\n".join(lines)


def _spec(spec: TensorSpec) -> str:
    if spec.shape is None:
        return f"{spec.dtype} of any shape"
    sizes = ", ".join("?" if size < 0 else str(size) for size in spec.shape)
    return f"{spec.dtype} [{sizes}]"


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
