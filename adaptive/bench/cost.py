"""Tokens of sequential or parallel attempts, as an engine with a prefix cache computes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from adaptive.learn.data.outcome import DIRECT, Outcome
from adaptive.types.ladder import Ladder
from adaptive.types.usage import Usage

FREE = Usage(cost=0.0)


@dataclass
class CostCounter:
    """Tokens of sequential greedy attempts at one question, summed in `usage`.

    A prompt is counted once for each effort, and a chain that is continued once. The direct answer shares the
    prompt of the first rung that thinks.
    """

    ladder: Ladder
    usage: Usage = FREE
    chains: dict[str, Outcome] = field(default_factory=dict)
    counted_prompts: set[str] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        """Count one more attempt; it is free if its chain ended within a smaller budget."""
        effort, before = outcome.key.effort, self.chains.get(outcome.key.effort)
        if before is not None and before.attempt.finish != "budget":
            return
        spent, prompt = outcome.compute_usage(before), self._resolve_prompt_effort(effort)
        fresh = outcome.prompt if prompt not in self.counted_prompts else 0
        self.usage += replace(spent, prompt=fresh)
        self.counted_prompts.add(prompt)
        if outcome.key != DIRECT:
            self.chains[effort] = outcome

    def _resolve_prompt_effort(self, effort: str) -> str:
        return next((r.effort for r in self.ladder if r.thinks), effort) if effort == DIRECT.effort else effort


def sum_parallel_usage(samples: Iterable[Outcome]) -> Usage:
    """Return the usage of samples of one prompt, which is counted once."""
    return sum(_share_prompt(samples), FREE)


def _share_prompt(samples: Iterable[Outcome]) -> Iterator[Usage]:
    for place, sample in enumerate(samples):
        spent = sample.compute_usage()
        yield spent if place == 0 else replace(spent, prompt=0)
