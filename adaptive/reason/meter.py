"""Counts what one attempt makes an engine do: each token once, whatever the number of calls.

thinking  ids sampled while thinking, the ends that the model sampled among them
answer    ids sampled while answering, the end of the turn among them
injected  ids that nobody sampled: waits, closing phrase, forced end marker, hand-over, answer prefix
prompt    the ids that the attempt started from (the prompt, and the chain of earlier attempts), each once,
          and those that the engine computed a second time within the attempt: none where it keeps its cache
cached    those of the first that the engine still held

So `thinking + answer` is exactly the steps that the engine made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal

from adaptive.attempt import Usage
from adaptive.engines.protocol import Generation, OnToken, Sampling, TokenEngine
from adaptive.errors import AdaptiveError


@dataclass
class Meter:
    """Sends the sequences of one attempt to an engine; `given` is how many ids the attempt starts from."""

    engine: TokenEngine
    sampling: Sampling
    session: str
    given: int
    injected: int = 0
    _made: dict[str, int] = field(default_factory=lambda: {"thinking": 0, "answer": 0})
    _reread: int = 0
    _cached: int | None = None
    _computed: int = 0  # leading ids that the engine has computed within this attempt
    _started: float = field(default_factory=perf_counter)

    async def sample(
        self,
        ids: tuple[int, ...],
        room: int,
        stop_ids: tuple[int, ...],
        kind: Literal["thinking", "answer"],
        on_token: OnToken,
    ) -> Generation:
        """At most `room` tokens after `ids`, counted as `kind`; `AdaptiveError` when the engine made more."""
        made = await self.engine.generate(
            ids,
            max_tokens=room,
            stop_ids=stop_ids,
            sampling=self.sampling,
            session=self.session,
            on_token=on_token,
        )
        self._made[kind] += _checked(made, room, self.engine.name)
        self._count_reading(ids, made)
        return made

    def usage(self) -> Usage:
        """What was spent so far, `seconds` since the meter was made; the price is left unknown."""
        return Usage(
            prompt=self.given + self._reread,
            cached=self._cached or 0,
            thinking=self._made["thinking"],
            injected=self.injected,
            answer=self._made["answer"],
            seconds=perf_counter() - self._started,
        )

    def _count_reading(self, ids: tuple[int, ...], made: Generation) -> None:
        self._reread += max(0, self._computed - made.cached)
        if self._cached is None:
            self._cached = min(made.cached, self.given)
        # The last id before a limit was sampled but never read back in; before a stop it was.
        self._computed = len(ids) + len(made.ids) - (made.end != "stop")


def _checked(made: Generation, room: int, name: str) -> int:
    """Tokens sampled, the stop included. A limit is checked, not believed: servers drop it (s1.md §4.1)."""
    steps = len(made.ids) + (made.stop_id is not None)
    if steps > room:
        raise AdaptiveError(f"{name} made {steps} tokens where at most {room} were asked for.")
    return steps
