"""The room that a context window leaves for a completion, as refusals of requests that did not fit tell it."""

from __future__ import annotations

import re

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


def read_completion_room(words: str) -> int | None:
    """Return the tokens that a refused request leaves for its completion.

    Args:
        words: The provider's error text, in lower case.

    Returns:
        The context window less the prompt; None if the text does not tell both, or the prompt alone is too long.
    """
    for pattern in _PATTERNS:
        if match := pattern.search(words):
            window, prompt = (int(match[name].replace(",", "")) for name in ("window", "prompt"))
            return window - prompt if window > prompt else None
    return None
