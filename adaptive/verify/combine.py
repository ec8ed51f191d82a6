"""Verifiers combined: all must accept, any may, or the first that can tell decides. The cheapest goes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.errors import InputError
from adaptive.types.attempt import Attempt
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify.base import UNKNOWN, Thresholds, Verifier
from adaptive.verify.builtin import Agreement, CompleteAnswer, Confidence, Rules, Unverified

VERIFIER_NAMES = ("rules", "learned", "confidence", "agreement", "check", "judge")
"""The names that `--verify` takes, cheapest first."""
MEASURED_VERIFIERS = ("learned", "confidence", "agreement")
"""Those whose verdicts are worth what was measured: on conversations of another shape they cannot tell."""
VERIFIER_NEEDS = {
    "learned": "a profile with a verifier model",
    "check": "a check: --check COMMAND, or check=... in Python",
    "judge": "a judge: --judge MODEL, or judge=... in Python",
}


@dataclass(frozen=True)
class _CombinedVerifier:
    """At least one verifier, run in order. A verdict names the one that decided and costs what all that ran cost.

    Attributes:
        verifiers: The verifiers, in the order in which they run.
    """

    verifiers: tuple[Verifier, ...]

    @property
    def name(self) -> str:
        """The names of its verifiers, in order."""
        return ",".join(v.name for v in self.verifiers)


class All(_CombinedVerifier):
    """Accepts an answer if every verifier accepts it. The first that does not accept decides."""

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the first verdict that does not accept, else the last one."""
        spent: Usage | None = None
        for verifier in self.verifiers:
            verdict = await verifier.verify(question, attempt, others)
            spent = _add_usage(spent, verdict.usage)
            if not verdict.accepted:
                break
        return replace(verdict, usage=spent)


