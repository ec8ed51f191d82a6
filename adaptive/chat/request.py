"""What one call of a chat model asks for."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.types.ladder import Effort


@dataclass(frozen=True)
class ChatRequest:
    """What one call asks for.

    Attributes:
        effort: Is mapped to the nearest effort that the model takes. At "default" neither effort nor thinking
            budget is sent: the model's own stay.
        budget: Thinking tokens; used if the provider takes a thinking budget.
        cap: Most tokens of the completion, thinking included; None: the model's own.
        temperature: None leaves it to the model.
        seed: None leaves it to the model.
        forces_tool: Whether the call forces the model to call a tool, which some do only without thinking.
        resumes_bare: Whether the conversation goes on with the results of a tool call that came without thinking.
        room: Most tokens of the completion that the context window leaves; None if unknown.
        exact: An effort that the model lacks is an error, and is not mapped to the nearest.
    """

    effort: Effort
    budget: int
    cap: int | None
    temperature: float | None = None
    seed: int | None = None
    forces_tool: bool = False
    resumes_bare: bool = False
    room: int | None = None
    exact: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the model keeps its own effort."""
        return self.effort == "default"

    @property
    def thinks(self) -> bool:
        """Whether the call asks for any thinking."""
        return self.effort != "none" and self.budget > 0
