"""One solve as a timeline: its attempts with their rounds, probes, verdicts and costs, drawn to one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adaptive.errors import AdaptiveError
from adaptive.solve_log import LoggedSolve
from adaptive.types.usage import TOKEN_FIELDS
from adaptive.view.thinking import ThinkingPiece, split_forced_thinking
from adaptive.view.words import ARMS, ROUND_ENDS

SCALE = 1000
"""The width of a bar, in the units of its drawing."""
FAR = 3
"""A budget that is so many times the longest chain is not drawn: nothing else could be seen beside it."""
LATER_FIELDS: Mapping[str, Any] = {
    "reason": "", "cap": None, "base": None, "probes": (), "text": "", "thinking": "", "status": "answered",
}  # fmt: skip
USAGE_FIELDS: Mapping[str, Any] = {
    **dict.fromkeys(TOKEN_FIELDS, 0),
    "seconds": None,
    "cost": None,
    "estimated": (),
}
"""What older results, and attempts that another program wrote, may lack; of an attempt, and of its usage."""
DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


@dataclass(frozen=True)
class BarPart:
    """A stretch of a bar, from `start` on, `width` wide. kind: who wrote its tokens, and when."""

    kind: Literal["before", "own", "forced", "answer"]
    start: float
    width: float


@dataclass(frozen=True)
class RoundLine:
    """A stretch of thinking in words.

    before: whether an earlier attempt made it. at_most: whether the answer is among its tokens, because the
    provider does not count thinking apart.
    """

    tokens: int
    injected: int
    end: str
    before: bool
    at_most: bool


@dataclass(frozen=True)
class AttemptStep:
    """An attempt as a step of the timeline.

    Args:
        number: Its number, from 1.
        title: What it is, in words.
        fields: The attempt as it is in the result.
        model: Its model, if it is not the solver's own.
        rounds: The stretches of its chain.
        parts: The bar of its tokens.
        budget_at: Where on the bar its budget ends; None if that is far off or there is none.
        probes_at: Where on the bar the model was probed.
        pieces: The thinking's text.
        kept: Whether its answer was kept.
    """

    number: int
    title: str
    fields: Mapping[str, Any]
    model: str
    rounds: Sequence[RoundLine]
    parts: Sequence[BarPart]
    budget_at: float | None
    probes_at: Sequence[float]
    pieces: Sequence[ThinkingPiece]
    kept: bool

    @property
    def kinds(self) -> dict[str, int]:
        """The tokens by kind, without those of which there are none."""
        return {kind: count for kind in TOKEN_FIELDS if (count := self.fields["usage"].get(kind))}


@dataclass(frozen=True)
class SolveTimeline:
    """What is shown of a logged solve. explored: how many further attempts only measured the model."""

    solve: LoggedSolve
    steps: Sequence[AttemptStep]
    explored: int


def view_solve(solve: LoggedSolve) -> SolveTimeline:
    """Return what is shown of a logged solve; raise `AdaptiveError` if its result is damaged."""
    try:
        explored = len((solve.result.get("explored") or {}).get("attempts", ()))
        return SolveTimeline(solve, _build_steps(solve.result), explored)
    except DAMAGED as error:
        raise AdaptiveError(
            f"solve {solve.id} in the log is damaged ({type(error).__name__}: {error})."
        ) from error


def _build_steps(result: Mapping[str, Any]) -> list[AttemptStep]:
    attempts = [_fill_attempt(one) for one in result["attempts"]]
    longest = max((_count_chain(one) + _count_answer(one) for one in attempts), default=0) or 1
    budgets = [one["budget"] for one in attempts if one["rounds"] and one["budget"] <= FAR * longest]
    unit = SCALE / max([longest, *budgets])
    return [
        AttemptStep(
            number=place + 1,
            title=ARMS.get(one["arm"], one["arm"]),
            fields=one,
            model=model if (model := one.get("model", result["model"])) != result["model"] else "",
            rounds=_list_rounds(one, attempts),
            parts=_list_parts(one, attempts, unit),
            budget_at=unit * one["budget"] if one["budget"] in budgets and one["rounds"] else None,
            probes_at=[unit * probe["charged"] for probe in one.get("probes", ())],
            pieces=split_forced_thinking(one),
            kept=place == result.get("kept"),
        )
        for place, one in enumerate(attempts)
    ]


def _fill_attempt(attempt: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**LATER_FIELDS, **attempt, "usage": {**USAGE_FIELDS, **attempt["usage"]}}


def _count_chain(attempt: Mapping[str, Any]) -> int:
    return sum(one["tokens"] for one in attempt["rounds"])


def _count_answer(attempt: Mapping[str, Any]) -> int:
    """Return the tokens of an answer; 0 if the rounds hold them, because thinking is not counted apart."""
    is_in_rounds = attempt["usage"]["thinking"] is None and attempt["rounds"]
    return 0 if is_in_rounds else int(attempt["usage"]["answer"])


def _count_before(attempt: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> int:
    """Return how many tokens of an attempt's chain an earlier attempt made."""
    base = attempt.get("base")
    return 0 if base is None else min(_count_chain(attempts[base]), _count_chain(attempt))


def _list_rounds(attempt: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> list[RoundLine]:
    before, lines, place = _count_before(attempt, attempts), list[RoundLine](), 0
    for one in attempt["rounds"]:
        place += one["tokens"]
        end = ROUND_ENDS.get(one["end"], one["end"])
        at_most = attempt["usage"]["thinking"] is None
        lines.append(RoundLine(one["tokens"], one["injected"], end, place <= before, at_most))
    return lines


def _list_parts(attempt: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], unit: float) -> list[BarPart]:
    """Return the stretches of the bar; a round begins with what was injected."""
    before, parts, place = _count_before(attempt, attempts), list[BarPart](), 0
    for one in attempt["rounds"]:
        for forced, count in ((True, one["injected"]), (False, one["tokens"] - one["injected"])):
            old = min(count, max(0, before - place))
            kind: Literal["forced", "own"] = "forced" if forced else "own"
            parts += [BarPart("before", unit * place, unit * old)] if old else []
            parts += [BarPart(kind, unit * (place + old), unit * (count - old))] if count > old else []
            place += count
    answer = _count_answer(attempt)
    return [*parts, *([BarPart("answer", unit * place, unit * answer)] if answer else [])]
