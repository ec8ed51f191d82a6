"""Whether an answer has a form. A script of its own, so that it can be killed: some forms take for ever to match.

Read from its input: one JSON object with `answer` and either `pattern` (a regular expression) or `schema` (a JSON
schema). Exit code: 0 it has the form, 3 it has not, and why is printed; any other is a failure.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

MATCHES, DIFFERS = 0, 3
LONGEST_REASON = 1000  # characters that are printed: a reason may quote the answer

# The last fenced block that is marked as JSON: what comes last is the answer.
_FENCED = re.compile(r"^[ \t]*```json[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)


def explain_mismatch(request: dict[str, Any]) -> str:
    """Why the answer does not have the form; "" where it has."""
    if "pattern" in request:
        found = re.fullmatch(request["pattern"], request["answer"].strip())
        return "" if found else "the answer does not match the pattern"
    try:
        value = _parse_value(request["answer"])
    except json.JSONDecodeError as error:
        return f"the answer is not JSON ({error})"
    return _find_schema_error(value, request["schema"])


def _parse_value(answer: str) -> Any:
    """The value that the answer, or else its last fenced block, is."""
    try:
        return _parse_json(answer)
    except json.JSONDecodeError:
        blocks: list[str] = _FENCED.findall(answer)
        if not blocks:
            raise
        return _parse_json(blocks[-1])


def _parse_json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise json.JSONDecodeError(f"{name} is no JSON", text, text.index(name))

    return json.loads(text, parse_constant=refuse)


def _find_schema_error(value: Any, schema: Any) -> str:
    # Only here: a pattern needs the standard library alone, and starts in a tenth of the time.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry

    # A registry of its own, or references would be fetched from the network.
    validator = validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())
    error = best_match(validator.iter_errors(value))
    return f"at {error.json_path}: {error.message}" if error else ""


if __name__ == "__main__":
    why = " ".join(explain_mismatch(json.loads(sys.stdin.buffer.read())).split())
    sys.stdout.buffer.write(why[:LONGEST_REASON].encode(errors="replace"))
    sys.exit(DIFFERS if why else MATCHES)
