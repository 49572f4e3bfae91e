"""`python -m serving.client`: ask a model server from a terminal."""

import argparse
import dataclasses
import os
import signal
import sys
from collections.abc import Sequence

from serving.calls import N_BEST, check_n_best
from serving.client import DEFAULT_ENDPOINT, QA, SENTIMENT, Client, Options, Retries
from serving.client_output import (
    QUESTION_SOURCES,
    TEXT_SOURCES,
    describe_answer,
    describe_classification,
    describe_metadata,
    describe_status,
    one_line,
    print_json,
)
from serving.errors import ServingError, Unavailable
from serving.tls_flags import add_tls_flags, tls_of

EXIT_REJECTED = 1
EXIT_FAILED = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_NO_READER = 128 + signal.SIGPIPE  # what a shell says of the Unix tools that it stops
_TEXT_FORMATS = ("txt", "csv", "tsv", "jsonl", "json")  # the first is the default
_QUESTION_FORMATS = ("jsonl", "json")
_STATUSES = """exit status: 0 all is answered; 1 rows were rejected, the others are answered;
2 an error, and no output is written; 130 interrupted;
141 the reader of the output went away, as head does"""


def run() -> None:
    """Runs the command line and exits: see `_STATUSES`. An error is one line, `error: ...`."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its errors reach the user as `error: ...`
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # removes unfinished files, too
    try:
        try:
            status = _status_of_main()
        finally:
            sys.stdout.flush()  # a short output reaches its reader only here
    except BrokenPipeError:  # it has gone, as `head` does; connections raise ServingErrors
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        status = EXIT_NO_READER
    sys.exit(status)


def _status_of_main() -> int:
    try:
        return main(sys.argv[1:])
    except BrokenPipeError:
        raise
    except Unavailable as error:
        print(
            f"error: {one_line(error)}. Is a server running there? `python -m serving.server "
            "--help` says how to start one.", file=sys.stderr,
        )  # fmt: skip
        return EXIT_FAILED
    except (ServingError, OSError, ValueError) as error:  # an InputError is a ValueError
        print(f"error: {one_line(error)}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def main(arguments: Sequence[str]) -> int:
    """Asks what the arguments say and prints or writes the answers; returns the exit status.

    Raises:
        ServingError: the server did not answer.
        OSError, ValueError: a file cannot be read or written, or a flag cannot be right.
    """
    flags = _parser().parse_args(arguments)
    with Client(
        flags.endpoint, flags.timeout_s, batch_size=flags.batch_size, tls=tls_of(flags),
        concurrency=flags.concurrency, retries=Retries(attempts=flags.attempts),
    ) as client:  # fmt: skip
        return flags.command(client, flags) or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.client", description=__doc__, epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = [_common_flags()]

    sentiment = commands.add_parser(
        "sentiment", help="is a text positive?",
        parents=[*common, _model_flags(SENTIMENT), _file_flags(TEXT_SOURCES, _TEXT_FORMATS)],
    )  # fmt: skip
    sentiment.add_argument("texts", nargs="*", metavar="TEXT", help="- is short for --input -")
    sentiment.add_argument("--text_column", default="text", metavar="NAME")
    sentiment.add_argument(
        "--id_column", metavar="NAME", help="default: id, or FILE:LINE where there is none"
    )
    sentiment.set_defaults(command=_sentiment)

    qa = commands.add_parser(
        "qa", help="answer a question from a context",
        parents=[*common, _model_flags(QA), _file_flags(QUESTION_SOURCES, _QUESTION_FORMATS)],
    )  # fmt: skip
    qa.add_argument("--question")
    qa.add_argument("--context", help="the text that holds the answer")
    qa.add_argument("--context_file", metavar="FILE", help="a UTF-8 file that holds it")
    qa.add_argument(
        "--nbest", type=int, metavar="N", help=f"list the N best answers, 1 to {N_BEST}"
    )
    qa.set_defaults(command=_qa)

    for name, command, what in (
        ("status", _status, "the versions of a model"),
        ("metadata", _metadata, "the signatures of a model"),
    ):
        inspect = commands.add_parser(name, parents=common, help=what)
        inspect.add_argument(
            "models", nargs="*", default=[SENTIMENT, QA], metavar="MODEL",
            help=f"default: {SENTIMENT} {QA}",
        )  # fmt: skip
        inspect.set_defaults(command=command)
    return parser


def _common_flags() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument(
        "--endpoint", default=DEFAULT_ENDPOINT, metavar="URL",
        help="grpc://HOST:PORT, http://HOST:PORT, with TLS grpcs:// and https://, or "
        "grpc+unix:///PATH (default: %(default)s)",
    )  # fmt: skip
    flags.add_argument(
        "--timeout_s", type=float, default=30.0, metavar="SECONDS",
        help="deadline of a request with its retries (default: %(default)g)",
    )  # fmt: skip
    flags.add_argument(
        "--attempts", type=int, default=5, metavar="N",
        help="how often a request is sent if no server answers, or it is too busy (default: "
        "%(default)s)",
    )  # fmt: skip
    add_tls_flags(flags)
    flags.add_argument("--json", action="store_true", help="print JSON")
    flags.set_defaults(batch_size=32, concurrency=4)
    return flags


def _model_flags(name: str) -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument("--model", default=name, help="on the server (default: %(default)s)")
    version = flags.add_mutually_exclusive_group()
    version.add_argument("--model_version", type=int, metavar="N", help="default: the highest")
    version.add_argument("--label", help="of a version, as stable")
    return flags


def _file_flags(sources: str, formats: Sequence[str]) -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(add_help=False)
    files = flags.add_argument_group("files")
    files.add_argument("--input", metavar="FILE", help=f"{sources}; or - for stdin")
    files.add_argument(
        "--format", choices=formats, default=formats[0], help="of stdin (default: %(default)s)"
    )
    files.add_argument(
        "--output", default="-", metavar="FILE", help="JSON lines, whole or not at all "
        "(default: stdout, as they come)",
    )  # fmt: skip
    files.add_argument(
        "--rejected", metavar="FILE", help="JSON lines of the rows without an answer (default: "
        "OUTPUT.rejected, or stderr)",
    )  # fmt: skip
    files.add_argument("--batch_size", type=int, default=32, metavar="N", help="rows of a request")
    files.add_argument(
        "--concurrency", type=int, default=4, metavar="N", help="requests under way at once"
    )
    return flags


def _options(flags: argparse.Namespace) -> Options:
    return Options(model=flags.model, version=flags.model_version, label=flags.label)


def _ask_file(client: Client, flags: argparse.Namespace, source: str) -> int:
    from serving.client_files import Asked, ask_file  # with readers that few calls need

    asked = Asked(
        source=source,
        stdin_format=flags.format,
        text_column=getattr(flags, "text_column", "text"),
        id_column=getattr(flags, "id_column", None),
        n_best=getattr(flags, "nbest", None) or 0,
        is_qa=flags.command is _qa,
        options=_options(flags),
    )
    rejected = ask_file(
        client, asked, flags.output, flags.rejected, flags.batch_size, flags.concurrency
    )
    return EXIT_REJECTED if rejected else 0


def _sentiment(client: Client, flags: argparse.Namespace) -> int | None:
    texts = flags.texts
    source = "-" if texts == ["-"] else flags.input
    if source is not None:
        if flags.input and texts:
            raise ValueError("sentiment: --input and TEXT are given, expected one of them.")
        return _ask_file(client, flags, source)
    if not texts:
        raise ValueError("sentiment: nothing to ask, expected TEXT, --input FILE or -.")
    found = client.classify(texts, **_options(flags))
    if flags.json:
        print_json([
            {"text": text, **_without_nothing(dataclasses.asdict(one))}
            for text, one in zip(texts, found, strict=True)
        ])  # fmt: skip
    else:
        print(*map(describe_classification, found, texts), sep="\n")
    return 0


def _without_nothing(fields: dict) -> dict:
    return {name: value for name, value in fields.items() if value not in (None, ())}


def _qa(client: Client, flags: argparse.Namespace) -> int:
    if flags.nbest is not None:
        check_n_best(flags.nbest)  # before a file is asked row by row
    context_flags = (flags.context, flags.context_file)
    if flags.input is not None:
        if flags.question or any(context_flags):
            raise ValueError("qa: --input and a question are given, expected one of them.")
        return _ask_file(client, flags, flags.input)
    if flags.question is None or context_flags.count(None) != 1:
        raise ValueError(
            "qa: expected --question with --context or --context_file, or --input FILE or -."
        )
    context = _content(flags.context_file) if flags.context is None else flags.context
    answer = client.answer(flags.question, context, **_options(flags))
    others = (
        client.nbest(flags.question, context, flags.nbest, **_options(flags)) if flags.nbest else []
    )
    if flags.json:
        listed = {"nbest": [dataclasses.asdict(one) for one in others]} if flags.nbest else {}
        print_json(dataclasses.asdict(answer) | listed)
    else:
        print(*[describe_answer(one, context) for one in (answer, *others)], sep="\n")
    return 0


def _content(path: str) -> str:
    with open(path, encoding="utf-8", newline="") as file:
        try:
            return file.read()
        except UnicodeDecodeError as error:
            raise ValueError(f"--context_file {path}: {error}, expected UTF-8.") from error


def _status(client: Client, flags: argparse.Namespace) -> None:
    statuses = {model: client.status(model) for model in flags.models}
    if flags.json:
        print_json({model: [dataclasses.asdict(one) for one in versions]
                    for model, versions in statuses.items()})  # fmt: skip
        return
    for model, versions in statuses.items():
        for one in versions:
            print(describe_status(model, one))


def _metadata(client: Client, flags: argparse.Namespace) -> None:
    found = [client.metadata(model) for model in flags.models]
    if flags.json:
        print_json([dataclasses.asdict(one) for one in found])
    else:
        print("\n".join(map(describe_metadata, found)))
