"""Events of a solve as lines for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adaptive.cli.support.report import to_one_line
from adaptive.types.events import Event

ENDED = {
    "natural": "ended by itself",
    "budget": "cut off at the budget",
    "context": "cut off at the context window",
    "loop": "stopped in a loop",
    "converged": "stopped, the answer repeats",
    "confident": "stopped, sure of the answer",
}
VERDICTS = {True: "accepted", False: "rejected", None: "not verified"}


def describe_event(event: Event) -> str | None:
    """Return an event of the graph's custom stream in one line; None for text as it streams and unknown events."""
    describe = _DESCRIBED.get(event["event"])
    return to_one_line(describe(event)) if describe else None


def _describe_difficulty(event: Event) -> str:
    chances = ", ".join(f"{p:.2f}" for p in event["p_solved"])  # empty without a trained model
    judged = f"difficulty {event['level']}{f' (solved by rung: {chances})' if chances else ''}"
    return f"{judged}, starts on rung {event['rung']}: {event['reason']}"


def _describe_start(event: Event) -> str:
    what = f"attempt {event['attempt'] + 1} ({event['arm']}): rung {event['rung']}"
    model = f" of {event['model']}" if "model" in event else ""
    return f"{what}{model}, effort {event['effort']}, budget {event['budget']}"


def _describe_end(event: Event) -> str:
    most = "at most " if event.get("at_most") else ""
    spent = f"{most}{event['tokens']} tokens, {event['charged']} of the budget of {event['budget']}"
    injected = f" ({event['injected']} injected)" if event["injected"] else ""
    reason = f": {event['said']}" if event.get("said") else ""
    return f"round {event['round']}: {spent}{injected}, {ENDED.get(event['end'], event['end'])}{reason}"


def _describe_recovery(event: Event) -> str:
    starved = f"starved at effort {event['starved_effort']} with a cap of {event['starved_cap']} tokens"
    return f"{starved}: once more at effort {event['effort']} with {event['cap']}"


def _describe_probe(event: Event) -> str:
    sure = "" if event["confidence"] is None else f" (confidence {event['confidence']:.2f})"
    return f"probe: {_format_answer(event)}{sure}"


def _describe_verdict(event: Event) -> str:
    word = VERDICTS[event["accepted"]]
    reason = event["reason"].removeprefix("not verified: ") if event["accepted"] is None else event["reason"]
    return f"{word} {_format_answer(event)} ({event['verifier']}, score {event['score']:.2f}): {reason}"


def _describe_vote(event: Event) -> str:
    word = "accepted" if event["accepted"] else "not accepted"
    return f"vote, led by attempt {event['attempt'] + 1}, {word}: {event['reason']}"


def _describe_escalation(event: Event) -> str:
    return f"thinks on: {event['arm']}, rung {event['rung']}: {event['reason']}"


def _format_answer(event: Event) -> str:
    return to_one_line(event["answer"] or "", 60) or "no answer"


_DESCRIBED: Mapping[str, Callable[[Event], str]] = {
    "difficulty": _describe_difficulty,
    "start": _describe_start,
    "end": _describe_end,
    "recover": _describe_recovery,
    "probe": _describe_probe,
    "verdict": _describe_verdict,
    "vote": _describe_vote,
    "escalate": _describe_escalation,
}
