import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = """
import logging, sys, time
from preprocessing import command_line
from preprocessing.errors import InputError

logger = logging.getLogger("preprocessing.test")

def main(arguments):
    parser = command_line.ArgumentParser(prog="program")
    parser.add_argument("--number", type=int)
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--bug", action="store_true")
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    logger.info("ours")
    logging.getLogger("library").warning("theirs")
    logging.getLogger("library").error("their error")
    if flags.number == 0:
        raise InputError("--number is 0, expected more.")
    if flags.bug:
        raise ZeroDivisionError
    if flags.wait:
        print("ready", flush=True)
        time.sleep(60)

command_line.run(main)
"""


def run(*arguments):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == ""
    return result.returncode, result.stderr.splitlines()


def test_success_shows_our_log_and_errors_of_libraries():
    assert run("--number", "3") == (0, ["ours", "their error"])


def test_bad_input_is_one_line_and_status_2():
    status, lines = run("--number", "0")
    assert (status, lines[-1]) == (2, "error: --number is 0, expected more.")


def test_bad_flag_is_one_line_and_status_2():
    assert run("--number", "x") == (
        2,
        ["error: argument --number: invalid int value: 'x'. `program --help` lists the flags."],
    )


def test_verbose_shows_the_logs_of_libraries_too():
    status, lines = run("-v")
    assert status == 0
    assert any(line.endswith("WARNING theirs") for line in lines)


def test_our_own_mistakes_keep_their_traceback():
    status, lines = run("--bug")
    assert (status, lines[-1]) == (1, "ZeroDivisionError")


def test_ctrl_c_is_one_line_and_status_130():
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--wait"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "interrupted"
