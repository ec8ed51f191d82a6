"""`check`: the user's own test of an answer: a function, a command, a JSON schema or a regular expression.

A check that passes has a score of 1 and one that fails 0; a function may return a score of its own. If the check
cannot tell, the score is that of an answer about which nothing is known. A check costs no money, but time.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from adaptive._util.redact import redact_error
from adaptive.answers.custom import import_from_cwd
from adaptive.errors import InputError
from adaptive.verify.base import Verifier
from adaptive.verify.check_command import Command
from adaptive.verify.check_form import JsonSchema, Pattern
from adaptive.verify.check_function import Function


def parse_check(text: str, timeout: float = 30.0) -> Verifier:
    """Return the check that `--check` names.

    Args:
        text: `re:PATTERN`, `schema:FILE.json` or `python:module.function`; anything else is a command. A module
            may lie in the working directory.
        timeout: Seconds that one answer's check may take.

    Raises:
        InputError: If the pattern, schema, function or command cannot be used, or the time limit is out of range.
    """
    kind, _, rest = text.partition(":")
    if kind == "re":
        return Pattern(rest, timeout)
    if kind == "schema":
        return JsonSchema(Path(rest), timeout)
    if kind == "python":
        return Function(_import_function(rest), timeout)
    command = Command(text, timeout)
    if shutil.which(command.words[0]) is None:
        raise InputError(f"the check {text!r} is no command: there is no program {command.words[0]!r}.")
    return command


def _import_function(name: str) -> Any:
    """Return the attribute that a dotted name means."""
    module, _, function = name.rpartition(".")
    if not module or not function:
        raise InputError(f"the check 'python:{name}' names no function: write python:module.function.")
    try:
        return getattr(import_from_cwd(module), function)
    except (Exception, SystemExit) as error:
        raise InputError(f"the check 'python:{name}' cannot be imported ({redact_error(error)}).") from error
