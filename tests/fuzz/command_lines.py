"""Command lines of every verb: any of its options with any value, right or wrong, and files of every kind."""
# ruff: noqa: E501 -- tables of values

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from hypothesis import strategies as st

from adaptive.cli import VERBS, cli
from tests.fuzz.harness import Check
from tests.fuzz.nasty import TEXTS
from tests.fuzz.world import build_folder, fresh_folder, judge, quiet_world, run_command

ARGUMENTS = tuple(text for text in TEXTS if "\0" not in text)
FILES = (
    "questions.jsonl", "questions.csv", "questions.json", "questions.txt", "prices.toml", "prices.json", "keys.toml",
    "schema.json", "picture.png", "outcomes.db", "profile", "solves.db", "litellm_spend_logs.json",
    "batch_output.jsonl", "inspect_high.json", "empty", "empty-folder", "profile/profile.json", ".", "..", "",
    "missing", "missing/file", "new", "new.db", "new.jsonl", "new.png", "new.html", "questions.jsonl/x", "/dev/full",
    "/dev/null", "/proc/self/mem", "\udcff", "x" * 300, "datasets:no/such", "datasets:", "-",
)  # fmt: skip
DEAD = "http://127.0.0.1:9/v1"
MODELS = (
    "embedded", "toy", "", "onnx:", "onnx:empty-folder", "onnx:missing", "hf:", "hf:missing", "vllm:x", DEAD, "http://",
    "http://[", "http://127.0.0.1:99999/v1", "openai:", "openai:gpt-5", "anthropic:claude-opus-5", "nobody:x", ":", "x:y:z",
    "google_genai:gemini-3-flash-preview", "http://user:secret@127.0.0.1:9/v1", "\udcff", "openai:\udcff",
)  # fmt: skip
ENGINE = (
    f"base_url={DEAD}", "api_key=sk-0123456789", "retries=0", "retries=-1", "timeout=0", "timeout=nan", "max_reply=0",
    "max_reply=1", "dialect=vllm", "dialect=x", "tokenizer=missing", "concurrency=0", "temperature=9", "x=1", "x", "=",
    "model=y", "options={}", "knows=2", "sessions=0", "api_key=", "\udcff=1", "a=\udcff", "timeout=1e999",
)  # fmt: skip
CHECKS = (
    "true", "false", "no-such-program", "", " ", "'", "re:5", "re:(", "re:", "re:(a+)+$", "schema:schema.json", "schema:",
    "schema:missing", "schema:picture.png", "python:os.getcwd", "python:missing.name", "python:", "python:os", "echo {file.py}",
    "\udcff", "false \udcff",
)  # fmt: skip
GRADES = (
    "auto",
    "exact",
    "number",
    "choice",
    "maths",
    "x",
    "missing.py:f",
    "picture.png:f",
    "questions.txt",
    "",
    ":",
)
BY_NAME = {
    "model": MODELS, "models": MODELS, "stronger": MODELS, "judge": MODELS, "compared": MODELS, "options": ENGINE,
    "check": CHECKS, "grade": GRADES, "named": ("embedded,low,100", "toy,high", ",,", "toy,low,x", "toy,low,10"),
    "mapping": ("question=question,setting=model,correct=ok", "id=", "x=y", "question=.,setting=a,correct=b", "=,="),
    "tokenizer": ("missing", "empty-folder", "picture.png", ""), "host": ("127.0.0.1", "::1", "nowhere.invalid", "", "\udcff"),
    "ladder": ("0,64", "0", "64,0", "0,64:max,128", "0,,", "0,99999999999", "0,1:x", ","),
}  # fmt: skip
FILE_NAMES = (
    "profile", "questions", "source", "outcomes", "work", "csv", "keys", "images", "answers", "unanswered", "second",
    "tuned_on", "replay", "out", "prices", "logs", "cache",
)  # fmt: skip
ENVIRONMENT = (
    ("ADAPTIVE_LOG", "missing/solves.db"), ("ADAPTIVE_LOG", "questions.txt"), ("ADAPTIVE_LOG", "/dev/full"),
    ("ADAPTIVE_MODEL", "openai:gpt-5"), ("ADAPTIVE_BUDGET", "x"), ("ADAPTIVE_PRICES", "picture.png"),
    ("ADAPTIVE_PROFILES", "questions.txt"), ("ADAPTIVE_PROFILE", "missing"), ("OPENAI_API_KEY", "sk-0123456789"),
    ("ADAPTIVE_TEMPERATURE", "nan"), ("COLUMNS", "0"), ("LC_ALL", "C"), ("ADAPTIVE_SEED", ""),
)  # fmt: skip
STDIN = (b"", b"What is 2 + 3?", b"\xff\xfe", b"\n\n", b"{", b'{"question": "What is 2 + 3?"}\n', b"y\n", b"\0")


