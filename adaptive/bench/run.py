"""Replays a policy on recorded outcomes and measures it; live results come in as a `PolicyRun` too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.bench.baselines import BenchSetup
from adaptive.bench.figures import POLICY, Figures, compute_figures
from adaptive.bench.split import QuestionSplit
from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.profile.profile import Profile

REPLAYED = (
    "Replayed from recorded attempts: there are no seconds and no prices, for the attempts were bought once for "
    "all ways together."
)


@dataclass(frozen=True)
class PolicyRun:
    """A policy's results on the test questions.

    Args:
        results: One for each question.
        within: The share of its attempts that stayed within their budgets.
        live: Whether it was run, not replayed.
        note: A sentence for the reader about how it was run.
    """

    results: tuple[WayResult, ...]
    within: float
    live: bool
    note: str


def replay_policy(profile: Profile, test: Sequence[RecordedQuestion]) -> PolicyRun:
    """Replay the profile's policy on recorded questions, without calling a model.

    Raises `InputError` if it needs an attempt that was not recorded.
    """
    try:
        way = Way.replay(POLICY, Replay.from_recorded(profile, test).solve, test)
    except KeyError as error:
        raise _explain_missing_key(error) from error
    within = [_is_within_budget(one, recorded) for one, recorded in zip(way, test, strict=True)]
    return PolicyRun(way.results, float(np.mean(within)), False, REPLAYED)


def measure_policy(
    profile: Profile,
    split: QuestionSplit,
    policy_run: PolicyRun,
    window: int,
    loss: float,
    about: Mapping[str, str],
) -> Figures:
    """Return all figures of a policy.

    Args:
        profile: The profile of the policy.
        split: The questions to test on and to tune baselines on.
        policy_run: The policy's results on the test questions.
        window: The model's context window in tokens.
        loss: Accuracy (0 to 1) that a tuned baseline may lose against the top rung.
        about: The run in words.
    """
    policy = Way(POLICY, policy_run.results)
    setup = BenchSetup(split.test, split.tuning, policy, profile.ladder, window, loss, profile.policy.vote_sure)
    described = {
        **about,
        "test questions": str(len(split.test)),
        "tuning questions": str(len(split.tuning)),
        "target loss": f"{100 * loss:g} point{'' if loss == 0.01 else 's'}",
    }
    return compute_figures(setup, policy_run.within, (*split.notes, policy_run.note), described, policy_run.live)


def _is_within_budget(result: WayResult, recorded: RecordedQuestion) -> bool:
    """Whether the attempt whose answer was kept stayed within its budget."""
    return result.key is None or recorded.outcomes[result.key].attempt.chain_tokens <= result.key.budget


def _explain_missing_key(error: KeyError) -> Exception:
    """The attempt that the policy needs and that is missing, in a sentence; any other missing key unchanged."""
    key = error.args[0]
    if not isinstance(key, OutcomeKey):
        return error
    waits = f" with {key.waits} Wait{'' if key.waits == 1 else 's'}" if key.waits else ""
    more = f", --waits {key.waits}" if waits else ""
    return InputError(
        f"the policy buys {key.effort} {key.budget}{waits}, which was not recorded of every question: record them "
        f"again with `adaptive record --profile` and this profile{more}."
    )
