"""From labelled questions to a profile's difficulty model, thresholds and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import TrainedDifficulty, assign_folds, labels_to_solved
from adaptive.learn.fit.graded import Record
from adaptive.learn.fit.metrics import Solved, count_folds, measure_difficulty, predict_held_out
from adaptive.learn.fit.thresholds import Gates, compute_probe_from, drop_duplicates, summarise_thinking
from adaptive.types.ladder import Ladder
from adaptive.types.policy import Policy


@dataclass(frozen=True)
class Learned:
    """What was learned of one model: to be saved as its profile."""

    trained: TrainedDifficulty
    policy: Policy
    figures: dict[str, Any]
    gates: Gates

    @classmethod
    def of(cls, records: Sequence[Record], ladder: Ladder, policy: Policy, target: float, seed: int) -> Learned:
        """Fit the difficulty model and the gates; `policy` keeps what is not learned here.

        target: the precision that an accepted answer should have. Raises `InputError` where there is too
        little to learn from.
        """
        records = drop_duplicates(records)
        questions, labels = [r.question for r in records], [r.find_label(len(ladder)) for r in records]
        solved = labels_to_solved(labels, len(ladder))
        trained = TrainedDifficulty.fit(questions, solved, seed)
        gates = Gates.fit(records, target, seed)
        tuned = replace(
            policy,
            accept=gates.to_thresholds(ladder),
            agreement=gates.agreement.threshold,
            probe_from=compute_probe_from(records, gates.direct),
        )
        figures = {"difficulty": _measured(questions, labels, solved, seed), **summarise_thinking(records)}
        return cls(trained, tuned, figures, gates)


def _measured(questions: Sequence[str], labels: Sequence[int], solved: Solved, seed: int) -> dict[str, Any]:
    corpus = Corpus.read(questions)
    fold = assign_folds(labels, count_folds(len(labels)), seed)
    rows, predicted = predict_held_out(
        lambda inside: (
            lambda outside: TrainedDifficulty.refit(corpus.select(inside), solved[inside], seed).p_solved(
                corpus.select(outside)
            )
        ),
        fold,
    )
    return measure_difficulty(solved[rows], predicted, solved)
