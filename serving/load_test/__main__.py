"""`python -m serving.load_test`: load on a model server, and its latency."""

import argparse
import contextlib
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from preprocessing import command_line
from preprocessing.errors import InputError
from serving.client import DEFAULT_ENDPOINT, SENTIMENT, Client
from serving.errors import InvalidEndpoint, ServingError
from serving.load_test.figures import figures
from serving.load_test.plan import CLOSED, OPEN, Load, Target
from serving.load_test.processes import run_load
from serving.load_test.sender import Inputs
from serving.tls_flags import add_tls_flags, tls_of
from trainer.disk import put_in_place

_INPUTS = {("text",): False, ("context", "question"): True}
EXIT_NO_ANSWER = 1
_EXIT_STATUSES = """exit status: 0 every load had answers; 1 one had none, the report is written;
2 an error; 130 interrupted"""
_COLUMNS = ("p50", "p90", "p95", "p99", "p99.9", "max")


def main(arguments: list[str]) -> None:
    """Runs every load in turn, prints a line for each, and writes the report.

    Raises:
        InputError: a flag cannot be right, or no server is there.
        SystemExit: with status 1, a load was without any answer.
    """
    flags = _parser().parse_args(arguments)
    loads = _loads(flags)
    target = _target(flags)
    version, is_qa = _check(target)
    requests = _requests(flags, is_qa)
    print(f"{target.endpoint} {target.model} version {version}, {flags.rows} rows a request")
    print(_header(), flush=True)
    levels: list[dict[str, Any]] = []
    told: set[str] = set()
    for load in loads:
        with _progress(load) as watch:
            outcomes = run_load(target, load, requests, watch)
        levels.append(figures(load, outcomes, flags.rows))
        print(_row(levels[-1]), *_messages(levels[-1], told), sep="\n", flush=True)
    if flags.output_dir:
        _write(flags, version, levels)
    unanswered = [level for level in levels if not level["latency_ms"]]
    for level in unanswered:
        print(f"error: {_no_answer(level)}", file=sys.stderr)
    if unanswered:
        sys.exit(EXIT_NO_ANSWER)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m serving.load_test", description=__doc__, epilog=_EXIT_STATUSES
    )
    parser.add_argument("--endpoint", default=DEFAULT_ENDPOINT, metavar="URL",
                        help="as of serving.client (default: %(default)s)")  # fmt: skip
    add_tls_flags(parser)
    parser.add_argument("--model", default=SENTIMENT, help="default: %(default)s")
    parser.add_argument("--model_version", type=int, metavar="N")
    parser.add_argument("--signature_name", metavar="NAME")
    load = parser.add_mutually_exclusive_group(required=True)
    load.add_argument("--clients", metavar="N,N,…", help="closed loop: clients that wait for "
                      "their answers; several numbers are a sweep")  # fmt: skip
    load.add_argument("--rate", metavar="R,R,…", help="open loop: requests a second, which "
                      "arrive at random; several numbers are a sweep")  # fmt: skip
    parser.add_argument("--duration_s", type=float, default=10.0, help="measured, of each load")
    parser.add_argument("--warm_up_s", type=float, default=2.0, help="before it, left out")
    parser.add_argument("--timeout_s", type=float, default=30.0, help="deadline of a request")
    parser.add_argument("--rows", type=int, default=1, help="texts of a request")
    parser.add_argument("--processes", type=int, default=1, help="that send")
    parser.add_argument("--input", metavar="FILE", help="texts or questions, as of serving.client "
                        "(default: generated ones)")  # fmt: skip
    parser.add_argument("--text_column", default="text", metavar="NAME")
    parser.add_argument("--seed", type=int, default=0, help="of arrivals and generated texts")
    parser.add_argument("--output_dir", type=pathlib.Path, help="for report.json and latency.png")
    command_line.add_verbose_flag(parser)
    return parser


def _loads(flags: argparse.Namespace) -> list[Load]:
    for name in ("rows", "processes"):
        if getattr(flags, name) < 1:
            raise InputError(f"--{name} is {getattr(flags, name)}, expected 1 or more.")
    loop = CLOSED if flags.clients else OPEN
    text = flags.clients or flags.rate
    try:
        amounts = [float(part) for part in text.split(",")]
    except ValueError:
        name = "clients" if flags.clients else "rate"
        raise InputError(f"--{name} is {text!r}, expected numbers, as in 1,2,4.") from None
    return [
        Load(
            loop=loop, amount=amount, warm_up_s=flags.warm_up_s, duration_s=flags.duration_s,
            processes=flags.processes, seed=flags.seed,
        )
        for amount in amounts
    ]  # fmt: skip


