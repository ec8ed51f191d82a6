"""Logged questions that are outside the domain of a model's profile, as questions to record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adaptive._util.redact import redact_address
from adaptive.answers.reference import read_choice_index, read_reference
from adaptive.learn.data.observations import find_right_answer
from adaptive.learn.data.questions import Question, make_question_id
from adaptive.learn.data.splits import hash_question
from adaptive.solve_log import LoggedSolve, explain_damage


@dataclass(frozen=True)
class OutsideQuestions:
    """The questions outside, newest first. unanswered: the texts of those of which no right answer is known."""

    questions: list[Question]
    unanswered: list[str]

    @classmethod
    def from_solves(
        cls,
        solves: Sequence[LoggedSolve],
        model: str,
        limit: int | None = None,
        *,
        index_base: int | None = None,
    ) -> OutsideQuestions:
        """Select questions, each once.

        The newest solve of a question decides whether it is outside: a profile that was trained since then may
        know it. A right answer may come from any solve of the same question, also of another model.

        Args:
            solves: All solves of a log, oldest first.
            model: The spec of the model.
            limit: The most questions with an answer.
            index_base: The index of the first option, for answers that are indices of options; None for others.

        Raises:
            InputError: An answer may be an index, and `index_base` is None.
        """
        texts = _find_texts(solves, redact_address(model))
        asked = [solve for solve in solves if hash_question(solve.result["question"]) in texts]
        answers = find_logged_answers(asked, index_base)
        answered = [_make_question(text, answers[key]) for key, text in texts.items() if key in answers]
        return cls(answered[:limit], [text for key, text in texts.items() if key not in answers])


def has_domain(solve: LoggedSolve) -> bool:
    """Return whether the profile of a solve knew its domain."""
    return solve.result.get("difficulty", {}).get("outside") is not None


def is_outside(solve: LoggedSolve) -> bool:
    """Return whether the question of a solve is outside its profile's domain; False without a domain."""
    return bool(solve.result.get("difficulty", {}).get("outside"))


def _find_texts(solves: Sequence[LoggedSolve], model: str) -> dict[str, str]:
    """Return the texts of a model's questions outside by their keys, newest first."""
    newest: dict[str, LoggedSolve] = {}
    for solve in reversed(solves):
        if has_domain(solve) and solve.result["model"] == model:
            newest.setdefault(hash_question(solve.result["question"]), solve)
    return {key: solve.result["question"] for key, solve in newest.items() if is_outside(solve)}


def find_logged_answers(solves: Iterable[LoggedSolve], index_base: int | None) -> dict[str, str]:
    """Return the right answers that are known, by the keys of their questions; the newest counts."""
    answers: dict[str, str] = {}
    for solve in solves:
        with explain_damage(solve):
            answer = read_reference(find_right_answer(solve) or "")
        if answer:
            question, where = solve.result["question"], f"the right answer of solve {solve.id}"
            answers[hash_question(question)] = read_choice_index(question, answer, index_base, where)
    return answers


def _make_question(text: str, answer: str) -> Question:
    return Question(make_question_id(text, answer), text, answer)
