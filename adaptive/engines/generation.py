"""A call to an engine: its limits, and the generation as it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adaptive.engines.protocol import Generation, GenerationEnd, Halt, OnToken, Sampling
from adaptive.engines.steering import OnPart, RequestSteering


@dataclass(frozen=True)
class GenerationRequest:
    """The arguments of `TokenEngine.generate`; `window` is the engine's. Raises `ValueError` if out of range."""

    ids: tuple[int, ...]
    max_tokens: int
    stop_ids: frozenset[int]
    sampling: Sampling
    window: int
    steering: RequestSteering | None = None

    def __post_init__(self) -> None:
        if not self.ids or len(self.ids) >= self.window:
            raise ValueError(f"a sequence must have 1 to {self.window - 1} ids, this one has {len(self.ids)}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more, got {self.max_tokens}")

    @property
    def room(self) -> int:
        """The most tokens that may be generated."""
        return min(self.max_tokens, self.window - len(self.ids))

    @property
    def seed(self) -> int:
        """The seed of this call."""
        return self.seed_after(0)

    def seed_after(self, generated: int) -> int:
        """Return the seed for what is missing after `generated` tokens.

        It depends on the place, so that a continued sequence does not sample again what its start sampled.
        """
        return (self.sampling.seed * 1_000_003 + len(self.ids) + generated) % 2**31


@dataclass
class GrowingGeneration:
    """A generation as it arrives.

    `on_token` is called with each token that is kept, and `halt` may end it; `on_part` with all tokens of a part.
    """

    request: GenerationRequest
    on_token: OnToken | None = None
    halt: Halt | None = None
    session: str = ""
    on_part: OnPart | None = None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stop: tuple[int, float | None] | None = None
    halted: bool = False
    closed: bool = False
    estimated: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether no more tokens are wanted."""
        return self.stop is not None or self.halted or self.closed or len(self.ids) >= self.request.room

    @property
    def tokens_left(self) -> int:
        """Tokens that are still missing."""
        return self.request.room - len(self.ids)

    def add(
        self, ids: Sequence[int], logprobs: Sequence[float | None], chosen: Sequence[bool] | None = None
    ) -> None:
        """Take tokens up to a stop id or the room; later ones are dropped.

        Args:
            ids: The tokens.
            logprobs: One for each, as far as they are known.
            chosen: Whether each is the most probable one; None if unknown.
        """
        before = len(self.ids)
        self._add_up_to_end(ids, logprobs)
        count = len(self.ids) - before
        if self.on_part is not None and count:
            self.on_part(ids[:count], logprobs[:count], [True] * count if chosen is None else chosen[:count])

    def _add_up_to_end(self, ids: Sequence[int], logprobs: Sequence[float | None]) -> None:
        for place, token in enumerate(ids):
            if self.is_complete:
                return
            logprob = logprobs[place] if place < len(logprobs) else None
            if token in self.request.stop_ids:
                self.stop = token, logprob
                return
            self._append(token, logprob)

    def close(self) -> None:
        """End it where it is: a guided text is whole, even if what ended it is none of the stop ids."""
        self.closed = not self.is_complete

    def _append(self, token: int, logprob: float | None) -> None:
        self.ids.append(token)
        if logprob is not None:
            self.logprobs.append(logprob)
        if self.on_token is not None:
            self.on_token(token)
        self.halted = self.halt is not None and self.halt(token)

    @property
    def end(self) -> GenerationEnd:
        """Why it ended."""
        if self.stop is not None or self.closed:
            return "stop"
        if len(self.ids) >= self.request.max_tokens:
            return "length"
        return "halted" if self.halted and len(self.ids) < self.request.room else "context"

    def finish(self, cached: int | None) -> Generation:
        """Return the generation.

        Args:
            cached: Ids that were not computed again; None if the engine does not report them. They may be more
                than the request's ids if a broken call was continued.
        """
        held = min(cached or 0, len(self.request.ids))
        stop_id, stop_logprob = self.stop or (None, None)
        logprobs = tuple(self.logprobs) if len(self.logprobs) == len(self.ids) else ()
        return Generation(
            ids=tuple(self.ids),
            logprobs=logprobs,
            end=self.end,
            prefilled=len(self.request.ids) - held,
            cached=held,
            stop_id=stop_id,
            stop_logprob=stop_logprob,
            counted=cached is not None,
            estimated=self.estimated,
        )
