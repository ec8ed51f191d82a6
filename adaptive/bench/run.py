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
from adaptive.learn.tuning.constants import list_partial_constants
from adaptive.learn.tuning.cost_front import MeasuredConstants
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.profile.profile import Profile
from adaptive.types.forecast import NO_FORECAST

REPLAYED = (
    "Replayed from recorded attempts: there are no seconds, for the attempts were made once for all ways together."
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


def bench_policy(
    profile: Profile,
    split: QuestionSplit,
    policy_run: PolicyRun,
    loss: float,
    about: Mapping[str, str],
) -> Figures:
    """Return all figures of a policy.

    Args:
        profile: The profile of the policy.
        split: The questions to test on and to tune baselines on.
        policy_run: The policy's results on the test questions.
        loss: Accuracy (0 to 1) that a stop at a confidence may lose against the best constant when it is tuned.
        about: The run in words.
    """
    ladder = profile.ladder
    judge = Replay.from_recorded(profile, (*split.tuning, *split.test))
    constants = MeasuredConstants.replay(ladder, split.tuning, split.test, (judge, judge))
    policy = Way(POLICY, policy_run.results, constants.unit)
    sure, unit = profile.policy.vote_sure, profile.policy.unit
    setup = BenchSetup(split.test, split.tuning, policy, ladder, constants, loss, sure, unit)
    texts = [one.question.text for one in split.test]
    known = zip(texts, profile.forecast(texts), strict=True)
    forecasts = [NO_FORECAST if profile.is_outside(text) else one for text, one in known]
    described = {
        **about,
        "test questions": str(len(split.test)),
        "tuning questions": str(len(split.tuning)),
        "target loss": f"{100 * loss:g} point{'' if loss == 0.01 else 's'}",
    }
    notes = (*split.notes, *_note_partial_constants(constants), policy_run.note)
    return compute_figures(setup, policy_run.within, notes, described, policy_run.live, forecasts)


def _note_partial_constants(constants: MeasuredConstants) -> list[str]:
    """Say which constants are no part of the hull, because not every question has their attempts."""
    partial = list_partial_constants(constants.ladder, constants.recorded)
    left_out = [one.name for one in partial if one not in constants.constants]
    if not left_out:
        return []
    names = f"{', '.join(left_out[:3])}{' and others' if len(left_out) > 3 else ''}"
    return [f"Not every question has the attempts of these constants, so they are not in the hull: {names}."]


def _is_within_budget(result: WayResult, recorded: RecordedQuestion) -> bool:
    """Whether the attempt whose answer was kept stayed within its budget."""
    return result.key is None or recorded.outcomes[result.key].attempt.chain_tokens <= result.key.budget


def _explain_missing_key(error: KeyError) -> Exception:
    """The attempt that the policy needs and that is missing, in a sentence; any other missing key unchanged."""
    key = error.args[0]
    if not isinstance(key, OutcomeKey):
        return error
    waits = f" with {key.waits} Wait{'' if key.waits == 1 else 's'}" if key.waits else ""
    model = f"{key.model} " if key.model else ""
    samples = f"{key.sample} samples of " if key.sample else ""
    more = f", --waits {key.waits}" if waits else f", --samples {key.sample}" if samples else ""
    return InputError(
        f"the policy buys {samples}{model}{key.effort} {key.budget}{waits}, which was not recorded of every "
        f"question: record them again with `adaptive record --profile` and this profile{more}."
    )
