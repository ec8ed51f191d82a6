"""From labelled questions to a profile's difficulty model, thresholds and figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.dials import Policy
from adaptive.ladder import Ladder
from adaptive.learn.corpus import Corpus
from adaptive.learn.features import same_question
from adaptive.learn.gate import Gate
from adaptive.learn.measure import Solved, folds_for, held_out, measure
from adaptive.learn.records import Graded, Record
from adaptive.learn.training import Trained, at_rungs, folds
from adaptive.verify.compare import same_answer


@dataclass(frozen=True)
class Gates:
    """Gates of direct answers, of each effort's chains, and of chains that agree with a direct answer."""

    direct: Gate
    chains: dict[str, Gate]
    agreement: Gate

    @classmethod
    def fit(cls, records: Sequence[Record], target: float, seed: int) -> Gates:
        """Fit all gates.

        Chains are judged on audited records, and there on questions whose direct answer is not accepted:
        those are the ones that thinking gets to see.
        """
        direct = _gate((r.direct for r in records), target, seed)
        seen = [r for r in records if r.audited and not direct.passes(r.direct.confidence)]
        efforts = dict.fromkeys(c.effort for r in seen for c in r.chains)
        chains = {e: _gate((c for r in seen for c in r.chains if c.effort == e), target, seed) for e in efforts}
        agreeing = (
            c
            for r in seen
            for c in r.chains
            if same_answer(c.answer, r.direct.answer) and not chains[c.effort].passes(c.confidence)
        )
        return cls(direct, chains, _gate(agreeing, target, seed))

    def accept(self, ladder: Ladder) -> dict[str, float | None]:
        """The threshold of each effort of the ladder; None where there was nothing to judge by."""
        gates = {"none": self.direct, **self.chains}
        return {r.effort: gates[r.effort].threshold if r.effort in gates else None for r in ladder}


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


def distinct(records: Iterable[Record]) -> list[Record]:
    """The first record of each question: no question is both learned from and measured on."""
    found: dict[str, Record] = {}
    for record in records:
        found.setdefault(same_question(record.question), record)
    return list(found.values())


def probe_from(records: Sequence[Record], direct: Gate) -> float:
    """The probability of a right direct answer from which on it pays to try it first, in 0..1.

    Trying costs the direct answer's tokens, and saves a chain's where it is right and accepted. The prompt is read
    once either way.
    """
    audited = [r for r in records if r.audited and r.chains]
    if direct.threshold is None or not audited:
        return 1.0
    costs = _mean_made(r.direct for r in audited)
    saves = direct.recall * _mean_made(r.chains[0] for r in audited)
    return round(min(1.0, costs / saves), 4) if saves else 1.0


def _gate(answers: Iterable[Graded], target: float, seed: int) -> Gate:
    """A gate for the attempts that gave an answer: `rules` rejects the others."""
    given = [a for a in answers if a.answer is not None and a.status == "answered"]
    return Gate.fit([a.confidence for a in given], [a.correct for a in given], target, seed)


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


def counted(records: Sequence[Record]) -> dict[str, Any]:
    """Mean tokens, and what thinking did to direct answers, on the audited records' dearest chains."""
    audited = [r for r in records if r.audited and r.chains]
    return {
        "audited": len(audited),
        "tokens": {
            "direct": round(_mean_made(r.direct for r in records), 1),
            "chains": round(_mean_made(r.chains[-1] for r in audited), 1),
        },
        "mended": sum(not r.direct.correct and r.chains[-1].correct for r in audited),
        "broken": sum(r.direct.correct and not r.chains[-1].correct for r in audited),
    }


def _mean_made(attempts: Iterable[Graded]) -> float:
    made = [a.made for a in attempts]
    return sum(made) / len(made) if made else 0.0
