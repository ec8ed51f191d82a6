"""Text from elsewhere (an error, a program's output, an address) made fit to be shown: one short line, no keys."""

from __future__ import annotations

import re
from collections.abc import Iterable

from adaptive.errors import AdaptiveError, to_single_line

MAX_CHARACTERS = 160
"""Characters that are shown."""

_READ = 2000  # no more of a text is looked at
_LOGIN_IN_TEXT = re.compile(r"(?<=://)(?:[^\s/:]*:[^/]*|[^\s/]+)(?=@)")  # after a colon also what has blanks
_LOGIN_IN_ADDRESS = re.compile(r"(?<=://)[^/]+(?=@)")  # a password can have a blank, and an @
_SECRET_FOLLOWS = r"key|token|secret|password|passwd|authorization|credentials?"
_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",]+"), r"\1 ***"),
    (re.compile(rf"(?i)((?:{_SECRET_FOLLOWS})(?: \w+)?['\"]?\s*[:=]\s*['\"]?)[^\s'\",&]+"), r"\1***"),
    (re.compile(r"(?i)\b(?:sk|pk|rk|gsk|xai|hf|gh[opsu]|github_pat|glpat|pplx|nvapi|lsv2)[-_][\w.*-]+"), "***"),
    (re.compile(r"\b(?:AIza|AKIA|ASIA|eyJ)[\w.-]{8,}"), "***"),
    (_LOGIN_IN_TEXT, "***"),
)
_LONG_RUN = (re.compile(r"\b(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{32,}"), "***")  # with digits: no word
_LONG_WORD = (re.compile(r"\b(?=[A-Za-z_]*[0-9])[A-Za-z0-9_]{24,}"), "***")


def redact_text(text: str) -> str:
    """Return `text` on one line, shortened, without control characters, its likely keys masked."""
    return _redact(text, (*_SECRETS, _LONG_RUN))


def explain_failure(error: Exception) -> str:
    """Return what a warning says of an error: our own sentence, or the redacted text of another's."""
    return str(error) if isinstance(error, AdaptiveError) else redact_error(error)


def redact_name(text: str) -> str:
    """Return the name of a model as `redact_text` does, but words that hyphens join are no key."""
    return _redact(text, (*_SECRETS, _LONG_WORD))


def _redact(text: str, secrets: Iterable[tuple[re.Pattern[str], str]]) -> str:
    line = to_single_line("".join(c if c.isprintable() else " " for c in text[:_READ]))
    for pattern, mask in secrets:
        line = pattern.sub(mask, line)
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"


def redact_error(error: BaseException) -> str:
    """Return the type of an error and the first line of its message, redacted."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {redact_text(lines[0])}" if lines else type(error).__name__


def redact_address(text: str) -> str:
    """Return text, such as a model spec, without the user and password of the addresses in it; all else stays."""
    return _LOGIN_IN_ADDRESS.sub("***", text)
