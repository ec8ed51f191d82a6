"""Budget arithmetic: how a model is steered (`Style`), and how much thinking fits (`Room`). No engine here.

Where a context window is short, room is given away in this order: thinking shrinks, down to nothing; the
closing phrase goes; the answer's room shrinks, down to one token; then it is an `InputError`.
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

    waits: put where the model ended its thinking too early, taken in turn; s1's bare "Wait" by default
        (arXiv 2501.19393, §3.1 and table 4). An empty one only drops the end.
    closing: put before an end of thinking that is forced; charged to the budget, left out if it has no
    room. hand_over: put after every end marker, None as the model's markers have it; injected, but not
    thinking.
    answer_prefix: head of the answer after a forced end, `\boxed{` say; belongs to the answer's text.
    direct_prefix: the same for an answer without any thinking; it makes a model that would think in prose, for it
    knows
        no other way, answer at once.
    useful_round: a wait is not injected when fewer thinking tokens than this would be left after it.
    system: a system message for conversations that have none, "" for none: models that were not trained to think
        are told here to do it, and how to give their answer.
    stop_on_repeat: no further wait once a round brought only what the one before it had, or the same boxed
        answer (none of the 25 waits recorded in the notebook changed it). False is s1's fixed count.
    """

    waits: tuple[str, ...] = ("Wait",)
    closing: str = ""
    hand_over: str | None = None
    answer_prefix: str = ""
    useful_round: int = 8
    stop_on_repeat: bool = True
    system: str = ""
    direct_prefix: str = ""

    def __post_init__(self) -> None:
        if not self.waits:
            raise InputError("a style needs at least one wait string: use an empty one to add no text.")
        if self.useful_round < 1:
            raise InputError(f"useful_round must be 1 or more, got {self.useful_round}.")

    def with_system(self, conversation: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The (role, content) pairs of a conversation, with the system message where it has none of its own."""
        own = any(role == "system" for role, _ in conversation)
        return [*([] if own or not self.system else [("system", self.system)]), *conversation]


@dataclass(frozen=True)
class Tail:
    """What is put between thinking and answer, as ids: closing phrase, end marker if any, hand-over, prefix."""

    closing: tuple[int, ...]
    end: tuple[int, ...]
    hand_over: tuple[int, ...]
    prefix: tuple[int, ...]

    @classmethod
    def from_style(cls, style: Style, codec: Codec) -> Tail:
        """The tail of a style, in the ids of one model."""
        markers = codec.markers
        end = () if markers.think_end is None else (markers.think_end,)
        hand_over = markers.hand_over if style.hand_over is None else codec.encode(style.hand_over)
        return cls(codec.encode(style.closing), end, hand_over, codec.encode(style.answer_prefix))

    @property
    def fixed(self) -> int:
        """Ids that a forced end puts after the thinking whatever the budget: all but the closing phrase."""
        return len(self.end) + len(self.hand_over) + len(self.prefix)


@dataclass(frozen=True)
class Room:
    """Thinking tokens of an attempt, those of the chain so far included.

    total: the most it may hold, closing phrase included. limit: the most before the end is forced.
    why: which of the two bounds it, the rung's budget or the context window.
    """

    total: int
    limit: int
    why: Literal["budget", "context"]

    @classmethod
    def plan(cls, rung: Rung, window: int, prompt: int, tail: Tail) -> Room:
        """The room for thinking after `prompt` ids in a window of `window` ids, the answer's room kept
        free.

        Sampled ends are charged here as if they took a place in the window too: one measure for both.
        Raises `InputError` when not one token of an answer fits.
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
