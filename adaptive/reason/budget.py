"""Budget arithmetic: how a model is steered (`Style`), and how much thinking fits (`Room`). No engine here.

If a context window is short, room is given up in this order: thinking shrinks, down to nothing; the closing phrase
goes; the answer's room shrinks, down to one token; then it is an `InputError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adaptive.engines.protocol import Codec
from adaptive.errors import InputError
from adaptive.types.ladder import Rung


@dataclass(frozen=True)
class Style:
    r"""How a model is steered, from its profile. Its texts are plain text: no marker can be in them.

    Attributes:
        waits: Injected in turn when the model ends its thinking too early; s1's bare "Wait" by default
            (arXiv 2501.19393, §3.1 and table 4). An empty one only drops the end.
        closing: Injected before a forced end of thinking; charged to the budget, left out if it has no room.
        hand_over: Injected after every end of thinking, but no thinking itself; None for that of the markers.
        answer_prefix: Heads the answer after a forced end, for example `\boxed{`; part of the answer's text.
        useful_round: A wait is not injected if fewer thinking tokens than this would be left after it.
        stop_on_repeat: No further wait follows a round that only repeats the one before it, or its boxed answer
            (none of the 25 waits recorded in the notebook changed it). False is s1's fixed count.
        system: The system message of conversations without one, "" for none. It tells models that were not
            trained to think to do so, and how to give their answer.
        direct_prefix: Heads an answer without thinking; it makes a model that would think in prose answer at once.
        history: Whether the model is shown the earlier turns of a conversation. One that was trained on single
            questions alone would answer the first of them again.
    """

    waits: tuple[str, ...] = ("Wait",)
    closing: str = ""
    hand_over: str | None = None
    answer_prefix: str = ""
    useful_round: int = 8
    stop_on_repeat: bool = True
    system: str = ""
    direct_prefix: str = ""
    history: bool = True

    def __post_init__(self) -> None:
        if not self.waits:
            raise InputError("a style needs at least one wait string: use an empty one to add no text.")
        if self.useful_round < 1:
            raise InputError(f"useful_round must be 1 or more, got {self.useful_round}.")

    def with_system(self, conversation: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the (role, content) pairs of a conversation, with the system message if it has none."""
        own = any(role == "system" for role, _ in conversation)
        return [*([] if own or not self.system else [("system", self.system)]), *conversation]


@dataclass(frozen=True)
class Tail:
    """The ids between thinking and answer: closing phrase, end marker if any, hand-over, prefix."""

    closing: tuple[int, ...]
    end: tuple[int, ...]
    hand_over: tuple[int, ...]
    prefix: tuple[int, ...]

    @classmethod
    def from_style(cls, style: Style, codec: Codec) -> Tail:
        """Encode the tail of a style with a model's codec."""
        markers = codec.markers
        end = () if markers.think_end is None else (markers.think_end,)
        hand_over = markers.hand_over if style.hand_over is None else codec.encode(style.hand_over)
        return cls(codec.encode(style.closing), end, hand_over, codec.encode(style.answer_prefix))

    @property
    def fixed(self) -> int:
        """How many ids a forced end injects whatever the budget: all but the closing phrase."""
        return len(self.end) + len(self.hand_over) + len(self.prefix)


@dataclass(frozen=True)
class Room:
    """Thinking tokens of an attempt, those of the chain so far included.

    Attributes:
        total: The most tokens, closing phrase included.
        limit: The most tokens before the end is forced.
        why: What bounds them, the rung's budget or the context window.
    """

    total: int
    limit: int
    why: Literal["budget", "context"]

    @classmethod
    def plan(cls, rung: Rung, window: int, prompt: int, tail: Tail) -> Room:
        """Return the room for thinking, with the answer's room kept free.

        Sampled ends are charged as if they took a place in the window too: one measure for both.

        Args:
            rung: Its budget and its answer's room.
            window: The context window in ids.
            prompt: The prompt's length in ids.
            tail: What comes between thinking and answer.

        Raises:
            InputError: Not one token of an answer fits.
        """
        check_prompt_fits(window, prompt, tail.fixed)
        fits = max(0, window - prompt - tail.fixed - rung.answer_room)
        total = min(rung.budget, fits)
        limit = total - len(tail.closing) if total > len(tail.closing) else total
        return cls(total, limit, "context" if fits < rung.budget else "budget")


def check_prompt_fits(window: int, prompt: int, markers: int) -> None:
    """Raise `InputError` unless `prompt` and `markers` ids leave one token of the window to answer with."""
    if prompt + markers + 1 > window:
        raise InputError(
            f"the question takes {prompt} tokens and its answer at least {markers + 1} more, "
            f"but the model's context window holds {window}: shorten the question."
        )
