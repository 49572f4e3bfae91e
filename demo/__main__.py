"""`make demo`: sample data to served answers, doing only what is out of date."""

import json
import logging
import pathlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from demo.processes import child, interrupt_on_termination
from demo.questions import QUESTIONS, TEXTS
from demo.serving import running_server, write_models_config
from demo.stages import MODELS, STAGES, STATE_DIR, Stage, StageLog
from preprocessing import command_line
from preprocessing.errors import InputError
from serving.client import Client

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(prog="python -m demo", description=__doc__)
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    interrupt_on_termination()
    console = Console()
    seconds = {stage.title: time_s for stage, time_s in _run_stages(console, flags.verbose)}
    start = time.monotonic()
    _say(console, len(STAGES) + 1, "serve and ask")
    config = STATE_DIR / "models.config"
    write_models_config(pathlib.Path("models"), config)
    with running_server(config, STATE_DIR / "server.log") as endpoints:
        tables = _ask(endpoints)
    seconds["serve and ask"] = time.monotonic() - start
    for table in (*tables, _metrics_table(), _times_table(seconds)):
        console.print()
        console.print(table)
    console.print(
        "\n[bold]make serve[/bold] keeps these models served; [bold]make help[/bold] "
        "lists the stages for your own data."
    )


def _run_stages(console: Console, verbose: bool) -> Iterator[tuple[Stage, float | None]]:
    """Runs what is out of date; gives each stage with its seconds, None when it was current."""
    log = StageLog()
    for number, stage in enumerate(STAGES, 1):
        fingerprint = log.fingerprint(stage)
        if log.is_current(stage, fingerprint):
            _say(console, number, f"{stage.title}: up to date")
            yield stage, None
            continue
        _say(console, number, stage.title)
        start = time.monotonic()
        anew = not log.was_interrupted(stage, fingerprint)
        log.note(stage, "started", fingerprint)
        _run(stage, anew, verbose)
        log.note(stage, "finished", fingerprint)
        yield stage, time.monotonic() - start


def _run(stage: Stage, anew: bool, verbose: bool) -> None:
    """Runs one stage; a training that was interrupted goes on, any other starts anew."""
    command = stage.command()
    if stage.target == "train" and anew:
        command += " --overwrite"
    with child(command + (" -v" if verbose else "")) as process:
        status = process.wait()
    if status:
        raise InputError(f"{stage.title}: `{command}` ended with status {status}, see above.")


def _say(console: Console, number: int, text: str) -> None:
    console.print(f"[bold cyan]\\[{number}/{len(STAGES) + 1}][/] [bold]{text}[/]")
    sys.stdout.flush()


def _ask(endpoints: tuple[str, str]) -> tuple[Table, Table]:
    """Asks everything over both transports."""
    reviews = Table(title="text → probability of praise", title_justify="left")
    for header in ("text", "gRPC", "REST"):
        reviews.add_column(header)
    answers = Table(title="question → answer", title_justify="left")
    for header in ("question", "gRPC", "REST", "place", "probability"):
        answers.add_column(header)
    with Client(endpoints[0]) as grpc, Client(endpoints[1]) as rest:
        probabilities = (client.classify(TEXTS) for client in (grpc, rest))
        for text, by_grpc, by_rest in zip(TEXTS, *probabilities, strict=True):
            reviews.add_row(text, f"{by_grpc.probability:.3f}", f"{by_rest.probability:.3f}")
        questions, contexts = zip(*QUESTIONS, strict=True)
        found = (client.answers(questions, contexts) for client in (grpc, rest))
        for question, by_grpc, by_rest in zip(questions, *found, strict=True):
            place = f"{by_grpc.start}–{by_grpc.end}"
            probability = f"{by_grpc.probability:.2f}"
            answers.add_row(question, by_grpc.text, by_rest.text, place, probability)
    return reviews, answers


def _metrics_table() -> Table:
    table = Table(title="what was written", title_justify="left")
    for header in ("task", "metrics on the samples", "records", "run", "model"):
        table.add_column(header)
    for task, model in MODELS.items():
        metrics = json.loads(pathlib.Path(f"evaluations/{task}/metrics.json").read_text())
        shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        table.add_row(task, shown, f"data/{task}", f"runs/{task}", f"models/{model}")
    return table


def _times_table(seconds: dict[str, float | None]) -> Table:
    table = Table(title="time of each stage", title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for title, time_s in seconds.items():
        table.add_row(title, "up to date" if time_s is None else f"{time_s:.1f}")
    table.add_row("all", f"{sum(time_s or 0.0 for time_s in seconds.values()):.1f}")
    return table


if __name__ == "__main__":
    command_line.run(main)
