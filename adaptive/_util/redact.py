"""What others say (an error, a program's output, a model's reason) made fit to be shown: a short line, no keys."""

from __future__ import annotations

import re

from adaptive.errors import to_single_line

MAX_CHARACTERS = 160
"""Characters that are shown."""

_READ = 2000  # no more of a text is looked at
_SECRET_FOLLOWS = r"key|token|secret|password|passwd|authorization|credentials?"
_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",]+"), r"\1 ***"),
    (re.compile(rf"(?i)((?:{_SECRET_FOLLOWS})(?: \w+)?['\"]?\s*[:=]\s*['\"]?)[^\s'\",&]+"), r"\1***"),
    (re.compile(r"(?i)\b(?:sk|pk|rk|gsk|xai|hf|gh[opsu]|github_pat|glpat|pplx|nvapi|lsv2)[-_][\w.*-]+"), "***"),
    (re.compile(r"\b(?:AIza|AKIA|ASIA|eyJ)[\w.-]{8,}"), "***"),
    (re.compile(r"(?<=://)[^\s/@]+@"), "***@"),
    (re.compile(r"\b(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{32,}"), "***"),  # a long run with digits: no word
)


def redact_text(text: str) -> str:
    """`text` on one line, shortened, without control characters, and with what looks like a key masked."""
    line = to_single_line("".join(c if c.isprintable() else " " for c in text[:_READ]))
    for pattern, mask in _SECRETS:
        line = pattern.sub(mask, line)
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"


def redact_error(error: BaseException) -> str:
    """The type of an error and the first line of what it says, to be shown."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {redact_text(lines[0])}" if lines else type(error).__name__


def redact_address(model: str) -> str:
    """A model spec without the user and password its address may hold."""
    return re.sub(r"(?<=://)[^/@\s]+(?=@)", "***", model)
