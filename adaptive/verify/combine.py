"""Verifiers put together, cheapest first: gates that all must let an answer pass, and proofs: one will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adaptive.attempt import Attempt, Verdict
from adaptive.errors import InputError
from adaptive.verify.verifiers import Agreement, Confidence, Rules, Thresholds, Verifier

NAMES = ("rules", "confidence", "agreement")
"""What `--verify` knows, cheapest first."""


@dataclass(frozen=True)
class Combined:
    """Rejects at the first gate that does, then accepts at the first proof that does.

    Without proofs the gates are enough; with proofs, one of them must accept. The verdict names who decided;
    its score, where no proof accepts, is the highest that one gave.
    """

    gates: tuple[Verifier, ...]
    proofs: tuple[Verifier, ...] = ()

    @property
    def name(self) -> str:
        """The names of its verifiers, in order."""
        return ",".join(v.name for v in (*self.gates, *self.proofs))

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """The deciding verifier's verdict; where no proof accepts, the last one's with every reason."""
        verdict = Verdict(True, 0.0, self.name, "nothing to verify with")
        for gate in self.gates:
            verdict = await gate.verify(question, attempt, others)
            if not verdict.accepted:
                return verdict
        rejected: list[Verdict] = []
        for proof in self.proofs:
            verdict = await proof.verify(question, attempt, others)
            if verdict.accepted:
                return verdict
            rejected.append(verdict)
        return _all_rejected(rejected) if rejected else verdict


def verifier_for(thresholds: Thresholds, names: str | None = None) -> Verifier:
    """The verifier for a policy: all of `NAMES`, or those in `names`, parted by commas, in any order.

    Rejected if `rules` rejects; accepted if the confidence reaches the effort's threshold, or if an independent
    answer agrees and the confidence reaches the lower threshold for that. Without `confidence` in `names`
    agreement alone is enough; with `rules` alone, form is enough. Raises `InputError` for an unknown name.
    """
    chosen = parse_verifiers(",".join(NAMES) if names is None else names)
    least = thresholds.agreement if "confidence" in chosen else 0.0
    proofs: dict[str, Verifier] = {
        "confidence": Confidence(dict(thresholds.accept)),
        "agreement": Agreement(least),
    }
    gates = (Rules(),) if "rules" in chosen else ()
    return Combined(gates, tuple(proofs[n] for n in chosen if n in proofs))


def parse_verifiers(names: str) -> tuple[str, ...]:
    """The verifiers named in `names`, cheapest first, each once; `InputError` says what there is."""
    given = [n.strip() for n in names.split(",") if n.strip()]
    unknown = next((n for n in given if n not in NAMES), None)
    if unknown is not None or not given:
        what = f"verifier {unknown!r} is not known" if unknown is not None else "no verifier is named"
        raise InputError(f"{what}: use some of {', '.join(NAMES)}, parted by commas.")
    return tuple(n for n in NAMES if n in given)


def _all_rejected(verdicts: Sequence[Verdict]) -> Verdict:
    best = max(v.score for v in verdicts)
    return Verdict(False, best, verdicts[-1].verifier, "; ".join(v.reason for v in verdicts))
