"""Tokens of sequential attempts, as an engine with a prefix cache computes them."""

from __future__ import annotations

from dataclasses import dataclass, field

from adaptive.learn.data.outcome import Outcome, OutcomeKey
from adaptive.types.ladder import Ladder
from adaptive.types.usage import Usage

ChainId = tuple[str, str]
"""A model, as rungs name it, and an effort: what a prompt and its chain of thinking depend on."""


@dataclass
class CostCounter:
    """Tokens of sequential greedy attempts at one question, summed in `usage`.

    A prompt is counted once for each effort of a model, and a chain that is continued once. The direct answer
    shares the prompt of the first rung that thinks.
    """

    ladder: Ladder
    usage: Usage = field(default_factory=lambda: Usage(cost=0.0))
    chains: dict[ChainId, Outcome] = field(default_factory=dict)
    counted_prompts: set[ChainId] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        """Count one more attempt; it is free if its chain ended within a smaller budget."""
        chain = (outcome.key.model, outcome.key.effort)
        before = self.chains.get(chain)
        if before is not None and before.attempt.finish != "budget" and not outcome.is_billed:
            return
        prompt = self._find_prompt(outcome.key)
        self.usage += outcome.compute_usage(before, prompt_read=prompt in self.counted_prompts)
        self.counted_prompts.add(prompt)
        if not outcome.key.is_direct:
            self.chains[chain] = outcome

    def _find_prompt(self, key: OutcomeKey) -> ChainId:
        thinking = (r.effort for r in self.ladder if r.thinks and r.model == key.model)
        return key.model, next(thinking, key.effort) if key.is_direct else key.effort
