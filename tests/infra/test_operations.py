"""docs/operations.md: what it names is there, what it quotes is said, what it tells to do works."""

import ast
import functools
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from serving.server.batching_parameters import read_file
from tests.infra.metrics import RULES, panel_expressions, series
from tests.infra.served import INFRA, Served
from tests.serving import served_models
from tests.serving.server_process import REPOSITORY

GUIDE = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
PACKAGES = ("preprocessing", "trainer", "serving", "infra")
WITH_COMMANDS = ("serving.registry", "serving.client", "infra.vertex")
R = re.search(r'^R="(.*)"$', GUIDE, flags=re.MULTILINE)[1]


def section(title: str) -> str:
    """The text below a heading, to the next of its kind or above."""
    heading = re.search(rf"^(#+) {title}.*\n", GUIDE, flags=re.MULTILINE)
    text = GUIDE[heading.end() :]
    end = re.search(rf"^#{{2,{len(heading[1])}}} ", text, flags=re.MULTILINE)
    return text[: end.start()] if end else text


def rows(text: str) -> list[list[str]]:
    """Cells of all rows of tables, without the headings."""
    found = [
        re.split(r" ?(?<!\\)\| ?", line)[1:-1] for line in text.splitlines() if line[:1] == "|"
    ]
    heads = [place - 1 for place, row in enumerate(found) if row[0].startswith("---")]
    return [row for place, row in enumerate(found) if place not in heads and row[0][:3] != "---"]


def blocks(text: str) -> list[str]:
    """Lines of the fenced blocks."""
    return [
        line for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]  # fmt: skip


