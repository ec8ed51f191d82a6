"""The early stops and their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adaptive.errors import InputError

StopName = Literal["loop", "converged", "confident", "hopeless"]
STOP_NAMES: tuple[StopName, ...] = ("loop", "converged", "confident", "hopeless")
"""The names for `--stop`; `hopeless` is the policy's: no rung or arm is likely to help."""


@dataclass(frozen=True)
class Stops:
    """Which early stops are on, and their thresholds. Raises `InputError` for a value out of range.

    loop: whether a chain that repeats itself is stopped. probe_every: the fewest thinking tokens from one probe to
    the next, 0 for no probes. converged: how many probes in a row must give the same answer, 0 for never.
    confident: the confidence from which on a probe's answer is kept, None for never. probe_room: the most
    tokens of a probe's answer. Probes need a `Style.answer_prefix`: without one an answer begins with prose.
    """

    loop: bool = True
    probe_every: int = 0
    converged: int = 0
    confident: float | None = None
    probe_room: int = 24

    def __post_init__(self) -> None:
        for name, least in (("probe_every", 0), ("converged", 0), ("probe_room", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be {least} or more, got {getattr(self, name)}.")
        if self.converged == 1:
            raise InputError("converged must be 0 or at least 2: one probe cannot repeat itself.")
        if self.confident is not None and not 0 <= self.confident <= 1:
            raise InputError(f"confident must be between 0 and 1, got {self.confident}.")

    @property
    def probes_enabled(self) -> bool:
        """Whether any stop needs probes."""
        return self.probe_every > 0 and (self.converged > 0 or self.confident is not None)

    def restrict_to(self, names: Sequence[str]) -> Stops:
        """Return these stops, with those that are not in `names` off."""
        return Stops(
            loop=self.loop and "loop" in names,
            probe_every=self.probe_every,
            converged=self.converged if "converged" in names else 0,
            confident=self.confident if "confident" in names else None,
            probe_room=self.probe_room,
        )


def parse_stops(names: str) -> tuple[StopName, ...]:
    """Return the stops in `names`, separated by commas, or "none"; raises `InputError` for another name."""
    parts = [n.strip() for n in names.split(",") if n.strip()]
    if parts == ["none"]:
        return ()
    unknown = next((n for n in parts if n not in STOP_NAMES), None)
    if unknown is not None or not parts:
        what = f"stop {unknown!r} is not known" if unknown is not None else "no stop is named"
        raise InputError(f"{what}: use some of {', '.join(STOP_NAMES)}, parted by commas, or none.")
    return tuple(n for n in STOP_NAMES if n in parts)
