"""From labelled questions to a profile's difficulty model, thresholds and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import Trained, at_rungs, folds
from adaptive.learn.fit.graded import Record
from adaptive.learn.fit.metrics import Solved, folds_for, held_out, measure
from adaptive.learn.fit.thresholds import Gates, counted, distinct, probe_from
from adaptive.types.ladder import Ladder
from adaptive.types.policy import Policy


@dataclass(frozen=True)
class Learned:
    """What was learned of one model: to be saved as its profile."""

    trained: Trained
    policy: Policy
    figures: dict[str, Any]
    gates: Gates

    @classmethod
    def of(cls, records: Sequence[Record], ladder: Ladder, policy: Policy, target: float, seed: int) -> Learned:
        """Fit the difficulty model and the gates; `policy` keeps what is not learned here.

        target: the precision that an accepted answer should have. Raises `InputError` where there is too
        little to learn from.
        """
        records = distinct(records)
        questions, labels = [r.question for r in records], [r.label(len(ladder)) for r in records]
        solved = at_rungs(labels, len(ladder))
        trained = Trained.fit(questions, solved, seed)
        gates = Gates.fit(records, target, seed)
        tuned = replace(
            policy,
            accept=gates.accept(ladder),
            agreement=gates.agreement.threshold,
            probe_from=probe_from(records, gates.direct),
        )
        figures = {"difficulty": _measured(questions, labels, solved, seed), **counted(records)}
        return cls(trained, tuned, figures, gates)


def _measured(questions: Sequence[str], labels: Sequence[int], solved: Solved, seed: int) -> dict[str, Any]:
    corpus = Corpus.read(questions)
    fold = folds(labels, folds_for(len(labels)), seed)
    rows, predicted = held_out(
        lambda inside: (
            lambda outside: Trained.refit(corpus.part(inside), solved[inside], seed).p_solved(corpus.part(outside))
        ),
        fold,
    )
    return measure(solved[rows], predicted, solved)