def quoted(text: str) -> list[str]:
    """What stands in backticks outside of the blocks; it may be wrapped."""
    prose = re.sub(r"^```\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose)]


def commands(start: str) -> list[str]:
    """Commands in blocks and in backticks that begin so."""
    found = [one for one in [*blocks(GUIDE), *quoted(GUIDE)] if one.startswith(start)]
    assert found
    return found


@functools.cache
def help_of(module: str, command: str) -> str:
    arguments = [sys.executable, "-m", module, *([command] if command else []), "--help"]
    done = subprocess.run(
        arguments, cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_flags(module: str, arguments: list[str]) -> None:
    has_command = module in WITH_COMMANDS or arguments[:1] == ["compare"]
    text = help_of(module, arguments[0] if has_command and arguments else "")
    for flag in arguments:
        if flag.startswith("--"):
            assert re.search(rf"{flag.partition('=')[0]}\b", text), f"{module}: {flag}"


@pytest.mark.parametrize("line", commands("python -m "))
def test_commands_of_python_take_their_flags(line):
    module, *arguments = shlex.split(line.replace("$R", R))[2:]
    check_flags(module, arguments)


@pytest.mark.parametrize("line", commands("make "))
def test_commands_of_make_are_targets_and_variables(line):
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    target, *variables = shlex.split(line)[1:]
    assert re.search(rf"^{target}:.*## ", makefile, flags=re.MULTILINE)
    for variable, _, value in (one.partition("=") for one in variables):
        assert f"$({variable})" in makefile
        if variable == "DEPLOY_FLAGS":
            check_flags("infra.vertex", ["deploy", *shlex.split(value)])
        if variable == "OVERLAY":
            assert (INFRA / "kubernetes/overlays" / value).is_dir()


def test_files_are_there():
    paths = set(re.findall(r"`((?:infra|docs|benchmarks)/[\w./-]+)`", GUIDE))
    paths |= {f"docs/{link}" for link in re.findall(r"\]\(([\w./-]+\.md)", GUIDE)}
    paths |= set(re.findall(r"--config (\S+)", GUIDE))
    assert len(paths) > 10
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_documents_lead_here():
    for page in ("README.md", "infra/README.md"):
        assert "operations.md" in (REPOSITORY / page).read_text(encoding="utf-8")


def test_settings_and_metrics_are_those_of_images_and_dashboard():
    known = (INFRA / "README.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])(?:=…)?`", GUIDE))
    statuses = {"DEADLINE_EXCEEDED", "INTERNAL"}
    assert names - statuses >= {"REQUEST_THREADS", "CONFIG_POLL_S", "SSL_CONFIG"}
    assert [name for name in names - statuses if f"`{name}`" not in known] == []
    (sentence,) = re.findall(r"Whether a change was good, (.*?) tell", GUIDE)
    shown = " ".join(name for each in panel_expressions().values() for name in series(each))
    assert all(name in shown for name in re.findall(r"`(\w+)`", sentence))


def test_settings_have_the_values_that_the_table_says():
    ours = {row[0].strip("`"): row[2] for row in rows(section("Batching")) if len(row) == 4}
    parameters = read_file(str(INFRA / "tf_serving/batching.config"))
    assert ours.pop("max_execution_batch_size") == str(parameters.max_execution_batch_size)
    assert ours.pop("max_batch_size") == str(parameters.max_batch_size)
    assert ours.pop("batch_timeout_micros") == str(parameters.batch_timeout_micros)
    assert ours.pop("max_enqueued_batches") == str(parameters.max_enqueued_batches)
    assert ours.pop("num_batch_threads") == "cores"
    compose = yaml.safe_load((INFRA / "docker/compose.yaml").read_text(encoding="utf-8"))
    environment = compose["services"]["serving"]["environment"]
    for name, value in ours.items():
        assert environment[name] == f"${{{name}:-{value}}}"


def test_figures_are_those_of_the_benchmarks():
    known = (REPOSITORY / "benchmarks/README.md").read_text(encoding="utf-8")
    sizing = rows(section("Sizing"))
    figures = [cell for row in sizing for cell in row[1:-1] if cell != "not measured"]
    figures += [cell for row in rows(section("Batching")) if len(row) == 5 for cell in row[2:]]
    numbers = [number for cell in figures for number in re.findall(r"\d[\d.,]*\d|\d", cell)]
    assert len(numbers) > 25
    assert [
        number for number in numbers if not re.search(rf"(?<![\d.,]){re.escape(number)}\b", known)
    ] == []
    assert all(row[-1].startswith(("`", "the same")) for row in sizing)


def test_every_alert_has_its_row():
    assert [row[0] for row in rows(section("Alerts"))] == [f"`{rule['alert']}`" for rule in RULES]


@functools.cache
def messages() -> str:
    """All strings of the product, one a line; what is filled in is `…`."""
    found = [path.read_text(encoding="utf-8") for path in INFRA.glob("docker/*.sh")]
    # The arguments of `fail` are one text.
    found = [re.sub(r'" \\\n\s+"', " ", text).replace('\\"', '"') for text in found]
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (getattr(part, "value", "…") for part in node.values)
                    found.append("".join(part if isinstance(part, str) else "…" for part in parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(re.sub(r"%[sd]", "…", node.value))
    return "\n".join(found)


def quoted_messages() -> list[str]:
    """The first cells of the tables of failures, as far as they quote."""
    cells = [row[0] for row in rows(section("Failures"))]
    quoted = [re.match(r"`([^`]+)`", cell) for cell in cells]
    return [match[1] for match in quoted if match and match[1] != "OOMKilled"]


@pytest.mark.parametrize("message", quoted_messages())
def test_messages_are_what_the_code_says(message):
    assert len(message.replace("…", "")) > 15
    pattern = ".*".join(re.escape(part) for part in message.split("…"))
    assert re.search(pattern, messages()), message


@pytest.mark.slow
def test_a_canary_with_docker_comes_and_goes_as_the_guide_says(tmp_path: pathlib.Path):
    models, scratch = tmp_path / "models", tmp_path / "scratch"
    scratch.mkdir()
    for name in ("sentiment", "qa"):
        (models / name).mkdir(parents=True)
    served_models.sentiment(models / "sentiment" / "1", 0.9)
    served_models.sentiment(models / "sentiment" / "2", 0.7)
    served_models.qa(models / "qa" / "1")
    text = section("Docker")
    pin, pin_qa, *told = [line for line in blocks(text) if "serving.registry" in line]
    canary, stable, unlabel, rollback = told
    (unload,) = [one for one in quoted(text) if one.startswith("python -m serving.registry unload")]

    def run(line: str, port: int = 0) -> None:
        line = line.replace("$R", R).replace("localhost:8500", f"localhost:{port}")
        line = line.replace("--base_path /models", f"--base_path {models}")
        line = line.replace("python", sys.executable, 1).replace(" models/", f" {models}/")
        done = subprocess.run(
            shlex.split(line), cwd=REPOSITORY, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr

    def answer(server: Served, version: str) -> float | None:
        path = f"/v1/models/sentiment/{version}:predict"
        got = server.http.post(path, content='{"instances": ["A good film."]}')
        return round(got.json()["predictions"][0], 4) if got.status_code == 200 else None

    run(pin)
    run(pin_qa)
    server = Served(models, scratch, CONFIG_POLL_S="1")
    try:
        server.wait_until_ready()
        seen = []
        for line in (canary, stable, unlabel, rollback, stable, unload):
            run(line, server.port)
            seen.append([answer(server, f"labels/{label}") for label in ("stable", "canary")])
        assert seen == [[0.9, 0.7], [0.7, 0.7], [0.7, None], [0.9, None], [0.7, None], [0.7, None]]
        assert answer(server, "versions/2") == 0.7
    finally:
        server.close()
