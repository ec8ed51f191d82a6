"""The user's own test of an answer, as a form that it must have: a JSON schema or a regular expression.

Both are matched in a process of their own (`adaptive.verify.matcher`). A regular expression, and a schema may
hold some, can take exponential time (Cox 2007, "Regular Expression Matching Can Be Simple And Fast"), and Python's
`re` holds the interpreter's lock meanwhile: no thread could be timed. A library with a time limit of its own would
do for the patterns, with another dialect than `re`, but not for those in a schema.
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
from adaptive._util.process import ProgramError, run_program
from adaptive._util.redact import redact_text
from adaptive.errors import InputError, to_single_line
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import CannotTell
from adaptive.verify import matcher
from adaptive.verify.external import Assessment, ExternalVerifier


@dataclass(frozen=True)
class Pattern(ExternalVerifier):
    """Accepts an answer that, without the blanks around it, matches `regex` (of Python's `re`) as a whole.

    Where that takes more than `timeout` seconds, it could not tell. Raises `InputError` for what is no pattern.
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
        """Whether it matches."""
        return await _match_form({"pattern": self.regex, "answer": answer}, "the pattern", self.timeout)


@dataclass(frozen=True)
class JsonSchema(ExternalVerifier):
    """Accepts an answer that is JSON which `schema` allows, as a whole or in its last fenced block marked `json`.

    schema: the schema, or the path of a file with it; of the draft that its `$schema` names, or 2020-12. Nothing
    is fetched: what it refers to must be in it. Where it refers to something else, or takes more than `timeout`
    seconds, it could not tell. Raises `InputError` for what is no schema.
    """

    schema: Mapping[str, Any] | bool | str | Path
    timeout: float = 30.0
    name: str = "check"

    def __post_init__(self) -> None:
        check_time_limit(self.timeout)
        where = f"the schema {self.schema}" if isinstance(self.schema, str | Path) else "the schema"
        read = _read_schema(self.schema, where)
        _require_schema(read, where)
        object.__setattr__(self, "schema", read)  # read once, so that it stays what was checked

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Whether it is allowed."""
        return await _match_form({"schema": self.schema, "answer": answer}, "the schema", self.timeout)


async def _match_form(request: dict[str, Any], what: str, seconds: float) -> Assessment:
    python = (sys.executable or "", "-P", str(Path(matcher.__file__)))
    try:
        ended = await run_program(python, json.dumps(request).encode(), seconds)
    except ProgramError as why:
        raise CannotTell(f"{what}: {why}") from why
    if ended.code == matcher.MATCHES:
        return Assessment(True, 1.0, f"the answer has the form of {what}")
    if ended.code == matcher.DIFFERS:
        return Assessment(False, 0.0, ended.last_line)
    raise CannotTell(f"{what}: matching fails ({ended.last_line or ended.code})")


def _read_schema(schema: Mapping[str, Any] | bool | str | Path, where: str) -> Any:
    """The schema as plain JSON."""
    try:
        text = Path(schema).read_text("utf-8") if isinstance(schema, str | Path) else json.dumps(schema)
        return json.loads(text)
    except OSError as error:
        raise InputError(f"{where} cannot be read ({error.strerror}).") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{where} is no JSON ({to_single_line(error, 120)}).") from error


def _require_schema(schema: Any, where: str) -> None:
    # Only here: it takes longer to import than the rest of `adaptive.verify`, and only schemas need it.
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    named = schema.get("$schema") if isinstance(schema, dict) else None
    validator = validator_for(schema, default=None if named else Draft202012Validator)
    if validator is None:
        raise InputError(f"{where} is of {named!r}, which is not known: name a draft of json-schema.org, or none.")
    try:
        validator.check_schema(schema)
    except SchemaError as error:
        raise InputError(
            f"{where} is no JSON schema (at {error.json_path}: {redact_text(error.message)})."
        ) from error
