"""What is attacked, by name. A module has the generated `CASES`, those of its `CORPUS`, and `open_check`."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.harness import Target

TARGETS = {
    "command lines": "command_lines", "files": "files", "token servers": "token_replies",
    "chat servers": "chat_replies",
}  # fmt: skip


def load_target(name: str) -> Target:
    """Return a target. Only its own module is imported, for that is most of the time of a short run."""
    module = import_module(f"tests.fuzz.{TARGETS[name]}")
    return Target(module.CASES, module.open_check, module.CORPUS)
