"""The result object (design §8) as what a user reads: answer, complaints, usage, exit code."""

from __future__ import annotations

import re
from typing import Any

from adaptive.cli.support.errors import ACCEPTED, FAILED, NOT_ACCEPTED, STARVED
from adaptive.policy.limits import is_limit_stop

Result = dict[str, Any]

# Worst first: what a run over many questions exits with.
SEVERITY = (FAILED, STARVED, NOT_ACCEPTED, ACCEPTED)

EMBEDDED_HINT = (
    "The embedded model only knows arithmetic and short word problems: for anything else name a real model, "
    "such as -m hf:Qwen/Qwen3-0.6B, or -m http://localhost:8000/v1 for a server ('adaptive models' lists them)."
)


def get_exit_code(result: Result) -> int:
    """The exit code that tells how a solve ended."""
    by_status = {"failed": FAILED, "starved": STARVED}
    return by_status.get(result["status"], ACCEPTED if result["accepted"] else NOT_ACCEPTED)


def format_answer(result: Result) -> str:
    """The answer; where none could be extracted, all that the model replied."""
    return to_printable(str(result["text"] if result["answer"] is None else result["answer"]).strip())


def format_complaints(result: Result) -> list[str]:
    """What stderr says of an answer that was not accepted, a line each; nothing of one that was."""
    code = get_exit_code(result)
    if code == ACCEPTED:
        return []
    said = {
        STARVED: f"Starved: the room for the answer ended before the answer did{_format_advice(result)}.",
        FAILED: f"Failed: {_explain_verdict(result)}.",
        NOT_ACCEPTED: f"Not accepted: {_explain_verdict(result)}.",
    }[code]
    return [said, *_explain_stop(result["stopped"]), *([EMBEDDED_HINT] if result["model"] == "embedded" else [])]


def format_usage(usage: dict[str, Any]) -> str:
    """Everything that was spent, in one line; `~` marks what was not counted exactly."""
    names = ("prompt", "cached", "thinking", "injected", "answer", "probe", "verifier")
    estimated = usage.get("estimated", ())
    parts = [f"{'~' if name in estimated else ''}{usage[name]} {name}" for name in names if usage.get(name)]
    about = "~" if "cost" in estimated else ""
    cost = "cost not known" if usage.get("cost") is None else f"cost {about}{usage['cost']:.6g}"
    return f"Usage: {usage['total']} tokens ({', '.join(parts)}), {usage['seconds']:.2f} s, {cost}"


def to_printable(text: str) -> str:
    """Text that cannot steer a terminal: control characters other than line breaks and tabs are replaced."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text)


def to_one_line(text: str, length: int | None = None) -> str:
    """Printable text without line breaks, cut to `length` characters."""
    line = to_printable(" ".join(text.split()))
    return line if length is None or len(line) <= length else line[: length - 1] + "…"


def _format_advice(result: Result) -> str:
    """What would have sufficed, where that is known."""
    advice = result["attempts"][result["kept"]].get("advice")
    return f"; {advice} would do" if advice else ""


def _explain_stop(stopped: str) -> list[str]:
    """Why nothing more was tried, where that is no matter of course."""
    said = f"Given up as {stopped}." if stopped.startswith("hopeless") else f"Stopped: {stopped}."
    return [to_one_line(said)] if stopped.startswith("hopeless") or is_limit_stop(stopped) else []


def _explain_verdict(result: Result) -> str:
    """Why the answer was not accepted: the verdict on the attempt that gave it."""
    verdict = result["attempts"][result["kept"]]["verdict"]
    if not verdict:
        return "nothing judged it"
    return to_one_line(f"{verdict['reason'].rstrip('.')} ({verdict['verifier']}, score {verdict['score']:.2f})")
