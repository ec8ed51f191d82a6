"""The replays of a policy search, which share the states of their solves, beside the same replays made anew.

    python -m benchmarks.replays models/abacus/profile outcomes.db --limit 100

The policies are those that `adaptive tune` searches. Each is replayed on the recorded questions twice: as the
search does it, and with nothing kept of the policies before. The results must be the same. The two alternate, so
that other work on the machine slows both.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.tuning.policy_search import PolicySearch, Search
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.ways import Way
from adaptive.profile.profile import Profile


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("profile", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("outcomes", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--limit", type=int, help="Use only the first questions.")
def main(profile: Path, outcomes: Path, limit: int | None) -> None:
    """Compare."""
    base = Profile.load(profile)
    with OutcomeStore(outcomes) as file:
        complete = [one for one in file if one.is_complete(base.ladder)]
    recorded = select_replayable(base, complete)[:limit]
    texts = [one.question.text for one in recorded]
    forecasts = dict(zip(texts, base.forecast(texts), strict=True))
    start = time.process_time()
    search = PolicySearch(base, Search(recorded, forecasts), "tokens")
    policies = search.list_policies()
    measured = time.process_time() - start
    shared = anew = 0.0
    same = 0
    for policy in policies:
        start = time.process_time()
        one = search.replay_policy(policy, recorded)
        middle = time.process_time()
        other = Way.replay("", Replay(replace(base, policy=policy), dict(forecasts)).solve, recorded, "tokens")
        shared, anew = shared + middle - start, anew + time.process_time() - middle
        same += one == other
    print(
        f"{len(recorded)} questions, {len(policies)} policies, processor seconds: arms measured in {measured:.1f}"
    )
    print(f"replayed anew in {anew:.1f}, with shared states in {shared:.1f}: {anew / shared:.1f} times less")
    print(f"{same} of {len(policies)} policies have the same results")


if __name__ == "__main__":
    main()
