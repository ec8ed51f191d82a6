"""Asks math-verify whether two texts are the same. A script, run by `adaptive.answers.math_process`.

Each line of its input is a JSON list: the reference and the answer. Each line of its output is a JSON object with
`same`, and `unread` ("reference" or "answer") if math-verify cannot read that one; or else with `error`. The first
line is written before any input is read: `{}` or an `error`. There is no time limit: the process that asks kills
this one.

math-verify's own limits are turned off. They are alarms of the main thread, which sympy does not notice while it
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
"""The most memory that the process may use (on Linux), because a power can be larger than any machine."""

MathVerifyCall = Callable[[str, str], dict[str, Any]]


def serve_comparisons() -> None:
    """Answer every line of the input until it ends."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints must not look like an answer
    _limit_memory()
    try:
        ask = _load_math_verify()
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=output)
        return
    print("{}", file=output)
    for line in sys.stdin.buffer:
        reference, answer = json.loads(line)
        print(json.dumps(_answer_or_error(ask, reference, answer)), file=output)


def _answer_or_error(ask: MathVerifyCall, reference: str, answer: str) -> dict[str, Any]:
    try:
        return ask(reference, answer)
    except Exception as error:  # noqa: BLE001 -- sympy raises anything; it is reported, not swallowed
        return {
            "error": type(error).__name__
        }  # not its text, which may contain the number and take for ever to write


def _load_math_verify() -> MathVerifyCall:
    """Return math-verify, set up to read one boxed expression of a text and nothing else."""
    logging.disable()
    from math_verify import LatexExtractionConfig, parse, verify

    boxed = [LatexExtractionConfig(try_extract_without_anchor=False, boxed_match_priority=0)]

    def read(text: str) -> list[Any]:
        # No fallback: it would return the text itself and compare two unreadable texts as such
        # (https://github.com/huggingface/Math-Verify/issues/60).
        return parse(  # type: ignore[no-any-return]
            rf"\boxed{{{text}}}", boxed, fallback_mode="no_fallback", extraction_mode="first_match",
            parsing_timeout=None, raise_on_error=True)  # fmt: skip

    def ask(reference: str, answer: str) -> dict[str, Any]:
        gold, target = read(reference), read(answer)
        if not gold or not target:
            return {"same": False, "unread": "answer" if gold else "reference"}
        return {"same": bool(verify(gold, target, timeout_seconds=None, raise_on_error=True))}

    return ask


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    serve_comparisons()
