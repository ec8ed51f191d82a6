"""The reaper as it is where no process namespace can be made."""

from __future__ import annotations

import socket
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

REAPER = Path(__file__).parents[2] / "adaptive" / "_util" / "reaper.py"

if __name__ == "__main__":
    spec = spec_from_file_location("reaper", REAPER)
    assert spec is not None
    assert spec.loader is not None
    reaper = module_from_spec(spec)
    spec.loader.exec_module(reaper)
    reaper.run_isolated = lambda *_: None  # type: ignore[attr-defined]
    reaper.run_reaper(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3:])
