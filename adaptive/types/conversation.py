"""The shape of a conversation: what it holds besides its question.

A profile says on which shapes it was measured.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from adaptive.errors import InputError

ALONE_NAME = "alone"


@dataclass(frozen=True, order=True)
class ConversationShape:
    """What a conversation holds besides its question.

    Attributes:
        system: A system prompt of the caller's; that of the profile's style does not count.
        history: Turns besides the question: other user messages, or replies of an assistant.
        tools: Calls or results of tools.
    """

    system: bool = False
    history: bool = False
    tools: bool = False

    @property
    def name(self) -> str:
        """The shape in `profile.json`: "alone", or its parts joined by "+", for example "system+history"."""
        return "+".join(f.name for f in fields(self) if getattr(self, f.name)) or ALONE_NAME

    @classmethod
    def parse(cls, name: str) -> ConversationShape:
        """Return the shape of this `name`; raise `InputError` if there is none."""
        parts = [] if name == ALONE_NAME else name.split("+")
        known = [f.name for f in fields(cls)]
        if len(set(parts)) < len(parts) or not set(parts) <= set(known):
            raise InputError(
                f"the shape {name!r} is not known: use {ALONE_NAME}, or {', '.join(known)} joined by +."
            )
        return cls(**dict.fromkeys(parts, True))

    def describe(self) -> str:
        """Return the shape in words, for example "questions with a system prompt and earlier turns"."""
        words = {"system": "a system prompt", "history": "earlier turns", "tools": "tool results"}
        *rest, last = [text for part, text in words.items() if getattr(self, part)] or [""]
        if not last:
            return "single questions"
        return f"questions with {', '.join(rest)} and {last}" if rest else f"questions with {last}"


ALONE = ConversationShape()
"""A single question."""
