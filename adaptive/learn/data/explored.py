"""Explored solves of a log as recorded questions: every rung of a ladder, tried while the model was used.

A solve with `Options.explore` tries the rungs that its answer did not need. Together with its own attempts, where
they are what their rung alone gives, it is a recording of its question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaptive._util.redact import redact_address
from adaptive.answers.equality import same_answer
from adaptive.answers.grader import Grader
from adaptive.errors import InputError
from adaptive.learn.data.logged_questions import find_logged_answers
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.data.questions import Question, make_question_id
from adaptive.learn.data.splits import hash_question
from adaptive.solve_log import LoggedSolve, explain_damage
from adaptive.types.attempt import Attempt
from adaptive.types.from_json import check_made
from adaptive.types.ladder import Ladder
from adaptive.types.result import Exploration, Result

INCOMPLETE = "lack a rung, which a limit left out"
OTHER_LADDER = "were explored on another ladder than the newest"
WRONG = "feedback says that the dearest rung's answer is wrong"
REPEATED = "are explored again later"


@dataclass(frozen=True)
class ExploredQuestions:
    """The explored questions of a model. labelled: of how many of them a right answer is known.

    ladder: that of the newest explored solve. left_out: how many solves were not used, by the reason in words.
    """

    ladder: Ladder
    recorded: tuple[RecordedQuestion, ...]
    labelled: int
    left_out: Mapping[str, int]

    @classmethod
    def from_solves(
        cls, solves: Sequence[LoggedSolve], model: str, grader: Grader, *, index_base: int | None = None
    ) -> ExploredQuestions:
        """Select questions, each once, by their newest complete solve.

        A right answer may come from any solve of the same question, also of another model. Without one the
        attempts stay ungraded.

        Args:
            solves: All solves of a log, oldest first.
            model: The spec of the model.
            grader: Grades where a right answer is known.
            index_base: The index of the first option, for answers that are indices of options; None for others.

        Raises:
            InputError: No solve of the model explored, or an answer may be an index, and `index_base` is None.
        """
        name = redact_address(model)
        explored = [one for one in solves if one.result["model"] == name and one.result.get("explored")]
        if not explored:
            raise InputError(
                f"no logged solve of {model} explored: solve with --explore 5% for a while, or name a file of "
                "questions."
            )
        results = {one.id: _read_result(one) for one in explored}
        ladder = _get_exploration(results[explored[-1].id]).ladder
        keys = {hash_question(one.result["question"]) for one in explored}
        asked = [one for one in solves if hash_question(one.result["question"]) in keys]
        answers, wrong, left_out = (
            find_logged_answers(asked, index_base),
            _find_wrong_answers(asked),
            Counter[str](),
        )
        recorded: dict[str, RecordedQuestion] = {}
        for solve in reversed(explored):
            key, result = hash_question(solve.result["question"]), results[solve.id]
            why, attempts = _find_attempts(result, ladder)
            if why or key in recorded:
                left_out[why or REPEATED] += 1
            else:
                one = _record(result.question, answers.get(key, ""), attempts, ladder, grader)
                recorded[key] = one if one.question.reference else _note_wrong(one, wrong.get(key, ()), ladder)
        rows = tuple(reversed(recorded.values()))
        return cls(ladder, rows, sum(bool(one.question.reference) for one in rows), left_out)


def _read_result(solve: LoggedSolve) -> Result:
    """Return the result of an explored solve; raise `AdaptiveError` if it is damaged."""
    with explain_damage(solve):
        try:
            result = Result.of(solve.result)
        except InputError as error:  # of a rung, say
            raise ValueError(str(error)) from error
        check_made(tuple[Attempt, ...], (*result.attempts, *_get_exploration(result).attempts), "the attempts")
        check_made(Ladder, _get_exploration(result).ladder, "the ladder")
        if not all(one.base is None or 0 <= one.base < i for i, one in enumerate(result.attempts)):
            raise ValueError("an attempt continues none that came before it")
        return result


def _get_exploration(result: Result) -> Exploration:
    assert result.explored is not None
    return result.explored


def _find_wrong_answers(solves: Sequence[LoggedSolve]) -> dict[str, list[str]]:
    """Return the answers that feedback calls wrong, by the keys of their questions."""
    wrong: dict[str, list[str]] = {}
    for solve in solves:
        feedback, answer = solve.feedback.get("user"), solve.result.get("answer")
        if feedback is not None and not feedback.right and answer is not None:
            wrong.setdefault(hash_question(solve.result["question"]), []).append(answer)
    return wrong


def _note_wrong(recorded: RecordedQuestion, wrong: Sequence[str], ladder: Ladder) -> RecordedQuestion:
    """Return the question with every answer wrong, if the dearest rung's is: there is nothing to lose then."""
    dearest = recorded.outcomes[rung_to_key(ladder[ladder.top])].attempt.answer
    if not any(same_answer(dearest, one) for one in wrong):
        return recorded
    outcomes = {key: replace(one, right=False, why=WRONG) for key, one in recorded.outcomes.items()}
    return replace(recorded, outcomes=outcomes)


def _find_attempts(result: Result, ladder: Ladder) -> tuple[str, list[Attempt]]:
    """Return the attempt of each rung; or why there are not all."""
    if _get_exploration(result).ladder != ladder:
        return OTHER_LADDER, []
    made = result.rung_attempts
    attempts = [made.get(rung.setting) for rung in ladder]
    complete = [one for one in attempts if one is not None]
    return (INCOMPLETE, []) if len(complete) < len(ladder) else ("", complete)


def _record(
    text: str, reference: str, attempts: Sequence[Attempt], ladder: Ladder, grader: Grader
) -> RecordedQuestion:
    outcomes: dict[OutcomeKey, Outcome] = {}
    for index, attempt in enumerate(attempts):
        key = rung_to_key(ladder[index])
        grade = grader.grade(text, attempt.answer, reference)
        right, why = (grade.right, "") if grade.decided else (None, grade.reason)
        closing = attempt.usage.injected - sum(one.injected for one in attempt.rounds)
        made = replace(_take_back_verdict(attempt), rung=index, arm="first", reason="")
        usage = made.usage
        outcomes[key] = Outcome(key, made, right, usage.prompt, max(0, closing), why)
    return RecordedQuestion(Question(make_question_id(text, reference), text, reference), outcomes)


def _take_back_verdict(attempt: Attempt) -> Attempt:
    """Return an attempt without its verdict and what that cost: a replay counts its own."""
    judged = attempt.verdict.usage.cost if attempt.verdict and attempt.verdict.usage else None
    cost = attempt.usage.cost
    if cost is not None and judged is not None:
        cost = max(0.0, cost - judged)
    return replace(attempt, verdict=None, usage=replace(attempt.usage, verifier=0, cost=cost))
