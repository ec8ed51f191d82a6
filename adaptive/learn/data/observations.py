"""Observations: logged solves of which it is known whether the answer was right, as rows to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from adaptive._util.redact import redact_address
from adaptive.solve_log import LoggedSolve, SolveLog

Source = Literal["user", "reference", "verdict"]
DECISIVE = ("check", "judge")
"""Verifiers that know more of an answer than how it came about: their word is an observation."""


@dataclass(frozen=True)
class Observation:
    """A solve's answer, whether it is right, by whose word, and what was predicted of it.

    reference: a right answer, None where none is known. rung, effort, budget, waits, arm: of the attempt whose
    answer was kept. model: which wrote it. p_solved: P(solved) at each rung, as predicted before anything was
    bought, for the model that was asked first; `predicted` that at the kept rung, None where nothing was predicted
    for it. score, verifier, accepted: the kept answer's verdict; without one they are None, "" and False.
    Probabilities are in 0..1.
    """

    id: int
    question: str
    answer: str | None
    right: bool
    source: Source
    reference: str | None
    rung: int
    effort: str
    budget: int
    waits: int
    arm: str
    p_solved: tuple[float, ...]
    predicted: float | None
    score: float | None
    verifier: str
    accepted: bool
    model: str
    profile: str

    @property
    def by_verdict(self) -> bool:
        """Whether all that is known is what the verdict said: then it is no test of that verdict."""
        return self.source == "verdict"


def read_observations(store: SolveLog, search: str | None = None) -> list[Observation]:
    """The solves in the log that something was observed of, oldest first; `search` as in `Store.recent`.

    The user's word counts before a reference that came with the question, and that before the verdict of a check
    or a judge that could tell.
    """
    return [found for solve in store.list_recent(0, search) if (found := _make_observation(solve)) is not None]


def _make_observation(solve: LoggedSolve) -> Observation | None:
    result = solve.result
    if (known := _find_grade(solve)) is None:
        return None
    (right, source), kept = known, _get_kept_attempt(result)
    verdict, p_solved = kept["verdict"] or {}, tuple(result["difficulty"]["p_solved"])
    own = redact_address(kept.get("model", result["model"])) == result["model"] and kept["rung"] < len(p_solved)
    return Observation(
        id=solve.id,
        question=result["question"],
        answer=result["answer"],
        right=right,
        source=source,
        reference=_find_reference(solve, right),
        rung=kept["rung"],
        effort=kept["effort"],
        budget=kept["budget"],
        waits=kept["waits"],
        arm=kept["arm"],
        p_solved=p_solved,
        predicted=p_solved[kept["rung"]] if own else None,
        score=verdict.get("score"),
        verifier=verdict.get("verifier", ""),
        accepted=bool(verdict.get("accepted")),
        model=redact_address(kept.get("model", result["model"])),
        profile=result["profile"],
    )


def _get_kept_attempt(result: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = result["attempts"][result["kept"]]
    return kept


def _find_grade(solve: LoggedSolve) -> tuple[bool, Source] | None:
    """Whether the answer is right, and who says so; None where nobody does."""
    if (word := solve.feedback.get("user")) is not None:
        return word.right, "user"
    if (reference := solve.result.get("reference")) is not None:
        return bool(reference["right"]), "reference"
    verdict = _get_kept_attempt(solve.result)["verdict"]
    if verdict and verdict["verifier"] in DECISIVE and verdict.get("decided", True):
        return bool(verdict["accepted"]), "verdict"
    return None


def _find_reference(solve: LoggedSolve, right: bool) -> str | None:
    """A right answer: as the user gave it, as it came with the question, or ours.

    A reference that is at odds with the user's word is none.
    """
    word, came = solve.feedback.get("user"), solve.result.get("reference")
    if word is not None and word.answer is not None:
        return word.answer
    if came is not None and came["right"] == right:
        return str(came["answer"])
    return solve.result["answer"] if right else None
