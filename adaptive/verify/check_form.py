"""The user's own test of an answer, as a form that it must have: a JSON schema or a regular expression.

Both are matched in a process of their own (`adaptive.verify.matcher`). A regular expression can take exponential
time (Cox 2007, "Regular Expression Matching Can Be Simple And Fast"), and a schema may contain some. Python's `re`
holds the interpreter's lock meanwhile, so a thread with a time limit would not help. A library with its own time
limit would do for the patterns, with another dialect than `re`, but not for those in a schema.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive._util.deadline import check_time_limit
from adaptive._util.files import read_named
from adaptive._util.process import ProgramError, run_program
from adaptive._util.redact import redact_text
from adaptive.errors import InputError, to_single_line
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import CannotTell
from adaptive.verify import matcher
from adaptive.verify.external import Assessment, ExternalVerifier


@dataclass(frozen=True)
class Pattern(ExternalVerifier):
    """Accepts an answer that matches a regular expression as a whole, without the blanks around it.

    If that takes too long, the verdict is undecided.

    Attributes:
        regex: A pattern of Python's `re`.
        timeout: Seconds that matching may take.

    Raises:
        InputError: If the pattern does not compile, or the time limit is out of range.
    """

    regex: str
    timeout: float = 30.0
    name: str = "check"

    def __post_init__(self) -> None:
        check_time_limit(self.timeout)
        try:
            re.compile(self.regex)
        except (re.error, OverflowError, RecursionError) as error:
            raise InputError(f"the pattern {self.regex!r} is no regular expression ({error}).") from error

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Match the pattern. Raise `CannotTell` if that fails or takes too long."""
        return await _match_form({"pattern": self.regex, "answer": answer}, "the pattern", self.timeout)


@dataclass(frozen=True)
class JsonSchema(ExternalVerifier):
    """Accepts an answer that is valid JSON by a schema, as a whole or in its last fenced block marked `json`.

    Nothing is fetched: everything that the schema refers to must be in it. If it refers to something else, or
    takes too long, the verdict is undecided.

    Attributes:
        schema: The schema, or the path of its file, of the draft in its `$schema` (default 2020-12).
        timeout: Seconds that matching may take.

    Raises:
        InputError: If the schema cannot be read or is invalid, or the time limit is out of range.
    """

    schema: Mapping[str, Any] | bool | str | Path
    timeout: float = 30.0
    name: str = "check"

    def __post_init__(self) -> None:
        check_time_limit(self.timeout)
        label = f"the schema {self.schema}" if isinstance(self.schema, str | Path) else "the schema"
        schema = _read_schema(self.schema, label)
        _require_schema(schema, label)
        object.__setattr__(self, "schema", schema)  # read once, so that it stays what was checked

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Validate the answer. Raise `CannotTell` if that fails or takes too long."""
        return await _match_form({"schema": self.schema, "answer": answer}, "the schema", self.timeout)


async def _match_form(request: dict[str, Any], form: str, seconds: float) -> Assessment:
    python = (sys.executable or "", "-P", str(Path(matcher.__file__)))
    try:
        ended = await run_program(python, json.dumps(request).encode(), seconds)
    except ProgramError as why:
        raise CannotTell(f"{form}: {why}") from why
    if ended.code == matcher.MATCHES:
        return Assessment(True, 1.0, f"the answer has the form of {form}")
    if ended.code == matcher.DIFFERS:
        return Assessment(False, 0.0, ended.last_line)
    raise CannotTell(f"{form}: matching fails ({ended.last_line or ended.code})")


def _read_schema(schema: Mapping[str, Any] | bool | str | Path, label: str) -> Any:
    """Return the schema as plain JSON."""
    try:
        text = read_named(Path(schema)).decode() if isinstance(schema, str | Path) else json.dumps(schema)
        return json.loads(text)
    except OSError as error:
        raise InputError(f"{label} cannot be read ({error.strerror}).") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{label} is no JSON ({to_single_line(error, 120)}).") from error


def _require_schema(schema: Any, label: str) -> None:
    # Imported here: it takes longer than the rest of `adaptive.verify`, and only schemas need it.
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema, dict | bool):
        raise InputError(f"{label} is no JSON schema: write an object, true or false.")
    draft = schema.get("$schema") if isinstance(schema, dict) else None
    named = draft is None or isinstance(draft, str)
    validator = validator_for(schema, default=None if draft else Draft202012Validator) if named else None
    if validator is None:
        raise InputError(f"{label} is of {draft!r}, which is not known: name a draft of json-schema.org, or none.")
    try:
        validator.check_schema(schema)
    except SchemaError as error:
        message = redact_text(error.message)
        raise InputError(f"{label} is no JSON schema (at {error.json_path}: {message}).") from error