COMMANDS = {verb: cli.get_command(click.Context(cli), verb) for verb in VERBS}


@dataclass(frozen=True)
class CommandLine:
    """A call of the command."""

    arguments: tuple[str, ...]
    stdin: bytes = b""
    environment: tuple[tuple[str, str], ...] = ()


def _values(param: click.Parameter) -> st.SearchStrategy[str]:
    """Values of an option or argument, those that it may take more often."""
    kind, name = param.type, str(param.name)
    wrong = st.sampled_from(ARGUMENTS)
    if name in BY_NAME:
        return st.one_of(st.sampled_from(BY_NAME[name]), st.sampled_from(BY_NAME[name]), wrong)
    if isinstance(kind, click.Path) or name in FILE_NAMES:
        return st.sampled_from(FILES)
    if isinstance(kind, click.Choice):
        right = st.sampled_from([str(choice) for choice in kind.choices])
        return st.one_of(right, right, wrong)
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        edges = [getattr(kind, "min", None), getattr(kind, "max", None), 0, 1, 2, 64]
        near = [str(edge + step) for edge in edges if edge is not None for step in (-1, 0, 1, 0.5)]
        return st.one_of(st.sampled_from(near), st.sampled_from(near), st.integers(0, 300).map(str), wrong)
    return st.one_of(wrong, st.sampled_from(FILES), st.text(st.characters(exclude_characters="\0"), max_size=12))


@st.composite
def _option(draw: st.DrawFn, option: click.Option) -> list[str]:
    names = [*option.opts, *option.secondary_opts]
    name = draw(st.sampled_from([one for one in names if one.strip()]))
    if option.is_flag:
        return [name]
    values = [draw(_values(option)) for _ in range(option.nargs)]
    joined = name.startswith("--") and option.nargs == 1 and draw(st.booleans())
    return [f"{name}={values[0]}"] if joined else [name, *values]


@st.composite
def command_lines(draw: st.DrawFn) -> CommandLine:
    """A call of any verb."""
    verb = draw(st.sampled_from([*VERBS, *VERBS, "", "nothing", "--help", "--version"]))
    command = COMMANDS.get(verb)
    arguments = [verb] if verb else []
    params: list[Any] = [] if command is None else [p for p in command.params if p.name != "debug"]
    for param in params:
        if isinstance(param, click.Option):
            times = draw(st.sampled_from([1, 1, 1, 1, 0] if param.required else [0] * 9 + [1]))
            for _ in range(times + (param.multiple and draw(st.sampled_from([0] * 12 + [1])))):
                arguments += draw(_option(param))
    for param in params:
        if isinstance(param, click.Argument):
            for _ in range(draw(st.sampled_from([1, 1, 1, 1, 0, 2] if param.nargs == -1 else [1, 1, 1, 1, 0]))):
                arguments.append(draw(_values(param)))
    if draw(st.sampled_from([False] * 9 + [True])):
        arguments.append(draw(st.sampled_from(ARGUMENTS)))
    environment = draw(st.lists(st.sampled_from(ENVIRONMENT), max_size=2)) if draw(st.booleans()) else []
    return CommandLine(tuple(arguments), draw(st.sampled_from(STDIN)), tuple(environment))


@contextmanager
def open_check(folder: Path) -> Iterator[Check]:
    """The check of command lines: a documented exit code, and one sentence if it failed."""
    template = build_folder(folder / "template")

    def check(case: CommandLine) -> str:
        with fresh_folder(template, folder / "deep" / "deeper" / "work"):
            environment = {"ADAPTIVE_LOG": "solves.db", **dict(case.environment)}
            code, _, stderr = run_command(case.arguments, case.stdin, environment)
        return judge(code, stderr, " ".join(case.arguments))

    with quiet_world(folder):
        yield check


def read_corpus() -> list[CommandLine]:
    """The command lines that were at fault once: arguments, and stdin if there is any."""
    rows = json.loads((Path(__file__).parent / "corpus" / "command_lines.json").read_text())
    return [CommandLine(tuple(row["arguments"]), row.get("stdin", "").encode("latin-1")) for row in rows]


CASES, CORPUS = command_lines(), read_corpus()
