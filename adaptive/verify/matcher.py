"""Whether an answer has a form: a script of its own, so that it can be killed. Some forms take for ever to match.

Its input is one JSON object with `answer` and either `pattern` (a regular expression) or `schema` (a JSON schema).
Its exit code is 0 if the answer has the form. It is 3 if not, and the reason is printed. Any other is a failure.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

MATCHES, DIFFERS = 0, 3
LONGEST_REASON = 1000  # characters: a reason may quote the answer

# The last fenced block that is marked as JSON: what comes last is the answer.
_FENCED = re.compile(r"^[ \t]*```json[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)


def explain_mismatch(request: dict[str, Any]) -> str:
    """Return why the answer does not have the form, "" if it has."""
    if "pattern" in request:
        match = re.fullmatch(request["pattern"], request["answer"].strip())
        return "" if match else "the answer does not match the pattern"
    try:
        value = _parse_value(request["answer"])
    except json.JSONDecodeError as error:
        return f"the answer is not JSON ({error})"
    return _find_schema_error(value, request["schema"])


def _parse_value(answer: str) -> Any:
    """Return the JSON value of the answer, or else of its last fenced block."""
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
    # Imported here: a pattern needs only the standard library, and starts in a tenth of the time.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry

    # With the default registry, references would be fetched from the network.
    validator = validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())
    error = best_match(validator.iter_errors(value))
    return f"at {error.json_path}: {error.message}" if error else ""


if __name__ == "__main__":
    why = " ".join(explain_mismatch(json.loads(sys.stdin.buffer.read())).split())
    sys.stdout.buffer.write(why[:LONGEST_REASON].encode(errors="replace"))
    sys.exit(DIFFERS if why else MATCHES)
