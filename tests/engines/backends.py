"""The engines that the conformance suite runs on, and a real `vllm serve` for the one that needs a server."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from adaptive.artifacts import artifact
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine

HF = str(artifact("abacus") / "hf")
BLOCK = 32
CPU = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "auto", "HF_HUB_OFFLINE": "1"}
READY = "Application startup complete"


@dataclass(frozen=True)
class Backend:
    """An engine, what it needs, and how many ids of a continued chain it may compute again."""

    name: str
    needs: tuple[str, ...]
    blocks: int
    open: Callable[[], Any]

    def missing(self) -> str | None:
        """The first module that is not installed."""
        return next((module for module in self.needs if find_spec(module) is None), None)

    @contextmanager
    def opened(self) -> Iterator[TokenEngine]:
        with self.open() as engine:
            try:
                yield engine
            finally:
                asyncio.run(engine.close())


@contextmanager
def local(spec: str, **options: Any) -> Iterator[TokenEngine]:
    for name, value in CPU.items():
        os.environ.setdefault(name, value)
    yield open_engine(spec, **options)


@contextmanager
def served() -> Iterator[TokenEngine]:
    """vLLM's server in a process of its own, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What `vllm serve` runs. The command itself looks for a package named vllm; the CPU build is named vllm-cpu.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", HF, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--dtype", "float32", "--block-size", str(BLOCK)]
    command += ["--enable-prompt-tokens-details"]
    server = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=CPU | os.environ,
        start_new_session=True,
    )
    try:
        said = _until_ready(server)
        threading.Thread(target=server.stdout.read, daemon=True).start()  # type: ignore[union-attr]
        assert server.poll() is None, "".join(said[-30:])
        yield open_engine(f"http://127.0.0.1:{port}/v1")
    finally:
        _end(server)


def _end(server: subprocess.Popen[str]) -> None:
    """Stop a server and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)


def _until_ready(server: subprocess.Popen[str]) -> list[str]:
    """What the server says until it answers, or ends."""
    said = []
    for line in server.stdout or ():
        said.append(line)
        if READY in line:
            break
    return said


BACKENDS = (
    Backend("embedded", (), 1, lambda: local("embedded")),
    Backend("transformers", ("torch", "transformers"), 1, lambda: local(f"hf:{HF}", dtype="float32")),
    Backend("vllm", ("vllm",), BLOCK, lambda: local(f"vllm:{HF}", dtype="float32", block_size=BLOCK)),
    Backend("server", ("vllm",), BLOCK, served),
)
