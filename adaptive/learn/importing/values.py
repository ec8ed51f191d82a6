"""Values of a log's row: found by a dotted path, and read as text, as a number of tokens or as a verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from adaptive.errors import InputError, to_single_line

RIGHT = frozenset({"true", "yes", "right", "correct", "pass", "passed", "c", "1", "1.0"})
WRONG = frozenset({"false", "no", "wrong", "incorrect", "fail", "failed", "i", "n", "0", "0.0"})
PARTLY = frozenset({"p", "partial"})
UNKNOWN = frozenset({"", "nan", "null", "none"})
MISSING = object()


def find_value(row: Any, path: str) -> Any:
    """Return the value at a dotted path ("usage.output", "choices.0.text"); None if it is not there.

    A name with dots in it is found first. A text on the way that is JSON is read.
    """
    found = _step_into(row, path)
    return None if found is MISSING else found


def _step_into(value: Any, path: str) -> Any:
    if isinstance(value, str):
        value = parse_json(value)
    if isinstance(value, Mapping):
        if path in value:
            return value[path]
        parts = path.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            head, rest = ".".join(parts[:cut]), ".".join(parts[cut:])
            if head in value and (found := _step_into(value[head], rest)) is not MISSING:
                return found
    elif isinstance(value, Sequence) and not isinstance(value, str):
        head, dot, rest = path.partition(".")
        if head.isascii() and head.isdigit() and int(head) < len(value):
            return _step_into(value[int(head)], rest) if dot else value[int(head)]
    return MISSING


def find_first(row: Any, *paths: str) -> Any:
    """Return the first value of these paths that is there and not None."""
    return next((value for path in paths if (value := find_value(row, path)) is not None), None)


def parse_json(text: Any) -> Any:
    """Return what a text that is JSON means; anything else unchanged."""
    if not isinstance(text, str) or text[:1].strip() not in ("{", "[", '"'):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def to_text(value: Any) -> str:
    """Return a value as text without white space around it: of a list its only item, of None "".

    Characters that no file of outcomes can hold are replaced.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd").strip()


def to_count(value: Any, name: str, where: str) -> int | None:
    """Return a number of tokens; None if there is none. Raise `InputError` if it is no number of tokens."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < 2**53 or number != int(number):
        raise InputError(f"{where} has the {name} {_show(value)}, which is no number of tokens: mend the row.")
    return int(number)


def add_apart_thinking(
    output: int | None, thinking: int | None, prompt: int | None, total: int | None
) -> int | None:
    """Return all output tokens: with the thinking, if the log counts that apart from the output.

    Some APIs count thinking within the output, others (Gemini's) beside it. Which it is tells the total, or a
    thinking that is longer than the output.

    Args:
        output: The output tokens.
        thinking: The thinking tokens.
        prompt: The tokens of the prompt.
        total: All tokens.
    """
    if output is None or thinking is None:
        return output
    apart = thinking > output or (total is not None and (prompt or 0) + output + thinking == total)
    return output + thinking if apart else output


def to_cost(value: Any, where: str) -> float | None:
    """Return the dollars that were paid; None if that is not known, as where a log says 0.

    Raises:
        InputError: It is no sum of money.
    """
    if value is None or value == "":
        return None
    try:
        dollars = float(value)
    except (TypeError, ValueError):
        dollars = -1.0
    if math.isnan(dollars):
        return None
    if isinstance(value, bool) or not 0 <= dollars < math.inf:
        raise InputError(f"{where} has the cost {_show(value)}, which is no number of dollars: mend the row.")
    return dollars or None


def to_verdict(value: Any, right_from: float | None, where: str) -> bool | None:
    """Return whether an answer is right, by a verdict as tools write it; None if there is no verdict.

    Args:
        value: True, "yes", "correct", "C", 1, a share of the points in 0..1, and so on.
        right_from: The least number that is right; None: 1, and numbers beyond 0..1 are refused.
        where: The row's place, for errors.
    """
    word = value.strip().lower() if isinstance(value, str) else None
    if value is None or word in UNKNOWN:
        return None
    if isinstance(value, bool):
        return value
    if word in RIGHT | WRONG | PARTLY:
        number = 1.0 if word in RIGHT else 0.0 if word in WRONG else 0.5
    else:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.inf
    if math.isnan(number):
        return None
    if not math.isfinite(number) or (right_from is None and not 0 <= number <= 1):
        raise InputError(
            f"{where} has the verdict {_show(value)}, which is neither right nor wrong: name another field, or "
            "the least number that is right with --right-from."
        )
    return number >= (1.0 if right_from is None else right_from)


def _show(value: Any) -> str:
    return repr(to_single_line(value, 40))


def read_turns(messages: Any) -> str:
    """Return the question that messages ask: the text of the only turn, or all turns with their roles.

    A system message is no part of the question.
    """
    messages = parse_json(messages)
    if isinstance(messages, Mapping) and "messages" in messages:
        messages = messages["messages"]
    if not isinstance(messages, list):
        return to_text(messages)
    turns = [(to_text(one.get("role")) or "user", read_content(one.get("content")))
             for one in messages if isinstance(one, Mapping)]  # fmt: skip
    turns = [(role, text) for role, text in turns if role not in ("system", "developer") and text]
    return turns[0][1] if len(turns) == 1 else "\n\n".join(f"{role}: {text}" for role, text in turns)


def read_content(content: Any, kinds: tuple[str, ...] = ("text", "input_text", "output_text")) -> str:
    """Return the text of a message's content, which may be a list of blocks of several kinds."""
    if not isinstance(content, list):
        return to_text(content)
    blocks = (one.get("text") for one in content if isinstance(one, Mapping) and one.get("type", "text") in kinds)
    return "\n".join(filter(None, map(to_text, blocks)))
