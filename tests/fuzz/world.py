"""A folder with a file of every kind, and the command in this process with a toy model and no pauses."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOGS = Path(__file__).parents[1] / "learn" / "importing" / "logs"
CODES = (0, 1, 2, 3, 4)
"""The exit codes of the docs, of a command that nobody interrupts."""
FALLBACK = "run again with --debug for the traceback"


def build_folder(folder: Path, recorded: int = 8) -> Path:
    """Make a folder with a file of every kind that a command reads, and outcomes of `recorded` questions."""
    from dataclasses import replace

    from adaptive.solve_log import SolveLog
    from tests.cli.stub import RESULT
    from tests.fit.toy import write_questions
    from tests.learn.made import many, write
    from tests.support.solving import profile

    folder.mkdir(parents=True)
    write_questions(folder / "questions.jsonl", 3)
    rows = [("question", "answer"), ("What is 2 + 3?", "5"), ("What is 4 + 3?", "7")]
    (folder / "questions.csv").write_text("".join(f"{q},{a}\n" for q, a in rows))
    (folder / "questions.json").write_text('[{"question": "What is 2 + 3?", "answer": "5"}]')
    (folder / "questions.txt").write_text("What is 2 + 3?\nWhat is 4 + 3?\n")
    (folder / "prices.toml").write_text("[toy]\ninput = 1\noutput = 2\n")
    (folder / "prices.json").write_text('{"toy": {"input": 1, "cached": 0.5, "output": 2}}')
    (folder / "keys.toml").write_text('[ann]\nkey = "0123456789abcdef"\nmax_tokens = 1000\n')
    (folder / "schema.json").write_text('{"type": "number"}')
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write(folder / "outcomes.db", many(recorded))
    replace(profile(), name="toy", difficulty_model=lambda: None).save(folder / "profile")
    with SolveLog(folder / "solves.db") as log:
        for number in range(3):
            log.add({**RESULT, "question": f"What is {number} + 2?"})
    for name in ("litellm_spend_logs.json", "batch_input.jsonl", "batch_output.jsonl", "inspect_high.json"):
        shutil.copy(LOGS / name, folder)
    os.mkfifo(folder / "fifo")
    (folder / "empty").touch()
    (folder / "empty-folder").mkdir()
    return folder


@contextmanager
def quiet_world(folder: Path) -> Iterator[None]:
    """Put a toy in place of the embedded model, nothing in place of servers, and no pause between tries."""
    from adaptive._util.http import ServerClient
    from adaptive.engines import registry
    from tests.fit.toy import AddingEngine

    class Toy(AddingEngine):
        def complete(self, prompt: str, chain: list[int]) -> tuple[list[int], float]:
            numbers = re.findall(r"[0-9]{1,9}", prompt)
            return super().complete(f"user {' '.join([*numbers, '1', '1'][:2])}", chain)

    opened, parallel = registry.open_engine, registry.get_parallel_solves
    toys = ("embedded", "toy")
    registry.open_engine = lambda spec, **more: Toy(extra=5) if spec in toys else opened(spec, **more)
    registry.get_parallel_solves = lambda spec: 1 if spec in toys else parallel(spec)
    ServerClient._compute_pause = lambda self, state: 0.0  # type: ignore[method-assign]
    from adaptive.chat import retried_call
    from adaptive.cli.support import mcp_server
    from adaptive.serve import run

    retried_call.choose_wait = lambda state: 0.0
    nothing: Any = lambda *_: None  # noqa: E731
    run.run_server = mcp_server.serve_http = mcp_server.serve_stdio = nothing
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_") or name.endswith("_API_KEY")]:
        del os.environ[name]
    os.environ |= {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    yield


class Streams:
    """The standard streams of a command, as a shell would give them."""

    def __init__(self, stdin: bytes) -> None:
        self.stdin = io.TextIOWrapper(io.BytesIO(stdin), "utf-8", errors="surrogateescape")
        self.stdout = io.TextIOWrapper(io.BytesIO(), "utf-8")
        self.stderr = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace")

    def read(self, name: str) -> str:
        stream = getattr(self, name)
        stream.flush()
        data: bytes = stream.buffer.getvalue()
        return data.decode(errors="replace")


def run_command(arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run the command here; return its exit code and what it printed. Other ends than an exit are raised."""
    from adaptive.cli import main

    streams, before = Streams(stdin), dict(os.environ)
    argv, real_stdin = sys.argv, sys.stdin
    os.environ |= environment
    sys.argv, sys.stdin = ["adaptive", *arguments], streams.stdin
    try:
        with contextlib.redirect_stdout(streams.stdout), contextlib.redirect_stderr(streams.stderr):
            main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    finally:
        sys.argv, sys.stdin = argv, real_stdin
        os.environ.clear()
        os.environ |= before
    return code, streams.read("stdout"), streams.read("stderr")


def judge(code: int, stderr: str, known: str = "") -> str:
    """Return what is wrong with how a command ended; "" for nothing. known: texts that were given to it."""
    lines = stderr.strip().splitlines()
    last = lines[-1] if lines else ""
    errors = [line for line in lines if line.startswith("Error: ")]
    if code not in CODES:
        return f"exit code {code}"
    if "Traceback" in stderr or "Exception ignored" in stderr:
        return "a traceback"
    if FALLBACK in stderr:
        return re.sub(r"['\"0-9].*", "", last)[:60] + "…: no sentence of ours"
    if re.search(r":\d+: \w*Warning: ", stderr):
        return "a warning of Python's"
    if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", stderr.replace("\r\n", "\n")):
        return "control characters"
    if code in (1, 2) and not errors and not stderr.startswith("Usage:"):
        return f"exit code {code} without an error"
    if errors and (len(errors) > 1 or not last.startswith("Error: ")) and "question " not in errors[0]:
        return "more than one sentence"
    name = re.search(r"\b[A-Z]\w+(Error|Exception)\b", last)
    return f"an exception's name: {name[0]}" if name and name[0] not in known else ""


@contextmanager
def fresh_folder(template: Path, place: Path) -> Iterator[Path]:
    """A copy of a folder to work in, which is gone afterwards."""
    shutil.copytree(template, place, ignore=shutil.ignore_patterns("fifo"))
    os.mkfifo(place / "fifo")
    os.chdir(place)
    try:
        yield place
    finally:
        os.chdir(template)
        shutil.rmtree(place, ignore_errors=True)
