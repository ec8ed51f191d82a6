"""Observations: logged solves whose answer is known to be right or wrong, as rows to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from adaptive._util.redact import redact_address
from adaptive.solve_log import LoggedSolve, SolveLog, explain_damage
from adaptive.types.from_json import check_made

Source = Literal["user", "reference", "verdict"]
DECISIVE = ("check", "judge")
"""Verifiers that look at the answer itself, not at how it came about: their verdict is an observation."""


@dataclass(frozen=True)
class Observation:
    """A solve's answer, whether it is right, and what was predicted.

    source: who says whether it is right. reference: a right answer, or None.
    rung, effort, budget, waits, arm, model: of the attempt whose answer was selected.
    p_solved: the first model's P(solved) at each rung, predicted before the first attempt.
    predicted: the one at the selected rung, or None if there is none for it.
    score, verifier, accepted: the selected answer's verdict; without one they are None, "" and False.
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
        """Whether only the verdict says so: then the observation is no test of that verdict."""
        return self.source == "verdict"


def read_observations(store: SolveLog, search: str | None = None) -> list[Observation]:
    """Return the observed solves in a log, oldest first; `search` is that of `SolveLog.list_recent`.

    The user's feedback counts before the question's reference, and that before the verdict of a check or a judge.
    """
    observations = map(observe_solve, store.list_recent(0, search))
    return [one for one in observations if one is not None]


def observe_solve(solve: LoggedSolve) -> Observation | None:
    """Return the observation of a solve; None if nobody knows whether its answer is right.

    Raises:
        AdaptiveError: The solve is damaged.
    """
    with explain_damage(solve):
        if (grade := _find_grade(solve)) is None:
            return None
        observation = _build_observation(solve, *grade)
        check_made(Observation, observation, "the solve")
        if not all(0 <= one <= 1 for one in observation.p_solved):
            raise ValueError("a probability is not in 0..1")
        return observation


def _build_observation(solve: LoggedSolve, right: bool, source: Source) -> Observation:
    result, selected = solve.result, _get_kept_attempt(solve.result)
    verdict, p_solved = selected["verdict"] or {}, tuple(result["difficulty"]["p_solved"])
    own = redact_address(selected.get("model", result["model"])) == result["model"] and selected["rung"] < len(
        p_solved
    )
    return Observation(
        id=solve.id,
        question=result["question"],
        answer=result["answer"],
        right=right,
        source=source,
        reference=_find_reference(solve, right),
        rung=selected["rung"],
        effort=selected["effort"],
        budget=selected["budget"],
        waits=selected["waits"],
        arm=selected["arm"],
        p_solved=p_solved,
        predicted=p_solved[selected["rung"]] if own else None,
        score=verdict.get("score"),
        verifier=verdict.get("verifier", ""),
        accepted=bool(verdict.get("accepted")),
        model=redact_address(selected.get("model", result["model"])),
        profile=result["profile"] or "",
    )


def _get_kept_attempt(result: dict[str, Any]) -> dict[str, Any]:
    selected: dict[str, Any] = result["attempts"][result["kept"]]
    return selected


def _find_grade(solve: LoggedSolve) -> tuple[bool, Source] | None:
    """Return whether the answer is right, and who says so; None if nobody does."""
    if (feedback := solve.feedback.get("user")) is not None:
        return feedback.right, "user"
    reference = solve.result.get("reference")
    if reference is not None and reference["right"] is not None:  # None: it could not be graded
        return bool(reference["right"]), "reference"
    verdict = _get_kept_attempt(solve.result)["verdict"]
    if verdict and verdict["verifier"] in DECISIVE and verdict.get("decided", True):
        return bool(verdict["accepted"]), "verdict"
    return None


def find_right_answer(solve: LoggedSolve) -> str | None:
    """Return a right answer that somebody gave; None if there is none. A verdict's word is not enough.

    It is the user's, that of the question's reference, or ours if the user says that it is right. A reference that
    contradicts the user's feedback does not count.
    """
    feedback, reference = solve.feedback.get("user"), solve.result.get("reference")
    if feedback is not None and feedback.answer is not None:
        return feedback.answer
    if reference is not None and (feedback is None or reference["right"] in (None, feedback.right)):
        return str(reference["answer"])
    answer: str | None = solve.result["answer"]
    return answer if feedback is not None and feedback.right else None


def _find_reference(solve: LoggedSolve, right: bool) -> str | None:
    """Return a right answer: one that somebody gave, or ours; None if there is none."""
    given = find_right_answer(solve)
    return solve.result["answer"] if given is None and right else given
