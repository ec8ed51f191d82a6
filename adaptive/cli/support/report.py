"""The result of a solve as a user reads it: answer, complaints, usage and exit code."""

from __future__ import annotations

import re
from typing import Any

from adaptive.cli.support.errors import ACCEPTED, FAILED, NOT_ACCEPTED, STARVED
from adaptive.policy.limits import is_limit_stop

Result = dict[str, Any]

# Worst first: a run over many questions exits with the worst.
SEVERITY = (FAILED, STARVED, NOT_ACCEPTED, ACCEPTED)

EMBEDDED_HINT = (
    "The embedded model only knows arithmetic and a few forms of word problems: for anything else name a real "
    "model, such as -m hf:Qwen/Qwen3-0.6B, or -m http://localhost:8000/v1 for a server ('adaptive models' "
    "lists them)."
)


def get_exit_code(result: Result, *, require_verified: bool = False) -> int:
    """Return the exit code of a solve. An answer that is not verified counts as accepted, unless it must not."""
    accepted = not require_verified if result["accepted"] is None else result["accepted"]
    by_status = {"failed": FAILED, "starved": STARVED}
    return by_status.get(result["status"], ACCEPTED if accepted else NOT_ACCEPTED)


def format_answer(result: Result) -> str:
    """Return the answer, or the whole reply if no answer could be extracted."""
    return to_printable(str(result["text"] if result["answer"] is None else result["answer"]).strip())


def format_complaints(result: Result) -> list[str]:
    """Return the lines on stderr for an answer that was not accepted; none for an accepted one."""
    code = get_exit_code(result)
    if code == ACCEPTED and result["accepted"] is None:
        return [_format_unverified(result), *(_list_hints(result) if _is_outside(result) else ())]
    if code == ACCEPTED:
        return []
    complaint = {
        STARVED: f"Starved: the room for the answer ended before the answer did{_format_advice(result)}.",
        FAILED: f"Failed: {_explain_verdict(result)}.",
        NOT_ACCEPTED: f"Not accepted: {_explain_verdict(result)}.",
    }[code]
    return [
        complaint,
        *_explain_stop(result["stopped"]),
        *_list_hints(result),
    ]


def _format_unverified(result: Result) -> str:
    from adaptive.profile.domain import UNLIKE  # imports numpy, which --help does not wait for

    why = explain_unverified(result)
    if why == UNLIKE:
        why = f"the question is {UNLIKE}, so it is not known how often such an answer is right"
    return f"Not verified: {why}."


def _is_outside(result: Result) -> bool:
    return bool(result["difficulty"].get("outside"))


def _list_hints(result: Result) -> list[str]:
    return [EMBEDDED_HINT] if result["model"] == "embedded" else []


def format_usage(usage: dict[str, Any]) -> str:
    """Return the usage in one line; `~` marks estimates, and thinking that is not counted apart is unknown."""
    names = ("prompt", "cached", "written", "thinking", "injected", "answer", "probe", "verifier")
    estimated = usage.get("estimated", ())
    parts = [f"{'~' if name in estimated else ''}{usage[name]} {name}" for name in names if usage.get(name)]
    parts += ["thinking unknown"] if "thinking" in usage and usage["thinking"] is None else []
    about = "~" if "cost" in estimated else ""
    cost = "cost not known" if usage.get("cost") is None else f"cost {about}{usage['cost']:.6g}"
    return f"Usage: {usage['total']} tokens ({', '.join(parts)}), {usage['seconds']:.2f} s, {cost}"


def to_printable(text: str) -> str:
    """Return text that cannot control a terminal: only line breaks and tabs stay of control characters."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text)


def to_one_line(text: str, length: int | None = None) -> str:
    """Return printable text in one line, cut to `length` characters."""
    line = to_printable(" ".join(text.split()))
    return line if length is None or len(line) <= length else line[: length - 1] + "…"


def _format_advice(result: Result) -> str:
    """The effort and cap that would suffice, if known."""
    advice = result["attempts"][result["kept"]].get("advice")
    return f"; {advice} would do" if advice else ""


def _explain_stop(stopped: str) -> list[str]:
    """Why the solve gave up, or the limit that stopped it."""
    sentence = f"Given up as {stopped}." if stopped.startswith("hopeless") else f"Stopped: {stopped}."
    return [to_one_line(sentence)] if stopped.startswith("hopeless") or is_limit_stop(stopped) else []


def explain_unverified(result: Result) -> str:
    """Return why the answer is not verified."""
    verdict = result["attempts"][result["kept"]]["verdict"]
    reason = verdict["reason"] if verdict else "nothing judged it"
    return to_one_line(reason.removeprefix("not verified: ").rstrip("."))


def _explain_verdict(result: Result) -> str:
    """Why the answer was not accepted: its attempt's verdict."""
    verdict = result["attempts"][result["kept"]]["verdict"]
    if not verdict:
        return "nothing judged it"
    return to_one_line(f"{verdict['reason'].rstrip('.')} ({verdict['verifier']}, score {verdict['score']:.2f})")
