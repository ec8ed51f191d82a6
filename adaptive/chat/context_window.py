"""The room that a context window leaves for a completion. Refusals of requests that did not fit tell it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

PROMPT_MARGIN = 1.25
"""By which an estimate of a prompt's tokens is multiplied."""
FRAME_TOKENS = 64
"""Of what stands around the messages of a prompt."""

# The window, and the tokens of the prompt, in the words of OpenAI and vLLM, of Anthropic, and of Together.
_PATTERNS = (
    re.compile(
        r"maximum (?:context|model) length (?:is|of) (?P<window>[\d,]+).*?"
        r"(?P<prompt>[\d,]+) (?:tokens )?(?:in the messages|in your prompt|input tokens|from the input)",
        re.DOTALL,
    ),
    re.compile(r"(?P<prompt>[\d,]+) \+ [\d,]+ > (?P<window>[\d,]+)"),
    re.compile(r"must be <= (?P<window>[\d,]+).*?(?P<prompt>[\d,]+) `?inputs`? tokens", re.DOTALL),
)


@dataclass(frozen=True)
class WindowRefusal:
    """What the refusal of a request tells: the tokens of the context window, and of the request's prompt."""

    window: int
    prompt: int

    @property
    def room(self) -> int:
        """Most tokens of the request's completion."""
        return self.window - self.prompt


def read_window_refusal(text: str) -> WindowRefusal | None:
    """Return what a provider's error text tells; None if it tells less, or the prompt alone is too long."""
    words = text.lower()
    for pattern in _PATTERNS:
        if match := pattern.search(words):
            window, prompt = (int(match[name].replace(",", "")) for name in ("window", "prompt"))
            return WindowRefusal(window, prompt) if window > prompt else None
    return None


def estimate_room(window: int | None, prompt: int) -> int | None:
    """Return the tokens that a context window leaves for a completion.

    Args:
        window: Tokens of the window; None if unknown.
        prompt: Tokens of the prompt, estimated.

    Returns:
        None if that is less than half of the window: the estimate may be wrong by much, a refusal costs nothing
        and tells the room exactly, and a cap that is too small starves a call that is paid.
    """
    if window is None:
        return None
    room = window - math.ceil(prompt * PROMPT_MARGIN) - FRAME_TOKENS
    return room if 2 * room >= window else None
