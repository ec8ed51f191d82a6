"""The one protocol of token engines: token ids in, token ids out, the cache kept by the engine.

An engine gets the whole sequence of ids each time and computes only what its cache does not hold yet: the
longest prefix it shares with what the same `session` sent before is never computed again. So forcing an end,
putting it off, going back to an earlier point and forking are all the same call with other ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from adaptive.types.ladder import Effort

OnToken = Callable[[int], None]
Halt = Callable[[int], bool]
GenerationEnd = Literal["stop", "length", "halted", "context"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen: temperature 0 is greedy; a seed makes sampling repeatable."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Generation:
    """What an engine made of a sequence.

    `ids` are the new tokens, without the stop id that ended them (reported as `stop_id`); `logprobs` has one
    entry an id (natural log, of the untempered distribution), plus `stop_logprob`. `end` is "stop" (a stop id
    was chosen), "length" (max_tokens reached), "halted" (the caller's `halt` said so) or "context" (the window is
    full). `prefilled` counts ids that were computed before the first new token, `cached` those that were not
    computed again; where `counted` is False the engine did not say, and `cached` is 0.
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    end: GenerationEnd
    prefilled: int
    cached: int
    stop_id: int | None = None
    stop_logprob: float | None = None
    counted: bool = True

    def joined(self, after: Generation) -> Generation:
        """This generation and the one that went on from it, as if they had been one."""
        known = len(self.logprobs) == len(self.ids) and len(after.logprobs) == len(after.ids)
        return replace(
            after,
            ids=self.ids + after.ids,
            logprobs=self.logprobs + after.logprobs if known else (),
            prefilled=self.prefilled,
            cached=self.cached,
            counted=self.counted and after.counted,
        )


@dataclass(frozen=True)
class Prompt:
    """A rendered question: `open` ends where thinking starts, `closed` is the same with thinking shut at once."""

    open: tuple[int, ...]
    closed: tuple[int, ...]


@dataclass(frozen=True)
class Markers:
    """The ids that steer a model. `think_end` closes thinking; any of `turn_end` ends the turn.

    hand_over: what stands between the end of thinking and the answer. A model without ids for thinking has None
    for both: the end of its turn ends its thinking too. name: what `--markers` calls them.
    """

    think_start: int | None
    think_end: int | None
    turn_end: tuple[int, ...]
    hand_over: tuple[int, ...] = ()
    name: str = ""

    @property
    def thinking_stops(self) -> tuple[int, ...]:
        """Any of these ends thinking; a turn that ends in it ends the thinking too, as in s1."""
        return (*(() if self.think_end is None else (self.think_end,)), *self.turn_end)

    @property
    def answer_stops(self) -> tuple[int, ...]:
        """Any of these ends the answer: to open thinking again would be to think past the budget."""
        return (*self.turn_end, *(() if self.think_start is None else (self.think_start,)))


class Codec(Protocol):
    """Text to ids and back. Special tokens inside text are text: only `render` and `markers` make them."""

    @property
    def markers(self) -> Markers:
        """The special ids of this model."""
        ...

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts that the chat template tells apart; empty where it knows none and only budgets count."""
        ...

    def render(self, messages: Sequence[tuple[str, str]], effort: Effort) -> Prompt:
        """(role, content) pairs through the chat template. Contents cannot open or close anything."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of plain text; whatever looks like a special token in it is encoded as ordinary text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out."""
        ...


class TokenEngine(Protocol):
    """A model that continues ids. Safe to use from several tasks at once."""

    @property
    def name(self) -> str:
        """The model spec it was made from."""
        ...

    @property
    def codec(self) -> Codec:
        """Its tokenizer and chat template."""
        ...

    @property
    def context_window(self) -> int:
        """The most ids a sequence may have, prompt and new tokens together."""
        ...

    @property
    def shares_cache(self) -> bool:
        """Whether calls of all sessions share one cache: otherwise those that should share take turns in one."""
        ...

    async def generate(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_token: OnToken | None = None,
        halt: Halt | None = None,
    ) -> Generation:
        """Continue `ids` by at most `max_tokens` (>= 1) tokens, until a stop id or the window's end.

        `on_token` is called, in the caller's event loop, with each new id that is kept. `halt` is called with the
        same ids in the same order, in any thread: where it returns True that id is the last one. Cancelling the
        task stops within one token. Raises `ValueError` if `ids` is empty or already fills the window.
        """
        ...

    async def release(self, session: str) -> None:
        """Forget the cache of `session`; a later call with it computes everything again."""
        ...

    async def close(self) -> None:
        """Free the model."""
        ...
