"""Two runs beside each other: what they cost and got right, on the questions that both answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.answers.equality import same_answer
from adaptive.errors import AdaptiveError
from adaptive.learn.data.observations import observe_solve
from adaptive.profile.features import normalise_question
from adaptive.solve_log import LoggedSolve
from adaptive.view.timeline import DAMAGED


@dataclass(frozen=True)
class RunFigures:
    """What one run did on the shared questions, in the mean of a question.

    accepted: the share of accepted answers. right: how many are right of the `graded` ones, of which somebody
    knows. attempts, tokens, seconds, cost: a question's; cost is None if one is not known.
    """

    accepted: float
    right: int
    graded: int
    attempts: float
    tokens: float
    seconds: float
    cost: float | None

    @property
    def share_right(self) -> float | None:
        """The share of graded answers that are right; None if none is graded."""
        return self.right / self.graded if self.graded else None


@dataclass(frozen=True)
class SharedQuestion:
    """A question that both runs answered, with the newest solve of each, and whether these are right."""

    question: str
    first: LoggedSolve
    second: LoggedSolve
    first_right: bool | None
    second_right: bool | None
    same: bool

    @property
    def tokens(self) -> tuple[int, int]:
        """What each took."""
        first, second = (solve.result["usage"]["total"] for solve in (self.first, self.second))
        return first, second


@dataclass(frozen=True)
class RunComparison:
    """Two runs. questions: those that both answered, the ones with different answers first."""

    first: RunFigures
    second: RunFigures
    questions: Sequence[SharedQuestion]
    only_first: int
    only_second: int

    @property
    def differing(self) -> int:
        """How many questions have different answers."""
        return sum(not one.same for one in self.questions)

    @property
    def mended(self) -> int:
        """How many questions only the second has right, of those that are graded in both."""
        return sum(one.first_right is False and one.second_right is True for one in self.questions)

    @property
    def broken(self) -> int:
        """How many questions only the first has right, of those that are graded in both."""
        return sum(one.first_right is True and one.second_right is False for one in self.questions)


def compare_runs(first: Sequence[LoggedSolve], second: Sequence[LoggedSolve]) -> RunComparison | None:
    """Return the comparison of two runs, the solves of each oldest first; None if they share no question.

    Raises:
        AdaptiveError: A solve is damaged.
    """
    try:
        return _compare(_take_newest(first), _take_newest(second))
    except DAMAGED as error:
        raise AdaptiveError(f"a solve of these runs is damaged ({error!r}).") from error


def _take_newest(solves: Sequence[LoggedSolve]) -> dict[str, LoggedSolve]:
    return {normalise_question(solve.result["question"]): solve for solve in solves}


def _compare(first: dict[str, LoggedSolve], second: dict[str, LoggedSolve]) -> RunComparison | None:
    shared = [_pair(first[key], second[key]) for key in first if key in second]
    if not shared:
        return None
    shared.sort(key=lambda one: (one.same, one.first.id))
    return RunComparison(
        _measure([one.first for one in shared], [one.first_right for one in shared]),
        _measure([one.second for one in shared], [one.second_right for one in shared]),
        shared,
        len(first) - len(shared),
        len(second) - len(shared),
    )


def _pair(first: LoggedSolve, second: LoggedSolve) -> SharedQuestion:
    answers = first.result["answer"], second.result["answer"]
    same = same_answer(*answers) if None not in answers else answers[0] == answers[1]
    return SharedQuestion(first.result["question"], first, second, _grade(first), _grade(second), same)


def _grade(solve: LoggedSolve) -> bool | None:
    observation = observe_solve(solve)
    return None if observation is None else observation.right


def _measure(solves: Sequence[LoggedSolve], grades: Sequence[bool | None]) -> RunFigures:
    results: list[dict[str, Any]] = [solve.result for solve in solves]
    usages, count = [one["usage"] for one in results], len(results)
    costs = [one.get("cost") for one in usages]
    return RunFigures(
        accepted=sum(one.get("accepted") is True for one in results) / count,
        right=sum(one is True for one in grades),
        graded=sum(one is not None for one in grades),
        attempts=sum(len(one["attempts"]) for one in results) / count,
        tokens=sum(one["total"] for one in usages) / count,
        seconds=sum(one["seconds"] for one in usages) / count,
        cost=None if None in costs else sum(costs) / count,
    )
