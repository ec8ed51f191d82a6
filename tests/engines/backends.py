"""The engines that the conformance suite runs on, and real servers for those that need one."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adaptive._util.files import find_artifact
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.engines.vllm import PROCESSOR
from tests.engines.gguf_model import write_gguf

HF = str(find_artifact("abacus") / "hf")
BLOCK = 32
CPU = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "auto", "HF_HUB_OFFLINE": "1"}
LLAMA_SERVER = os.environ.get("LLAMA_SERVER", "llama-server")


@dataclass(frozen=True)
class Backend:
    """An engine, the modules and command it needs, and how many ids of a continued chain it may compute again."""

    name: str
    needs: tuple[str, ...]
    blocks: int
    open: Callable[[], Any]
    command: str | None = None

    def missing(self) -> str | None:
        """The first that is not installed."""
        if self.command is not None and shutil.which(self.command) is None:
            return self.command
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
    """vLLM's server, as an engine."""
    with vllm_server() as url:
        yield open_engine(url)


@contextmanager
def vllm_server(*options: str) -> Iterator[str]:
    """The address of a vLLM server, started with these options beside."""
    # What `vllm serve` runs. The command itself looks for a package named vllm; the CPU build is named vllm-cpu.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", HF]
    command += [
        "--logits-processors",
        PROCESSOR,
        "--dtype",
        "float32",
        "--block-size",
        str(BLOCK),
        "--enable-prompt-tokens-details",
        *options,
    ]
    with _running(command, "Application startup complete") as url:
        yield url


@contextmanager
def served_by_llama_cpp() -> Iterator[TokenEngine]:
    """llama.cpp's server, with four slots of the model's window."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "abacus.gguf"
        write_gguf(Path(HF), file)
        command = [LLAMA_SERVER, "--model", str(file), "--parallel", "4", "--ctx-size", "4096", "--threads", "2"]
        with _running(command, "listening on") as url:
            yield open_engine(url, tokenizer=HF)


@contextmanager
def _running(command: list[str], ready: str) -> Iterator[str]:
    """The address of a server in a process of its own, on a free port; `ready` is what it says when it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=CPU | os.environ,
        start_new_session=True,
    )
    try:
        said = _until(ready, server)
        threading.Thread(target=server.stdout.read, daemon=True).start()  # type: ignore[union-attr]
        assert server.poll() is None, "".join(said[-30:])
        yield f"http://127.0.0.1:{port}/v1"
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


def _until(ready: str, server: subprocess.Popen[str]) -> list[str]:
    """What the server says until it answers, or ends."""
    said = []
    for line in server.stdout or ():
        said.append(line)
        if ready in line:
            break
    return said


BACKENDS = (
    Backend("embedded", (), 1, lambda: local("embedded")),
    Backend("transformers", ("torch", "transformers"), 1, lambda: local(f"hf:{HF}", dtype="float32")),
    Backend("vllm", ("vllm",), BLOCK, lambda: local(f"vllm:{HF}", dtype="float32", block_size=BLOCK)),
    Backend("server", ("vllm",), BLOCK, served),
    Backend("llama.cpp", ("gguf", "torch"), 1, served_by_llama_cpp, LLAMA_SERVER),
)
