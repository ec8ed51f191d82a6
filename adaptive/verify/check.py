"""`check`: the user's own test of an answer: a function, a command, a JSON schema or a regular expression.

A check that passes has a score of 1, one that fails 0 (a function may give one of its own), and where it could not
tell the answer's score is that of an answer about which nothing is known. It costs no money, but time.
"""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from adaptive._util.redact import redact_error
from adaptive.errors import InputError
from adaptive.verify.base import Verifier
from adaptive.verify.check_command import Command
from adaptive.verify.check_form import JsonSchema, Pattern
from adaptive.verify.check_function import Function


def parse_check(text: str, timeout: float = 30.0) -> Verifier:
    """The check that `--check` names, with a time limit in seconds.

    `re:PATTERN`, `schema:FILE.json`, `python:module.function`; anything else is a command. Modules are also looked
    for in the working directory. Raises `InputError` for what cannot be.
    """
    kind, _, rest = text.partition(":")
    if kind == "re":
        return Pattern(rest, timeout)
    if kind == "schema":
        return JsonSchema(Path(rest), timeout)
    if kind == "python":
        return Function(_import_function(rest), timeout)
    return _parse_command(text, timeout)


def _parse_command(text: str, timeout: float) -> Command:
    command = Command(text, timeout)
    if shutil.which(command.words[0]) is None:
        raise InputError(f"the check {text!r} is no command: there is no program {command.words[0]!r}.")
    return command


def _import_function(name: str) -> Any:
    """What `name` is in its module."""
    module, _, function = name.rpartition(".")
    if not module or not function:
        raise InputError(f"the check 'python:{name}' names no function: write python:module.function.")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last: a file of the user's must not take the place of a module that others import
    try:
        return getattr(import_module(module), function)
    except (Exception, SystemExit) as error:
        raise InputError(f"the check 'python:{name}' cannot be imported ({redact_error(error)}).") from error
