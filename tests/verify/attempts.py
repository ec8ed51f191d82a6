"""Attempts to verify."""

from __future__ import annotations

from typing import Any

from adaptive.types.attempt import Attempt


def attempt(answer: str | None = "73", confidence: float | None = 0.9, rung: int = 1, **fields: Any) -> Attempt:
    """Return an attempt of some thinking; `fields` are any others of it."""
    defaults: dict[str, Any] = {
        "arm": "first", "effort": "low", "budget": 64, "waits": 0, "status": "answered", "finish": "natural",
        "text": "" if answer is None else f"\\boxed{{{answer}}}", "thinking": "", "trace": (1, 2, 3),
    }  # fmt: skip
    return Attempt(rung=rung, answer=answer, confidence=confidence, **(defaults | fields))


def direct(answer: str | None, confidence: float | None = 0.4) -> Attempt:
    """Return a direct answer, without any thinking."""
    return attempt(answer, confidence, rung=0, effort="none", trace=(), finish="none")
