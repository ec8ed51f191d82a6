"""What recorded answers are graded by: the questions' own answers, those of the dearest rung, or both.

Without labels an answer counts as right if it is the dearest rung's own answer. Where two answers are the same,
both are right or both are wrong, so what always using the dearest rung has right and a policy has not is at most
the share of questions at which their answers differ. A promise about this share is therefore one about accuracy
lost against that rung, whatever the right answers are. It is conservative: an answer that differs may be as wrong,
or right where the dearest rung's is not.

The answer is that of the rung's greedy chain, which is what a solve at that rung gives. A majority of its samples
would be a better guess at the right answer, but it bounds nothing: where the rung's own answer is right and the
majority is not, a policy that agrees with the majority would count as a gain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from adaptive.answers.equality import same_answer
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.types.ladder import Ladder

Reference = Literal["answers", "dearest", "mixed"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)
UNRECORDED = "the dearest rung was not recorded"
_MEANINGS: dict[Reference, str] = {
    "answers": "",
    "dearest": "No label was read: right means that the answer is that of the dearest rung.",
    "mixed": "Where no right answer is known, right means that the answer is that of the dearest rung.",
}
MISSING = "the dearest rung gave no answer to agree with"


def explain_reference(reference: Reference) -> str:
    """Return what right means, if it is not what the questions' own answers say."""
    return _MEANINGS[reference]


def read_reference_of(figures: Mapping[str, Any]) -> Reference:
    """Return what a profile with these figures was graded by."""
    return next((one for one in REFERENCES if one == figures.get("reference")), "answers")


def grade_by_reference(recorded: RecordedQuestion, ladder: Ladder, reference: Reference) -> RecordedQuestion:
    """Return a question graded by a reference.

    Mixed, a question whose answers are graded by a right answer stays as it is, and any other is graded by the
    dearest rung. The promise stays conservative, as it is for each of the two.

    Args:
        recorded: The question, graded by its own answer as far as it has one.
        ladder: Its top rung is the dearest.
        reference: What counts.
    """
    graded = any(one.right is not None for one in recorded.outcomes.values())
    if reference == "answers" or (reference == "mixed" and graded):
        return recorded
    return grade_by_dearest(recorded, ladder)


def grade_by_dearest(recorded: RecordedQuestion, ladder: Ladder) -> RecordedQuestion:
    """Return a question whose answers are graded by agreement with the dearest rung's.

    Where the dearest rung gave no answer every answer counts as wrong, its own too. There always using it has
    nothing right that could be lost, so neither a loss nor a gain is counted.

    Args:
        recorded: The question. Its own answer, and the grades by it, do not count.
        ladder: Its top rung is the dearest. A question that lacks it is returned ungraded.
    """
    dearest = recorded.outcomes.get(rung_to_key(ladder[ladder.top]))
    return replace(recorded, outcomes=_grade_all(recorded.outcomes, dearest))


def _grade_all(outcomes: Mapping[OutcomeKey, Outcome], dearest: Outcome | None) -> dict[OutcomeKey, Outcome]:
    if dearest is None:
        return {key: replace(one, right=None, why=UNRECORDED) for key, one in outcomes.items()}
    answer = dearest.attempt.answer
    why = "" if same_answer(answer, answer) else MISSING  # a blank answer equals nothing
    agrees = {other: same_answer(other, answer) for other in {one.attempt.answer for one in outcomes.values()}}
    return {key: replace(one, right=agrees[one.attempt.answer], why=why) for key, one in outcomes.items()}
