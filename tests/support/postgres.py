"""A Postgres server of a test's own, in a folder that goes with it; nothing listens on a port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_SECONDS = 120


def find_missing() -> str:
    """What is not installed, as the reason to skip a test; "" if nothing is missing."""
    if find_binaries() is None:
        return "Postgres is not installed: its initdb and postgres are needed"
    if find_spec("psycopg") is None or find_spec("langgraph.checkpoint.postgres") is None:
        return "the client is not installed: pip install langgraph-checkpoint-postgres 'psycopg[binary]'"
    return ""


def find_binaries() -> Path | None:
    """The folder of the server's programs: on the path, or where Debian installs them."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


@contextmanager
def serve_postgres() -> Iterator[str]:
    """Serve an empty database, and yield its connection string."""
    programs = find_binaries()
    assert programs
    # Not `tmp_path`: the path of a socket is short, and root's folders are closed to the server's user.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = find_user()
    try:
        if user:
            os.chown(folder, user["user"], user["group"])
        data, quiet = folder / "data", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        initdb = [programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(initdb, check=True, cwd=folder, **user, **quiet)
        command = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        with subprocess.Popen(command, cwd=folder, **user, **quiet) as server:
            try:
                address = f"postgresql://tests@/postgres?host={folder}"
                wait_for(address)
                yield address
            finally:
                server.send_signal(signal.SIGINT)  # ends the connections too
    finally:
        shutil.rmtree(folder)


def find_user() -> dict[str, Any]:
    """Whom the server runs as: Postgres refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("no user 'postgres' or 'nobody' for Postgres to run as")


def wait_for(address: str) -> None:
    """Wait until the server takes connections."""
    import psycopg

    end = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
