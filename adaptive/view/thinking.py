"""The text of an attempt's thinking in pieces: the model's own, what was forced, and where it was cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from adaptive.view.words import ROUND_ENDS


@dataclass(frozen=True)
class ThinkingPiece:
    """A piece of the text.

    kind: "own" is the model's, "forced" was injected, "cut" marks where the thinking was ended by force, with why
    as its text.
    """

    kind: Literal["own", "forced", "cut"]
    text: str


def split_forced_thinking(attempt: Mapping[str, Any]) -> list[ThinkingPiece]:
    """Return the pieces of an attempt of a result, in their order.

    Older results do not say what was forced: then all is the model's own.
    """
    text, spans = attempt["thinking"], attempt.get("forced", ())
    waits = sum(one["injected"] > 0 for one in attempt["rounds"])
    pieces, place = list[ThinkingPiece](), 0
    for number, (start, end) in enumerate(spans):
        pieces.append(ThinkingPiece("own", text[place:start]))
        if number >= waits:
            pieces.append(ThinkingPiece("cut", ROUND_ENDS.get(attempt["finish"], attempt["finish"])))
        pieces.append(ThinkingPiece("forced", text[start:end]))
        place = end
    pieces.append(ThinkingPiece("own", text[place:]))
    return [one for one in pieces if one.text]
