"""What one call of a chat model is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.types.ladder import Effort


@dataclass(frozen=True)
class ChatRequest:
    """What one call is asked for.

    effort: mapped to the nearest that the model takes. budget: thinking tokens; counts where the provider takes a
    thinking budget. cap: the most tokens of the completion, thinking included. temperature and seed are sent only
    where they are given.
    """

    effort: Effort
    budget: int
    cap: int
    temperature: float | None = None
    seed: int | None = None

    @property
    def thinks(self) -> bool:
        """Whether any thinking is asked for."""
        return self.effort != "none" and self.budget > 0
