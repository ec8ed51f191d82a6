"""The verifier of the attempts of a profile's model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adaptive.profile.profile import Profile
from adaptive.verify import Learned, Verifier, build_verifier
from adaptive.verify.combine import build_evidence_verifier


def build_profile_verifier(
    profile: Profile,
    names: str | None = None,
    *,
    check: Verifier | None = None,
    judge: Verifier | None = None,
    p_solved: Callable[[str], Sequence[float]] | None = None,
) -> Verifier:
    """Build the verifier of a profile's model, which uses the profile's verifier model if it has one.

    A model that was not measured, or that does the same at every question, has no threshold: its answers are
    rejected on evidence alone.

    Args:
        profile: The profile.
        names: Names of the verifiers to use, as in `--verify`. Default: those of the policy.
        check: The user's own check of an answer.
        judge: A model that judges answers.
        p_solved: Returns how hard a question is. Default: what the profile predicts.
    """

    def predict(question: str) -> Sequence[float]:
        return profile.predict_difficulty(question)["p_solved"]  # type: ignore[no-any-return]

    if names is None and not profile.policy.measured:
        missing = "profile" if profile.general else "verifier in the profile"
        return build_evidence_verifier(check, judge, f"no {missing}, no check")
    learned = Learned(profile.verifier, p_solved or predict) if profile.verifier else None
    return build_verifier(profile.policy, names, learned=learned, check=check, judge=judge)
