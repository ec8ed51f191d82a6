"""Attempts, their verdicts and what they spent, at random."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from adaptive.types.attempt import Arm, Attempt, Finish, Round, RoundEnd, Status
from adaptive.types.ladder import EFFORTS
from adaptive.types.usage import TOKEN_FIELDS, Usage
from adaptive.types.verdict import Verdict

COUNT = st.integers(0, 10**6)
COST = st.none() | st.floats(0, 10)
SHARE = st.floats(0, 1)
# Seconds are written with four places.
SECONDS = st.integers(0, 10**6).map(lambda n: round(n / 10_000, 4))
USAGES = st.builds(
    Usage,
    **dict.fromkeys((*TOKEN_FIELDS, "cached"), COUNT),
    seconds=SECONDS,
    cost=COST,
    estimated=st.sets(st.sampled_from(TOKEN_FIELDS)).map(lambda names: tuple(sorted(names))),
)
VERDICTS = st.builds(Verdict, st.booleans(), SHARE, st.text(), st.text(), usage=st.none() | USAGES) | st.builds(
    Verdict.undecided, SHARE, st.text(), st.text(), st.none() | USAGES
)
ROUNDS = st.builds(Round, COUNT, COUNT, st.sampled_from(get_args(RoundEnd)))
ATTEMPTS = st.builds(
    Attempt,
    rung=st.integers(0, 5),
    arm=st.sampled_from(get_args(Arm)),
    effort=st.sampled_from(EFFORTS),
    budget=COUNT,
    waits=COUNT,
    answer=st.none() | st.text(),
    text=st.text(),
    thinking=st.text(),
    status=st.sampled_from(get_args(Status)),
    finish=st.sampled_from(get_args(Finish)),
    rounds=st.lists(ROUNDS, max_size=4).map(tuple),
    trace=st.lists(COUNT, max_size=9).map(tuple),
    confidence=st.none() | SHARE,
    verdict=st.none() | VERDICTS,
    usage=USAGES,
    reason=st.text(),
)
