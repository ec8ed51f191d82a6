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


SHORT_TEXT = 4000
"""Characters of a text that is encoded within a few milliseconds; a longer one is encoded in a thread."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen: temperature 0 is greedy; a seed makes sampling repeatable.

    schema: the JSON schema that the new text must follow from its first token on, as JSON; empty for none. Only
    engines that can guide take one (`TokenEngine.can_guide`).
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    schema: str = ""


@dataclass(frozen=True)
class Generation:
    """How an engine continued a sequence.

    Attributes:
        ids: The new tokens, without the stop id that ended them.
        logprobs: One for each id (natural log, of the untempered distribution); empty if the engine gives none.
        end: "stop" (a stop id was chosen), "length" (max_tokens reached), "halted" (the caller's `halt` returned
            True) or "context" (the window is full).
        prefilled: Ids that were computed before the first new token.
        cached: Ids that were not computed again; 0 if the engine does not report them.
        stop_id: The stop id, if one was chosen.
        stop_logprob: Its log-probability, if the engine gives one.
        counted: Whether the engine reports `cached`.
        estimated: Whether the ids are those of a text that the engine gave, so that their number is an estimate.
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    end: GenerationEnd
    prefilled: int
    cached: int
    stop_id: int | None = None
    stop_logprob: float | None = None
    counted: bool = True
    estimated: bool = False

    def joined(self, after: Generation) -> Generation:
        """Return this generation and the one that continued it, as if they had been one."""
        complete = len(self.logprobs) == len(self.ids) and len(after.logprobs) == len(after.ids)
        return replace(
            after,
            ids=self.ids + after.ids,
            logprobs=self.logprobs + after.logprobs if complete else (),
            prefilled=self.prefilled,
            cached=self.cached,
            counted=self.counted and after.counted,
            estimated=self.estimated or after.estimated,
        )


@dataclass(frozen=True)
class Prompt:
    """A rendered question: `open` ends where thinking starts, `closed` is the same with thinking shut at once.

    `notes` say, in words, in which form the chat template took a conversation that it did not take as it is.
    """

    open: tuple[int, ...]
    closed: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Markers:
    """The ids that steer a model.

    Attributes:
        think_start: Opens thinking; None if the model has no id for it.
        think_end: Closes thinking; None if the model has no id for it: then the end of the turn ends thinking.
        turn_end: Any of these ends the turn.
        hand_over: What stands between the end of thinking and the answer.
        name: What `--markers` calls them.
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
        """The efforts that the chat template distinguishes; empty if it knows none, so that only budgets count."""
        ...

    def render(self, messages: Sequence[tuple[str, str]], effort: Effort) -> Prompt:
        """Render (role, content) pairs with the chat template. Contents cannot open or close anything."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of plain text; what looks like a special token is encoded as ordinary text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without special tokens."""
        ...


class TokenEngine(Protocol):
    """A model that continues ids. Safe to use from several tasks at once."""

    @property
    def name(self) -> str:
        """The model spec it was opened with."""
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
        """Whether calls of all sessions share one cache. If not, calls that should share it use one session."""
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
        """Continue `ids` until a stop id, `max_tokens` or the window's end. Cancelling stops within one token.

        With a schema in `sampling` it ends when the JSON is whole, as with a stop id.

        Args:
            ids: The whole sequence so far.
            max_tokens: The most new tokens, at least 1.
            stop_ids: Any of these ends the generation.
            sampling: How tokens are chosen.
            session: The chain that the sequence belongs to, for the cache.
            on_token: Called in the caller's event loop with each new id that is kept.
            halt: Called with the same ids in the same order, in any thread. The id at which it returns True is
                the last one.

        Raises:
            ValueError: `ids` is empty or already fills the window, or there is a schema and no guided decoding.
        """
        ...

    async def can_guide(self) -> bool:
        """Whether the engine has guided decoding: `Sampling.schema` is kept, token by token."""
        ...

    async def release(self, session: str) -> None:
        """Forget the cache of `session`; a later call with it computes everything again."""
        ...

    async def close(self) -> None:
        """Free the model."""
        ...
