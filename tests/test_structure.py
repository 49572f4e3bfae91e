"""The tree is the architecture: imports point upstream, and each place imports only its own."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
# Package -> what it may import of ours.
MAY_IMPORT = {
    "preprocessing": {"preprocessing"},
    "trainer": {"trainer", "preprocessing"},
    "serving": {"serving", "trainer", "preprocessing"},
    "infra": {"infra", "serving", "trainer", "preprocessing"},
}
OURS = {*MAY_IMPORT, "demo", "benchmarks", "tests"}
# The client and the server are installed where neither of the other packages is.
ALONE = [
    f"serving/{name}.py"
    for name in (
        "client",
        "calls",
        "in_order",
        "retries",
        "transport",
        "results",
        "errors",
        "protocol",
        "grpc_messages",
        "grpc_transport",
        "rest_messages",
        "rest_transport",
    )
]


def imported_packages(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_upstream(package):
    for path in (ROOT / package).rglob("*.py"):
        assert set(imported_packages(path)) & OURS <= MAY_IMPORT[package], path


@pytest.mark.parametrize("place", [*ALONE, "serving/server"])
def test_client_and_server_need_no_other_package(place):
    files = [ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py")
    for path in files:
        assert set(imported_packages(path)) & OURS <= {"serving"}, path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("serving.async_client", ["tensorflow", "numpy", "preprocessing", "trainer"]),
        ("serving.client", ["tensorflow", "numpy", "preprocessing", "trainer"]),
        ("preprocessing.features", ["apache_beam"]),
        ("preprocessing.dataset_info", ["apache_beam", "tensorflow"]),
        ("preprocessing.inspect", ["apache_beam", "tensorflow"]),
        ("preprocessing.jobs", ["tensorflow"]),
        ("trainer.config", ["apache_beam", "tensorflow"]),
        ("trainer.preflight", ["apache_beam", "tensorflow", "keras"]),
        ("trainer.run_dir", ["apache_beam"]),
        ("serving.server.flags", ["tensorflow"]),
        ("serving.registry.labels", ["apache_beam", "tensorflow"]),
        ("serving.batch.jobs", ["tensorflow"]),
        ("infra.vertex.__main__", ["apache_beam", "tensorflow", "google.api_core", "google.auth"]),
    ],
)
def test_import_brings_only_what_it_runs(module, absent):
    code = f"import sys, {module}; print(*sorted({absent!r} & sys.modules.keys()))"
    code = code.replace(f"{absent!r} &", f"set({absent!r}) &")
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == ""


def test_package_docstrings_are_all_that_init_files_hold():
    for package in MAY_IMPORT:
        for path in (ROOT / package).rglob("__init__.py"):
            (statement,) = ast.parse(path.read_text()).body
            assert isinstance(statement, ast.Expr), path
