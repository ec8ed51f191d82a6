"""What `benchmarks.recording` wrote, read for replay: starting attempts, and what each arm brought from them.

Tokens are those that an engine computes: an arm that goes on with a chain does not pay for it again, and samples
share the prompt that is in the cache.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adaptive.policy import select
from adaptive.policy.arms import Plan
from adaptive.policy.majority import size_next_batch
from adaptive.policy.vote import collect_ballots, judge_vote
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Rung
from adaptive.types.policy import After, Policy
from adaptive.verify import Verifier, same_answer


@dataclass(frozen=True)
class Brought:
    """What an arm brought from one starting attempt.

    right: of the answer that is kept of both, raw: of the arm's own answer. tokens: computed for it. samples:
    drawn.
    """

    right: bool
    raw: bool
    tokens: int
    samples: int = 0


@dataclass(frozen=True)
class Start:
    """One starting attempt and every arm from it; `cost` is the tokens that it took itself, its prompt
    included."""

    question: str
    attempt: Attempt
    right: bool
    accepted: bool
    score: float
    cost: int
    after: After
    arms: dict[str, Brought]


@dataclass(frozen=True)
class Replay:
    """Judges and votes as a solve would, with the verifier and the policy of a profile."""

    verifier: Verifier
    policy: Policy

    def starts(self, row: dict[str, Any]) -> list[Start]:
        """The starting attempts of one recorded question, one for each budget."""
        attempts = {k: [Attempt.from_json(a) for a in row[k]] for k in ("starts", "waits")}
        samples = [[Attempt.from_json(a) for a in one] for one in row["samples"]]
        other = Attempt.from_json(row["effort"]) if row["effort"] else None
        found = []
        for place, start in enumerate(attempts["starts"]):
            later = attempts["starts"][place + 1 :]
            one = _Question(self, row, self.judged(start, []), [s[place] for s in samples])
            found.append(one.start(later, attempts["waits"], other))
        return found

    def judged(self, attempt: Attempt, before: Sequence[Attempt]) -> Attempt:
        """An attempt with its verdict."""
        return attempt.with_verdict(asyncio.run(self.verifier.verify("", attempt, before)))


@dataclass(frozen=True)
class _Question:
    """A recorded question at one starting attempt."""

    by: Replay
    row: dict[str, Any]
    first: Attempt
    samples: list[Attempt]

    def start(self, later: list[Attempt], waits: list[Attempt], other: Attempt | None) -> Start:
        first, verdict = self.first, self.first.verdict
        cut = first.finish == "budget"
        arms: dict[str, Brought] = {}
        if cut and later:
            arms["budget"] = self.one(later[0], "budget", later[0].chain_tokens - first.chain_tokens)
            arms["budget, top"] = self.one(later[-1], "budget", later[-1].chain_tokens - first.chain_tokens)
        if not cut and waits:
            arms["wait"] = self.one(waits[0], "wait", waits[0].usage.most_thinking)
        if not cut and len(waits) > 1:
            arms["2 waits"] = self.two(waits)
        if other is not None:
            arms["effort"] = self.one(other, "effort", self.row["prompt"] + other.chain_tokens, base=None)
        arms["vote"] = self.vote(adaptive=True)
        arms[f"vote of {len(self.samples)}"] = self.vote(adaptive=False)
        right = self.right(first)
        assert verdict is not None
        cost = self.row["prompt"] + first.chain_tokens + after_thinking(first)
        return Start(
            self.row["question"],
            first,
            right,
            verdict.accepted,
            verdict.score,
            cost,
            "cut" if cut else "ended",
            arms,
        )

    def right(self, attempt: Attempt) -> bool:
        return same_answer(attempt.answer, self.row["answer"])

    def one(self, attempt: Attempt, arm: Arm, thinking: int, base: int | None = 0) -> Brought:
        """One attempt more, and the better of both kept."""
        both = [self.first, self.by.judged(replace(attempt, arm=arm, base=base), [self.first])]
        kept = both[select.select_best_attempt(both)]
        return Brought(self.right(kept), self.right(attempt), thinking + after_thinking(attempt))

    def two(self, waits: list[Attempt]) -> Brought:
        """Two Waits, the second where the first one's answer is rejected."""
        second = self.by.judged(replace(waits[0], arm="wait", base=0), [self.first])
        tokens = waits[0].usage.most_thinking + after_thinking(waits[0])
        if second.verdict is not None and second.verdict.accepted:
            return Brought(self.right(second), self.right(second), tokens)
        third = self.by.judged(replace(waits[1], arm="wait", base=1), [self.first, second])
        kept = [self.first, second, third][select.select_best_attempt([self.first, second, third])]
        return Brought(
            self.right(kept), self.right(third), tokens + waits[1].usage.most_thinking + after_thinking(waits[1])
        )

    def vote(self, *, adaptive: bool) -> Brought:
        """The majority of the first answer and samples: as many as the vote asks for, or all."""
        plan = Plan(0, Rung("low", 1), "vote", "", samples=len(self.samples))
        attempts = [self.first]
        while True:
            ballots, most = collect_ballots(attempts, plan)
            sure = self.by.policy.vote_sure if adaptive else 1.0
            wanted = size_next_batch(ballots, most, sure) if adaptive else most - len(ballots)
            wanted = wanted or int(len(attempts) == 1)
            if not wanted:
                break
            for sample in self.samples[len(attempts) - 1 : len(attempts) - 1 + wanted]:
                attempts.append(self.by.judged(replace(sample, arm="vote"), attempts))
        vote = judge_vote(attempts, plan, self.by.policy)
        drawn = attempts[1:]
        raw = self.right(attempts[vote.leader])
        attempts[vote.leader] = replace(attempts[vote.leader], verdict=vote.verdict)
        tokens = sum(a.chain_tokens + after_thinking(a) for a in drawn)
        return Brought(self.right(attempts[select.select_best_attempt(attempts)]), raw, tokens, len(drawn))


def after_thinking(attempt: Attempt) -> int:
    """What came after its thinking, and what was put there."""
    waits = sum(r.injected for r in attempt.rounds)
    return attempt.usage.answer + max(0, attempt.usage.injected - waits)


def read(file: Path) -> list[dict[str, Any]]:
    """The recorded rows."""
    return [json.loads(line) for line in file.read_text().splitlines()]
