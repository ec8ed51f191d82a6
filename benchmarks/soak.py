"""Many solves one after the other: `python -m benchmarks.soak [COUNT]` shows what fails, and what grows.

Three ways in: the embedded model in this process; a chat model over OpenAI's protocol, which is a local `adaptive
serve`; and that server's own memory meanwhile, with requests of a plain HTTP client. Growth is counted from the
first tenth to the end, in the process that solves.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx

from adaptive import Options, build_solver

COUNT = 3000
Ask = Callable[[str], Awaitable[str]]
"""Answers a question; raises if it cannot."""


@dataclass(frozen=True)
class Footprint:
    """What a process holds: megabytes of memory, open files, and threads."""

    memory: float
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int | str) -> Footprint:
        """Return that of a process, by Linux' /proc."""
        place = Path("/proc", str(pid))
        status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        memory = int(status["VmRSS"].split()[0]) / 1000
        return cls(memory, len(list((place / "fd").iterdir())), int(status["Threads"]))


def write_sum(rng: Random) -> tuple[str, str]:
    """Return a question and its answer."""
    a, b, c = (rng.randrange(2, 90) for _ in range(3))
    return f"What is {a} + {b} - {c}?", str(a + b - c)


async def soak(name: str, ask: Ask, pid: int | str, count: int) -> None:
    """Ask so many questions, and print a line on them."""
    rng, failed, right = Random(7), 0, 0
    start, before = time.perf_counter(), Footprint.of(pid)
    for number in range(count):
        question, answer = write_sum(rng)
        try:
            right += answer in await ask(question)
        except Exception as error:  # noqa: BLE001 -- whatever fails is counted
            failed += 1
            print(f"{name}, solve {number}: {type(error).__name__}: {error}", file=sys.stderr)
        if number == count // 10:
            before = Footprint.of(pid)
    after, each = Footprint.of(pid), (time.perf_counter() - start) / count
    print(
        f"{name:12} {count} solves, {failed} failed, {right / count:.0%} right, {each * 1000:.0f} ms each, "
        f"{after.memory:.0f} MB ({after.memory - before.memory:+.0f}), {after.files} files "
        f"({after.files - before.files:+}), {after.threads} threads ({after.threads - before.threads:+})",
        flush=True,
    )


def solve_by(model: str, **engine: object) -> Ask:
    """Return what asks a solver in this process."""
    solver = build_solver(model, options=Options(max_attempts=2), engine=engine)

    async def ask(question: str) -> str:
        state = await solver.ainvoke({"messages": [("user", question)]})
        return str(state["adaptive_result"]["answer"])

    return ask


def solve_at(address: str, client: httpx.AsyncClient) -> Ask:
    """Return what asks a server."""

    async def ask(question: str) -> str:
        body = {"model": "embedded", "messages": [{"role": "user", "content": question}]}
        reply = (await client.post(f"{address}/chat/completions", json=body)).raise_for_status()
        return str(reply.json()["choices"][0]["message"]["content"])

    return ask


@contextmanager
def serving() -> Iterator[tuple[int, str]]:
    """Serve the embedded model; yield the process and the address."""
    command = [sys.executable, "-m", "adaptive.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = next(line for line in process.stderr if line.startswith("Serving")).split()[-1]
        try:
            yield process.pid, address
        finally:
            process.terminate()


async def soak_all(count: int) -> None:
    """Run the three."""
    await soak("embedded", solve_by("embedded"), "self", count)
    with serving() as (pid, address):
        chat = solve_by("openai:embedded", base_url=address, api_key="none")
        await soak("chat wire", chat, "self", count)
        async with httpx.AsyncClient(timeout=60) as client:
            await soak("serve", solve_at(address, client), pid, count)


def main() -> None:
    """Run with the count that is given."""
    asyncio.run(soak_all(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))


if __name__ == "__main__":
    main()
