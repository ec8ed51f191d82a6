"""Asks math-verify whether two texts are the same. A script, run by `adaptive.answers.math_process`.

Each line of its input is a JSON list, the reference and the answer; each line of its output a JSON object: `same`,
and `unread`, "reference" or "answer" where that one is no maths to math-verify; or `error`. The first line is
written before any is read: `{}`, or an `error`. It has no time limit of its own: who asks it kills it.

math-verify's own limits are turned off. They are alarms of the main thread, and sympy does not see one while it
multiplies large numbers (https://github.com/huggingface/Math-Verify/issues/65).
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

MEMORY_BYTES = 2 << 30
"""The most memory it may hold (Linux): a power can be larger than any machine."""

MathVerifyCall = Callable[[str, str], dict[str, Any]]


def serve_comparisons() -> None:
    """Answer until the input ends."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    _limit_memory()
    try:
        ask = _load_math_verify()
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=told)
        return
    print("{}", file=told)
    for line in sys.stdin.buffer:
        reference, answer = json.loads(line)
        print(json.dumps(_answer_or_error(ask, reference, answer)), file=told)


def _answer_or_error(ask: MathVerifyCall, reference: str, answer: str) -> dict[str, Any]:
    try:
        return ask(reference, answer)
    except Exception as error:  # noqa: BLE001 -- sympy raises anything; it is told, not swallowed
        return {"error": type(error).__name__}  # its text may take for ever to write: it may hold the number


def _load_math_verify() -> MathVerifyCall:
    """math-verify, told to read one boxed expression and nothing else of a text."""
    logging.disable()
    from math_verify import LatexExtractionConfig, parse, verify

    boxed = [LatexExtractionConfig(try_extract_without_anchor=False, boxed_match_priority=0)]

    def read(text: str) -> list[Any]:
        # No fallback: it would be the text itself, and two texts that cannot be read would be compared as such
        # (https://github.com/huggingface/Math-Verify/issues/60).
        return parse(  # type: ignore[no-any-return]
            rf"\boxed{{{text}}}", boxed, fallback_mode="no_fallback", extraction_mode="first_match",
            parsing_timeout=None, raise_on_error=True)  # fmt: skip

    def ask(reference: str, answer: str) -> dict[str, Any]:
        gold, given = read(reference), read(answer)
        if not gold or not given:
            return {"same": False, "unread": "answer" if gold else "reference"}
        return {"same": bool(verify(gold, given, timeout_seconds=None, raise_on_error=True))}

    return ask


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        bound = MEMORY_BYTES if most == resource.RLIM_INFINITY else min(MEMORY_BYTES, most)
        resource.setrlimit(resource.RLIMIT_AS, (bound, most))


if __name__ == "__main__":
    serve_comparisons()