def _target(flags: argparse.Namespace) -> Target:
    try:
        tls = tls_of(flags)
    except InvalidEndpoint as error:
        raise InputError(str(error)) from error
    return Target(
        endpoint=flags.endpoint, model=flags.model, version=flags.model_version,
        signature_name=flags.signature_name, timeout_s=flags.timeout_s, rows=flags.rows, tls=tls,
    )  # fmt: skip


def _check(target: Target) -> tuple[int, bool]:
    """The version that serves, and whether it answers questions."""
    try:
        with Client(target.endpoint, target.timeout_s, tls=target.tls) as client:
            metadata = client.metadata(target.model, target.version)
    except ServingError as error:
        raise InputError(" ".join(str(error).split())) from error
    name = target.signature_name or "serving_default"
    signature = metadata.signatures.get(name)
    inputs = tuple(sorted(signature.inputs)) if signature else ()
    if inputs not in _INPUTS:
        raise InputError(
            f"{target.model}: the inputs of its signature {name!r} are "
            f"{', '.join(inputs) or 'none'}, expected text, or question and context."
        )
    return metadata.version, _INPUTS[inputs]


def _requests(flags: argparse.Namespace, is_qa: bool) -> Sequence[Inputs]:
    from serving.load_test import texts

    found = (
        texts.from_file(flags.input, is_qa, flags.text_column)
        if flags.input
        else texts.generated(is_qa, flags.seed)
    )
    return texts.requests(found, ("question", "context") if is_qa else ("text",), flags.rows)


@contextlib.contextmanager
def _progress(load: Load) -> Iterator[Callable[[int, int], None]]:
    """A line on the terminal while a load goes on: what is sent, and what is under way."""
    if not sys.stderr.isatty():
        yield lambda sent, ended: None
        return
    from rich.console import Console

    start = time.monotonic()
    unit = "clients" if load.loop == CLOSED else "requests/s"
    with Console(stderr=True).status(f"{load.amount:g} {unit}") as line:

        def watch(sent: int, ended: int) -> None:
            passed = time.monotonic() - start
            line.update(
                f"{load.amount:g} {unit}: {passed:.0f} of {load.end_s:g} s, {ended} answered, "
                f"{sent - ended} under way"
            )

        yield watch


def _header() -> str:
    percentiles = "".join(f"{name:>9}" for name in _COLUMNS)
    return f"{'load':>16}{'requests/s':>12}{percentiles}  ms   errors"


def _name(level: dict[str, Any]) -> str:
    return f"{level['rate']:g}/s" if level["loop"] == OPEN else f"{level['clients']:g} clients"


def _row(level: dict[str, Any]) -> str:
    found = level["latency_ms"]
    latency = "".join(f"{found[name]:9.1f}" if found else f"{'-':>9}" for name in _COLUMNS)
    errors = ", ".join(f"{count} {code}" for code, count in level["errors"].items()) or "none"
    limit = f"\n{'':>16}note: {level['sender']['limit']}" if level["sender"]["limit"] else ""
    return f"{_name(level):>16}{level['requests_per_s']:12.1f}{latency}       {errors}{limit}"


def _messages(level: dict[str, Any], told: set[str]) -> Iterator[str]:
    """Lines for the kinds of errors that no load before had; they are added to `told`."""
    for code, message in level["first_messages"].items():
        if code not in told:
            told.add(code)
            yield f"{'':>16}first {code}: {message}"


def _no_answer(level: dict[str, Any]) -> str:
    if level["requests"]:
        return f"{_name(level)}: none of {level['requests']} requests was answered."
    return (
        f"{_name(level)}: no request began in the measured time; give more --duration_s, or a "
        "higher --rate."
    )


def _write(flags: argparse.Namespace, version: int, levels: list[dict[str, Any]]) -> None:
    from serving.load_test.picture import draw

    folder = flags.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    settings = {name: getattr(flags, name) for name in (
        "endpoint", "model", "signature_name", "rows", "processes", "duration_s", "warm_up_s",
        "timeout_s", "input", "seed",
    )}  # fmt: skip
    report = {**settings, "version": version, "levels": levels}
    draft = folder / ".unfinished"
    draw(levels, f"{flags.model} version {version} at {flags.endpoint}", draft)
    put_in_place(draft, folder / "latency.png")
    draft.write_text(json.dumps(report, indent=2) + "\n")
    put_in_place(draft, folder / "report.json")
    print(f"{folder / 'report.json'}, {folder / 'latency.png'}")


if __name__ == "__main__":
    command_line.run(main)
