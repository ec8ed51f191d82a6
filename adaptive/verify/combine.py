"""Verifiers put together: all must accept, any may, or the first that can tell decides. Cheapest first, always."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.errors import InputError
from adaptive.types.attempt import Attempt
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify.base import UNKNOWN, Thresholds, Verifier
from adaptive.verify.builtin import Agreement, Confidence, Rules

VERIFIER_NAMES = ("rules", "learned", "confidence", "agreement", "check", "judge")
"""What `--verify` knows, cheapest first."""
VERIFIER_NEEDS = {
    "learned": "a profile with a verifier model",
    "check": "a check: --check COMMAND, or check=... in Python",
    "judge": "a judge: --judge MODEL, or judge=... in Python",
}


@dataclass(frozen=True)
class _CombinedVerifier:
    """Verifiers, asked in order; a verdict names who decided and costs what all that were asked cost."""

    verifiers: tuple[Verifier, ...]

    @property
    def name(self) -> str:
        """The names of its verifiers, in order."""
        return ",".join(v.name for v in self.verifiers)


class All(_CombinedVerifier):
    """Accepts where every one accepts; the first that does not decides. At least one verifier."""

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """The first verdict that is no acceptance, or the last one."""
        spent: Usage | None = None
        for verifier in self.verifiers:
            verdict = await verifier.verify(question, attempt, others)
            spent = _add_usage(spent, verdict.usage)
            if not verdict.accepted:
                break
        return replace(verdict, usage=spent)


class AnyOf(_CombinedVerifier):
    """Accepts where one accepts; it is undecided only where not one could tell. At least one verifier."""

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """The first acceptance; where there is none, the last verdict with every reason and the best score."""
        spent: Usage | None = None
        said: list[Verdict] = []
        for verifier in self.verifiers:
            said.append(await verifier.verify(question, attempt, others))
            spent = _add_usage(spent, said[-1].usage)
            if said[-1].accepted:
                return replace(said[-1], usage=spent)
        reason = "; ".join(v.reason for v in said)
        decided = any(v.decided for v in said)
        return Verdict(False, max(v.score for v in said), said[-1].verifier, reason, decided, spent)


class FirstDecisive(_CombinedVerifier):
    """The first that can tell decides. At least one verifier."""

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """The first verdict that is decided; where none is, the last one with every reason."""
        spent: Usage | None = None
        reasons: list[str] = []
        for verifier in self.verifiers:
            verdict = await verifier.verify(question, attempt, others)
            spent, reasons = _add_usage(spent, verdict.usage), [*reasons, verdict.reason]
            if verdict.decided:
                return replace(verdict, usage=spent)
        return replace(verdict, usage=spent, reason="; ".join(reasons))


@dataclass(frozen=True)
class SkippedVerifier:
    """In the place of a verifier that is not asked, and says why."""

    name: str
    why: str

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """It could not tell."""
        return Verdict.undecided(UNKNOWN, self.name, self.why)


def skip_verifiers(verifier: Verifier, why: str, names: Sequence[str]) -> Verifier:
    """A verifier that asks none of these `names` in it; where others may accept as well, it is left to them."""
    left = [v for v in verifier.verifiers if v.name not in names] if isinstance(verifier, AnyOf) else []
    if left:
        return _combine(AnyOf, left)
    if isinstance(verifier, _CombinedVerifier):
        return replace(verifier, verifiers=tuple(skip_verifiers(v, why, names) for v in verifier.verifiers))
    return SkippedVerifier(verifier.name, why) if verifier.name in names else verifier


def build_verifier(
    thresholds: Thresholds,
    names: str | None = None,
    *,
    learned: Verifier | None = None,
    check: Verifier | None = None,
    judge: Verifier | None = None,
) -> Verifier:
    """The verifier for a policy: all of `VERIFIER_NAMES` that there are, or those in `names`, parted by commas, in any
    order.

    Rejected if `rules` rejects. A check decides where there is one, and a judge where the check cannot tell.
    Without a check an answer is accepted if one of the others accepts it, the judge asked last: `learned`, which
    weighs all that the next two look at and takes their place where it is not told otherwise; `confidence`, if it
    reaches the effort's threshold; `agreement`, if an independent answer agrees and the confidence reaches the
    lower threshold for that (no threshold where `names` leaves confidence out). With `rules` alone form is enough.
    Raises `InputError` for a name that is not known or not there.
    """
    given = {"learned": learned, "check": check, "judge": judge}
    chosen = _list_default_verifiers(given) if names is None else parse_verifiers(names)
    if missing := next((n for n in chosen if n in given and given[n] is None), None):
        raise InputError(f"the verifier {missing!r} needs {VERIFIER_NEEDS[missing]}.")
    least = thresholds.agreement if "confidence" in chosen or names is None else 0.0
    there: dict[str, Verifier | None] = {
        "confidence": Confidence(dict(thresholds.accept)),
        "agreement": Agreement(least),
        **given,
    }
    cheap = [v for n in ("learned", "confidence", "agreement") if n in chosen and (v := there[n])]
    decisive = [v for n in ("check", "judge") if n in chosen and (v := there[n])]
    gates: list[Verifier] = [Rules()] if "rules" in chosen else []
    if "check" in chosen:
        return _combine(All, [*gates, _combine(FirstDecisive, decisive)])
    return _combine(All, [*gates, *([_combine(AnyOf, proofs)] if (proofs := [*cheap, *decisive]) else [])])


def parse_verifiers(names: str) -> tuple[str, ...]:
    """The verifiers named in `names`, cheapest first, each once; `InputError` says what there is."""
    given = [n.strip() for n in names.split(",") if n.strip()]
    unknown = next((n for n in given if n not in VERIFIER_NAMES), None)
    if unknown is not None or not given:
        what = f"verifier {unknown!r} is not known" if unknown is not None else "no verifier is named"
        raise InputError(f"{what}: use some of {', '.join(VERIFIER_NAMES)}, parted by commas.")
    return tuple(n for n in VERIFIER_NAMES if n in given)


def _list_default_verifiers(available: dict[str, Verifier | None]) -> tuple[str, ...]:
    """What is used where nobody says: everything that there is, but what `learned` weighs already."""
    weighed = ("confidence", "agreement") if available["learned"] else ()
    return tuple(n for n in VERIFIER_NAMES if n not in weighed and available.get(n, n) is not None)


def _combine(kind: type[All] | type[AnyOf] | type[FirstDecisive], verifiers: Sequence[Verifier]) -> Verifier:
    return verifiers[0] if len(verifiers) == 1 else kind(tuple(verifiers))


def _add_usage(one: Usage | None, other: Usage | None) -> Usage | None:
    return one + other if one and other else one or other
