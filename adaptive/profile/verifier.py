"""Who judges the attempts of a profile's model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adaptive.profile.profile import Profile
from adaptive.verify import Learned, Verifier, build_verifier


def build_profile_verifier(
    profile: Profile,
    names: str | None = None,
    *,
    check: Verifier | None = None,
    judge: Verifier | None = None,
    p_solved: Callable[[str], Sequence[float]] | None = None,
) -> Verifier:
    """Who judges attempts of a profile's model: its verifier model among them, where it has one.

    p_solved: what says how hard a question is, in place of the profile's difficulty model.
    """

    def known(question: str) -> Sequence[float]:
        return profile.predict_difficulty(question)["p_solved"]  # type: ignore[no-any-return]

    learned = Learned(profile.verifier, p_solved or known) if profile.verifier else None
    return build_verifier(profile.policy, names, learned=learned, check=check, judge=judge)
