"""Counts the tokens of one attempt, each once, whatever the number of calls.

thinking  ids sampled while thinking, the ends that the model sampled among them
answer    ids sampled while answering, the end of the turn among them
probe     ids of probes of the answer, sampled or injected
injected  ids that were not sampled: waits, closing phrase, forced end marker, hand-over, answer prefix
prompt    the ids that the attempt started from (the prompt, and the chain of earlier attempts), each once,
          and those that the engine computed a second time within the attempt: none if it keeps its cache
cached    those of the first that the engine had in its cache

An engine that does not report its cache is assumed to have cached what this attempt made it compute, and nothing
else; both figures are then marked estimated.

So `thinking + answer`, and the sampled part of `probe`, is exactly the number of steps that the engine made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

from adaptive.engines.protocol import Generation, Halt, OnToken, Sampling, TokenEngine
from adaptive.errors import AdaptiveError
from adaptive.types.usage import Usage

TokenKind = Literal["thinking", "answer", "probe"]
ALL_TOKENS = ("answer", "cached", "injected", "probe", "prompt", "thinking")
"""What is estimated on an engine that gives text: how many tokens it has is known by our tokenizer alone."""


@dataclass
class Meter:
    """Sends the sequences of one attempt to an engine and counts; the attempt starts from `start_length` ids."""

    engine: TokenEngine
    sampling: Sampling
    session: str
    start_length: int
    injected: int = 0
    _tokens_by_kind: dict[TokenKind, int] = field(default_factory=lambda: {"thinking": 0, "answer": 0, "probe": 0})
    _reread: int = 0
    _cached: int | None = None
    _chain: int = 0  # ids of the prompt and the chain after the last call that thought
    _computed: int = 0  # leading ids of those that the engine has computed within this attempt
    _counted: bool = True
    _estimated: bool = False
    _started: float = field(default_factory=perf_counter)

    async def sample(
        self,
        ids: tuple[int, ...],
        room: int,
        stop_ids: tuple[int, ...],
        kind: TokenKind,
        on_token: OnToken | None = None,
        halt: Halt | None = None,
        schema: str = "",
    ) -> Generation:
        """Sample at most `room` tokens after `ids`, counted as `kind`; the rest as `TokenEngine.generate`.

        schema: what they must follow, as in `Sampling`.

        Raises:
            AdaptiveError: The engine generated more tokens than that.
        """
        generation = await self.engine.generate(
            ids,
            max_tokens=room,
            stop_ids=stop_ids,
            sampling=replace(self.sampling, schema=schema) if schema else self.sampling,
            session=self.session,
            on_token=on_token,
            halt=halt,
        )
        # A limit is checked, not trusted: servers are known to ignore it (vLLM issue 50166).
        if (steps := _count_steps(generation)) > room:
            raise AdaptiveError(f"{self.engine.name} made {steps} tokens where at most {room} were asked for.")
        self._tokens_by_kind[kind] += steps
        self._count_reading(ids, generation, kind)
        return generation

    def recount(self, tokens: int, source: TokenKind, target: TokenKind) -> None:
        """Count tokens that were sampled as `source` as `target`: only a whole reply shows which they are."""
        self._tokens_by_kind[source] -= tokens
        self._tokens_by_kind[target] += tokens

    def count_probe(self, injected: int) -> None:
        """Count ids that were injected for a probe."""
        self._tokens_by_kind["probe"] += injected

    def adopt_probe(self, probe: Generation, injected: int) -> None:
        """Count the last probe as the answer."""
        steps = _count_steps(probe)
        self._tokens_by_kind["probe"] -= steps + injected
        self._tokens_by_kind["answer"] += steps
        self.injected += injected

    def count_request(self, ids: tuple[int, ...], generation: Generation) -> None:
        """Count what a request of a steered chain read; `count_steered` counts what came of all of them."""
        self._count_reading(ids, generation, "thinking")

    def count_steered(self, thinking: int, injected: int, answer: int) -> None:
        """Count the tokens of a steered chain and its answer."""
        self._tokens_by_kind["thinking"] += thinking
        self._tokens_by_kind["answer"] += answer
        self.injected += injected

    def read_usage(self) -> Usage:
        """Return the usage so far, with `seconds` since the meter was made and no cost."""
        return Usage(
            prompt=self.start_length + self._reread,
            cached=self._cached or 0,
            thinking=self._tokens_by_kind["thinking"],
            injected=self.injected,
            answer=self._tokens_by_kind["answer"],
            probe=self._tokens_by_kind["probe"],
            seconds=perf_counter() - self._started,
            estimated=ALL_TOKENS if self._estimated else () if self._counted else ("cached", "prompt"),
        )

    def _count_reading(self, ids: tuple[int, ...], generation: Generation, kind: TokenKind) -> None:
        self._counted &= generation.counted
        self._estimated |= generation.estimated
        if generation.counted:
            self._reread += max(0, self._computed - generation.cached)
        if self._cached is None:
            self._cached = min(generation.cached, self.start_length)
        if kind == "thinking":
            self._chain = len(ids) + len(generation.ids)
            # The last id before a limit is sampled but not computed; before a stop it is.
            self._computed = self._chain - (generation.end != "stop")
        else:
            self._computed = self._chain  # ids after the chain are no part of it


def _count_steps(generation: Generation) -> int:
    """Return how many tokens were sampled, the stop included."""
    return len(generation.ids) + (generation.stop_id is not None)
