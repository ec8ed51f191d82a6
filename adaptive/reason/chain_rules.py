"""ChainRules: what follows a round of a chain. Pure: rounds and steered chains (`steered_chain.py`) share them."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.answers.boxed import extract_boxed
from adaptive.engines.protocol import Codec
from adaptive.reason.budget import Room, Style, Tail
from adaptive.reason.chain import Thought
from adaptive.types.attempt import Finish, RoundEnd


@dataclass(frozen=True)
class ChainRules:
    """The rules of one attempt that thinks.

    Attributes:
        codec: The model's codec.
        style: How the model is steered.
        granted: How many waits the chain may have.
        tail: What comes between thinking and answer.
        room: How much thinking there may be.
    """

    codec: Codec
    style: Style
    granted: int
    tail: Tail
    room: Room

    def choose_opening(self, thought: Thought) -> tuple[int, ...] | None:
        """Return what the next round starts with, nothing or a wait; None if there is no next round."""
        if not thought.ended:
            return () if thought.charged < self.room.limit else None
        wait = self.codec.encode(self.choose_wait(thought))
        left = self.room.limit - thought.charged - len(wait)
        return wait if thought.waits < self.granted and left >= self.style.useful_round else None

    def choose_wait(self, thought: Thought) -> str:
        """Return the text of the chain's next wait."""
        return self.style.waits[thought.waits % len(self.style.waits)]

    def add_round(
        self,
        thought: Thought,
        opening: tuple[int, ...],
        ids: tuple[int, ...],
        end: RoundEnd,
        weakest: float | None = None,
        *,
        stopped: bool = False,
    ) -> Thought:
        """Return the chain with one more round; a round after a wait that ends naturally is judged.

        Args:
            thought: The chain so far.
            opening: The wait that the round starts with.
            ids: What the model generated.
            end: Why the round ended.
            weakest: The lowest mean log-probability (nats) of a stretch of it.
            stopped: Whether an early stop ended it.
        """
        waited = thought.ended
        thought = thought.with_round(opening, ids, end, weakest, stopped=stopped)
        if end == "natural" and waited and self.style.stop_on_repeat:
            return thought.with_end(self._judge_last_wait(thought))
        return thought

    def _judge_last_wait(self, thought: Thought) -> RoundEnd:
        """Return what the last wait brought: `loop` if no new token, `converged` if the same boxed answer."""
        before, last = thought.get_round_ids(-2), thought.get_round_ids(-1)
        if not last or last == before:
            return "loop"
        answer = extract_boxed(self.codec.decode(last))
        return (
            "converged" if answer is not None and answer == extract_boxed(self.codec.decode(before)) else "natural"
        )

    def choose_closing(self, charged: int) -> tuple[int, ...]:
        """Return the closing phrase of a forced end, if the budget has room for it."""
        return self.tail.closing if charged + len(self.tail.closing) <= self.room.total else ()

    def locate_forced(self, thought: Thought, closing: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """Return where in the thinking's text the waits and the closing phrase of a forced end are."""
        ids, decode = (*thought.ids, *closing), self.codec.decode
        spans = thought.locate_waits() + ([] if thought.ended else [(len(thought.ids), len(ids))])
        return tuple((len(decode(ids[:start])), len(decode(ids[:end]))) for start, end in spans)

    def derive_finish(self, thought: Thought) -> Finish:
        """Return how the thinking of a finished chain ended."""
        if thought.ended:
            return "natural"
        if thought.rounds and thought.rounds[-1].stopped:
            return thought.rounds[-1].end
        cut_by_engine = bool(thought.rounds) and thought.rounds[-1].end == "context"
        return "context" if cut_by_engine else self.room.why
