"""A server of `adaptive serve` in a process of its own, for the benchmarks of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

DRAIN = 3600
"""Seconds that the server may take to finish what it has accepted."""


@dataclass
class ServerProcess:
    """A server that runs. memory: its resident megabytes, once a second."""

    process: subprocess.Popen[str]
    address: str
    memory: list[float] = field(default_factory=list)

    def watch_memory(self) -> None:
        """Note the memory until the process ends."""
        page = os.sysconf("SC_PAGE_SIZE")
        while self.process.poll() is None:
            try:
                pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
            except (OSError, IndexError):  # it has just ended
                return
            self.memory.append(pages * page / 2**20)
            time.sleep(1)

    def count(self, name: str) -> float:
        """Return the sum of a metric."""
        lines = httpx.get(f"{self.address}/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"adaptive_{name}"))


@contextmanager
def run_server(*options: str) -> Iterator[ServerProcess]:
    """Serve the embedded model."""
    command = [sys.executable, "-m", "adaptive.cli", "serve", "--port", "0", "--queue", "100000"]
    process = subprocess.Popen([*command, "--drain", str(DRAIN), *options], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    server = ServerProcess(process, process.stderr.readline().split()[-1].removesuffix("/v1"))
    try:
        threading.Thread(target=server.watch_memory, daemon=True).start()
        yield server
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
