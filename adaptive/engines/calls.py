"""What engines that only take calls have in common: a call's limits, and a generation as it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adaptive.engines.protocol import Generation, GenerationEnd, OnToken, Sampling


@dataclass(frozen=True)
class Asked:
    """What `TokenEngine.generate` was asked for, in a window of `window` ids; `ValueError` for what cannot be."""

    ids: tuple[int, ...]
    max_tokens: int
    stop_ids: frozenset[int]
    sampling: Sampling
    window: int

    def __post_init__(self) -> None:
        if not self.ids or len(self.ids) >= self.window:
            raise ValueError(f"a sequence must have 1 to {self.window - 1} ids, this one has {len(self.ids)}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more, got {self.max_tokens}")

    @property
    def room(self) -> int:
        """Tokens that may be made."""
        return min(self.max_tokens, self.window - len(self.ids))

    @property
    def seed(self) -> int:
        """The seed of this call: a continued sequence must not draw again what its start drew."""
        return (self.sampling.seed * 1_000_003 + len(self.ids)) % 2**31


@dataclass
class Growing:
    """A generation as it arrives; tokens that are kept are told to `on_token`."""

    asked: Asked
    on_token: OnToken | None = None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stop: tuple[int, float | None] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more is wanted."""
        return self.stop is not None or len(self.ids) >= self.asked.room

    def add(self, ids: Sequence[int], logprobs: Sequence[float]) -> None:
        """Take tokens up to a stop id or the room; what comes after that is not kept."""
        for place, token in enumerate(ids):
            if self.over:
                return
            logprob = logprobs[place] if place < len(logprobs) else None
            if token in self.asked.stop_ids:
                self.stop = token, logprob
                return
            self._keep(token, logprob)

    def _keep(self, token: int, logprob: float | None) -> None:
        self.ids.append(token)
        if logprob is not None:
            self.logprobs.append(logprob)
        if self.on_token is not None:
            self.on_token(token)

    def done(self, cached: int) -> Generation:
        """What it came to; `cached` ids were not computed again, told of a call that went on they may be more."""
        cached = min(cached, len(self.asked.ids))
        end: GenerationEnd = (
            "stop" if self.stop else "length" if len(self.ids) >= self.asked.max_tokens else "context"
        )
        stop_id, stop_logprob = self.stop or (None, None)
        logprobs = tuple(self.logprobs) if len(self.logprobs) == len(self.ids) else ()
        prefilled = len(self.asked.ids) - cached
        return Generation(tuple(self.ids), logprobs, end, prefilled, cached, stop_id, stop_logprob)