class AnyOf(_CombinedVerifier):
    """Accepts an answer if one verifier accepts it. It is undecided only if none of them could tell."""

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the first acceptance, else the last verdict with every reason and the best score."""
        spent: Usage | None = None
        verdicts: list[Verdict] = []
        for verifier in self.verifiers:
            verdict = await verifier.verify(question, attempt, others)
            spent = _add_usage(spent, verdict.usage)
            if verdict.accepted:
                return replace(verdict, usage=spent)
            verdicts.append(verdict)
        reason = "; ".join(dict.fromkeys(v.reason for v in verdicts))
        rejected = False if any(v.decided for v in verdicts) else None
        return Verdict(rejected, max(v.score for v in verdicts), verdict.verifier, reason, spent)


class FirstDecisive(_CombinedVerifier):
    """Decides as the first verifier that can tell."""

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the first decided verdict, else the last one with every reason."""
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
    """Stands in for a verifier that does not run; its verdict is undecided and says why."""

    name: str
    why: str

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return an undecided verdict."""
        return Verdict.undecided(UNKNOWN, self.name, self.why)


def skip_verifiers(verifier: Verifier, why: str, names: Sequence[str]) -> Verifier:
    """Return a verifier in which those of some names do not run.

    Args:
        verifier: The verifier to change; combined ones are changed inside.
        why: The reason for skipping, shown in the verdict.
        names: The verifiers to skip. In an `AnyOf` they are dropped if another one is left there.
    """
    remaining = [v for v in verifier.verifiers if v.name not in names] if isinstance(verifier, AnyOf) else []
    if remaining:
        return _combine(AnyOf, remaining)
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
    """Return the verifier of a policy.

    An answer is rejected if `rules` rejects it. With a check, the check decides, and the judge if the check cannot
    tell. Without a check, an answer is accepted if one of the others accepts it, the judge last:

    * `learned` weighs all that the next two look at, so by default it replaces them.
    * `confidence` accepts if the confidence reaches the effort's threshold.
    * `agreement` accepts if an independent answer agrees and the confidence reaches the lower threshold for that.
      It needs no confidence if `names` leaves `confidence` out.

    With `rules` alone the form is enough.

    Args:
        thresholds: The confidence that answers need; a `Policy` has them.
        names: Some of `VERIFIER_NAMES`, separated by commas, in any order. None: all that are available.
        learned: The verifier called `learned`, if there is one.
        check: The verifier called `check`, if there is one.
        judge: The verifier called `judge`, if there is one.

    Raises:
        InputError: If a name is unknown, or its verifier is missing.
    """
    optional = {"learned": learned, "check": check, "judge": judge}
    chosen = _list_default_verifiers(optional) if names is None else parse_verifiers(names)
    if missing := next((n for n in chosen if n in optional and optional[n] is None), None):
        raise InputError(f"the verifier {missing!r} needs {VERIFIER_NEEDS[missing]}.")
    least = thresholds.agreement if "confidence" in chosen or names is None else 0.0
    available: dict[str, Verifier | None] = {
        "confidence": Confidence(dict(thresholds.accept)),
        "agreement": Agreement(least),
        **optional,
    }
    cheap = [v for n in ("learned", "confidence", "agreement") if n in chosen and (v := available[n])]
    decisive = [v for n in ("check", "judge") if n in chosen and (v := available[n])]
    verifiers: list[Verifier] = [Rules()] if "rules" in chosen else []
    if "check" in chosen:
        verifiers.append(_combine(FirstDecisive, decisive))
    elif cheap or decisive:
        verifiers.append(_combine(AnyOf, [*cheap, *decisive]))
    return _combine(All, verifiers)


def build_evidence_verifier(
    check: Verifier | None = None, judge: Verifier | None = None, unverified: str = "no profile, no check"
) -> Verifier:
    """Return the verifier of a model without measured thresholds.

    It rejects on evidence, and accepts what the check accepts, or the judge if the check cannot tell. Without
    either a whole answer is not verified.

    Args:
        check: The verifier called `check`, if there is one.
        judge: The verifier called `judge`, if there is one.
        unverified: Why an answer is not verified without them.
    """
    decisive = [verifier for verifier in (check, judge) if verifier is not None]
    last = _combine(FirstDecisive, decisive) if decisive else Unverified(unverified)
    return All((CompleteAnswer(), last))


def hold_back_measured(verifier: Verifier, why: str) -> Verifier:
    """Return the verifier for a conversation of a shape that was not measured.

    The answer is rejected on evidence, and a check or a judge accepts as ever. Agreement does not: a model that
    reads a conversation wrong reads it wrong each time.

    Args:
        verifier: The verifier for the shapes that were measured.
        why: Why nothing else can tell, in words.
    """
    return All((CompleteAnswer(), skip_verifiers(verifier, why, MEASURED_VERIFIERS)))


def parse_verifiers(names: str) -> tuple[str, ...]:
    """Return the verifiers in `names`, cheapest first, each once. Raise `InputError` if one is unknown."""
    parts = [part.strip() for part in names.split(",") if part.strip()]
    unknown = next((part for part in parts if part not in VERIFIER_NAMES), None)
    if unknown is not None or not parts:
        problem = f"verifier {unknown!r} is not known" if unknown is not None else "no verifier is named"
        raise InputError(f"{problem}: use some of {', '.join(VERIFIER_NAMES)}, separated by commas.")
    return tuple(name for name in VERIFIER_NAMES if name in parts)


def _list_default_verifiers(optional: dict[str, Verifier | None]) -> tuple[str, ...]:
    """Return all verifiers that are available, except those that `learned` weighs already."""
    weighed = ("confidence", "agreement") if optional["learned"] else ()
    return tuple(n for n in VERIFIER_NAMES if n not in weighed and optional.get(n, n) is not None)


def _combine(kind: type[All] | type[AnyOf] | type[FirstDecisive], verifiers: Sequence[Verifier]) -> Verifier:
    return verifiers[0] if len(verifiers) == 1 else kind(tuple(verifiers))


def _add_usage(one: Usage | None, other: Usage | None) -> Usage | None:
    return one + other if one and other else one or other
