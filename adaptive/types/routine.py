"""A routine: what a profile does at every question, if nothing that depends on the question is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from adaptive.errors import InputError
from adaptive.types.from_json import check_fields
from adaptive.types.ladder import Rung
from adaptive.types.setting import Setting

PLAIN_NAME = "a plain call"


@dataclass(frozen=True)
class Routine:
    """The same attempts at every question, and nothing after them but what the caller asks for.

    Raises `InputError` if a direct answer would come before samples, or before a rung that does not think.

    Args:
        rung: What is bought, with exactly its Waits. It need not be a rung of the ladder: one of effort "default"
            is a plain call.
        samples: If above 0, so many samples of the rung are drawn in place of its greedy attempt. All weigh the
            same, and the answer of most is kept.
        after_direct: Whether the direct answer comes first, and the rung only if that is not accepted.
        early_stops: Whether the profile's early stops are on. Unlimited thinking has none.
    """

    rung: Rung
    samples: Annotated[int, Setting("A number of samples.", ge=0)] = 0
    after_direct: bool = False
    early_stops: bool = True

    def __post_init__(self) -> None:
        check_fields(Routine, vars(self))
        if self.after_direct and (self.samples or not self.rung.thinks or self.rung.is_plain):
            raise InputError(
                "after_direct is for one attempt at a rung that thinks: set it to false, or samples to 0 and the "
                f"effort and the budget of such a rung (samples {self.samples}, effort {self.rung.effort}, budget "
                f"{self.rung.budget})."
            )

    @property
    def name(self) -> str:
        """Its name in words."""
        rung = format_rung(self.rung)
        if self.samples:
            return f"one sample of {rung}" if self.samples == 1 else f"vote of {self.samples} of {rung}"
        if self.after_direct:
            return f"no thinking, then {rung}"
        return rung if self.early_stops else "unlimited thinking"


def format_rung(rung: Rung) -> str:
    """Return a rung in words; the model is named unless it is the profile's own."""
    if rung.is_plain:
        return PLAIN_NAME
    model = f"{rung.model} " if rung.model else ""
    if not rung.thinks:
        return f"{model}without thinking" if model else "no thinking"
    waits = f", {rung.waits} Wait{'' if rung.waits == 1 else 's'}" if rung.waits else ""
    return f"{model}{rung.effort} {rung.budget}{waits}"
