"""The group: fast help, one sentence for whatever goes wrong, `--debug`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import click
import pytest

from adaptive import __version__
from adaptive.cli import VERBS, cli
from adaptive.cli.support.errors import to_failure
from adaptive.errors import AdaptiveError, InputError
from tests.cli.conftest import Run, Use
from tests.cli.stub import ROOT, Solver

HEAVY = (
    "langgraph",
    "langchain_core",
    "numpy",
    "sklearn",
    "tokenizers",
    "onnxruntime_genai",
    "adaptive.verify",
    "jsonschema",
    "sqlite3",
    "asyncio",
)


def test_help_names_every_verb(run: Run) -> None:
    made = run("--help")
    assert made.exit_code == 0
    for verb, line in VERBS.items():
        assert f"{verb}  " in made.stdout
        assert line in made.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_of_itself_what_the_group_says(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert command.get_short_help_str(limit=200) == VERBS[verb]
    assert [param.name for param in command.params].count("debug") == 1


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["solve", "--help"], ["compare", "--help"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    """What the 0.4 s of `--help` rest on, checked without a clock."""
    assert _find_imported(HEAVY if args[0] != "solve" else HEAVY[:-2], args) == "[]"


@pytest.mark.parametrize("args", [["fit"], ["fit", "/nowhere.jsonl"]])
def test_a_wrong_call_of_fit_is_told_of_before_anything_heavy_is_imported(args: list[str]) -> None:
    assert _find_imported(["sklearn", "scipy", "langgraph"], args) == "[]"


def _find_imported(modules: Sequence[str], args: list[str]) -> str:
    """Which of the modules a command has imported at its end, as a list's text."""
    code = (
        "import sys\n"
        "from adaptive.cli import cli\n"
        f"try: cli.main({args}, standalone_mode=False)\n"
        "except Exception as error: print(error)\n"
        f"print([m for m in {list(modules)} if m in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return made.stdout.splitlines()[-1]


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"adaptive, version {__version__}\n"


def test_no_verb_is_wrong_usage_and_shows_help(run: Run) -> None:
    made = run()
    assert (made.exit_code, made.stdout) == (2, "")
    assert "solve" in made.stderr


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["slove"], "No such command 'slove'."),
        (["--nothing"], "No such option '--nothing'"),
        (["models", "--jsn"], "Did you mean '--json'? Try 'adaptive models --help'.\n"),
        (
            ["solve", "-3 + 5"],
            "No such option '-3': a text that begins with '-' goes after --. Try 'adaptive solve",
        ),
        (["solve", "two", "words"], "Got unexpected extra argument (words)"),
        (["solve", "q", "--budget", "-1"], "'--budget': -1 is not in the range x>=0"),
        (["solve", "q", "--budget", "many"], "'--budget': 'many' is not a valid integer"),
        (["solve", "q", "--budget", "9" * 5000], "'--budget'"),
        (["solve", "q", "--waits", "1.5"], "'--waits': '1.5' is not a valid integer"),
        (["solve", "q", "--effort", "huge"], "'--effort': 'huge' is not one of 'none', 'minimal', 'low'"),
        (["solve", "q", "--temperature", "nan"], "'nan' is not a finite number"),
        (["solve", "q", "--timeout", "0"], "'--timeout': 0.0 is not in the range x>0"),
        (["solve", "q", "--timeout", "inf"], "'inf' is not a finite number"),
        (["solve", "q", "--seed", "-1"], "'--seed': -1 is not in the range"),
        (["solve", "q", "--max-tokens", "0"], "'--max-tokens': 0 is not in the range x>=1"),
        (["solve", "q", "--samples", "-1"], "'--samples': -1 is not in the range x>=0"),
        (["solve", "q", "--check-timeout", "0"], "'--check-timeout': 0.0 is not in the range x>0"),
        (["solve", "q", "--check-timeout", "nan"], "'nan' is not a finite number"),
        (["solve", "--file", "/nowhere.txt"], "'--file': File '/nowhere.txt' does not exist"),
        (["logs", "nine"], "'nine' is not a valid integer"),
        (["logs", "9" * 30], "is not in the range"),
    ],
)
def test_wrong_usage_is_one_sentence(run: Run, args: list[str], expected: str) -> None:
    made = run(*args)
    assert (made.exit_code, made.stdout) == (2, "")
    assert made.stderr.startswith("Error: ")
    assert made.stderr.count("\n") == 1
    assert expected in made.stderr


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (InputError("effort 'huge' is not known."), "effort 'huge' is not known.", 2),
        (AdaptiveError("the engine broke."), "the engine broke.", 1),
        (FileNotFoundError(2, "No such file or directory", "/x"), "No such file or directory: /x.", 1),
        (KeyError("a\nb"), "KeyError ('a\\nb'): run again with --debug for the traceback.", 1),
        (ValueError("two\nlines"), "ValueError (two lines): run again with --debug for the traceback.", 1),
        (ValueError(), "ValueError: run again with --debug for the traceback.", 1),
        (click.FileError("x", "gone"), "Could not open file 'x': gone", 1),
    ],
)
def test_any_error_is_a_sentence(error: Exception, expected: str, code: int) -> None:
    failure = to_failure(error)
    assert (str(failure), failure.exit_code) == (expected, code)


def test_the_unforeseen_is_one_sentence_without_a_traceback(run: Run, scripted: Use) -> None:
    scripted(Solver(error=ZeroDivisionError("by zero")))
    made = run("solve", "q")
    assert (made.exit_code, made.stdout) == (1, "")
    assert made.stderr == "Error: ZeroDivisionError (by zero): run again with --debug for the traceback.\n"


@pytest.mark.parametrize("how", ["option", "variable"])
def test_debug_lets_it_through(run: Run, scripted: Use, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    scripted(Solver(error=ZeroDivisionError("by zero")))
    if how == "variable":
        monkeypatch.setenv("ADAPTIVE_DEBUG", "1")
    made = run("solve", "q", *(["--debug"] if how == "option" else []))
    assert isinstance(made.exception, ZeroDivisionError)


def test_ctrl_c_before_anything_runs(run: Run, scripted: Use) -> None:
    solver = Solver()
    scripted(solver).build_solver = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    made = run("solve", "q")
    assert made.exit_code == 130
    assert made.stderr.endswith("Interrupted.\n")


def test_with_standard_output_closed_nothing_is_bought() -> None:
    words = f'"{sys.executable}" -m adaptive.cli solve 2+2 --no-log >&-'
    made = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 2
    assert made.stderr == "Error: there is nowhere to print to, since standard output is closed: open it.\n"
