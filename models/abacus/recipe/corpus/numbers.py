"""The numbers of a schema: ranges, choices and what follows from them.

`a 2..99`, `b 1..a-1` (ends are expressions over the numbers before), `c 1..20/2` (steps of a half),
`d pick(5 10 25)`, `t = a*b`. Now and then a schema's numbers are larger than its ranges say, if it allows that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from random import Random

from corpus.expression import Expression

PART = re.compile(r",(?![^(]*\))")
PICK = re.compile(r"(\w+) +pick\(([^)]*)\)")
RANGE = re.compile(r"(\w+) +(.+?)\.\.(.+?)(?:(?<!/)/(?!/)(\d+))?")
DERIVED = re.compile(r"(\w+) *= *(.+)")
TRIES = 400
LOW_SHARE, LOW_SPAN = 0.3, 17  # this share of numbers comes from the lower end of a long range
LARGE_SHARE = 0.12


class Draw:
    """One number: how it is drawn, given those before it."""

    def __init__(self, text: str) -> None:
        text = text.strip()
        self.pick: list[Fraction] = []
        self.ends: tuple[Expression, Expression] | None = None
        self.derived: Expression | None = None
        self.step = 1
        if found := PICK.fullmatch(text):
            self.pick = [Fraction(one) for one in found[2].split()]
        elif found := RANGE.fullmatch(text):
            self.ends, self.step = (Expression(found[2]), Expression(found[3])), int(found[4] or 1)
        elif found := DERIVED.fullmatch(text):
            self.derived = Expression(found[2])
        else:
            raise ValueError(f"not a number that a schema may have: {text!r}")
        self.name = found[1]

    def draw(self, rng: Random, values: dict[str, Fraction], scale: int = 1) -> Fraction:
        """Return a value; the end of a range that depends on nothing is `scale` times as far.

        Raises:
            ValueError: if the range is empty.
        """
        if self.pick:
            return rng.choice(self.pick)
        if self.derived:
            return self.derived.value(values)
        assert self.ends
        low = math.ceil(self.ends[0].value(values) * self.step)
        high = math.floor(self.ends[1].value(values) * self.step)
        high *= 1 if self.ends[1].names else scale
        if low > high:
            raise ValueError("empty range")
        if high > low + LOW_SPAN and rng.random() < LOW_SHARE:
            high = low + LOW_SPAN
        return Fraction(rng.randint(low, high), self.step)


class Numbers:
    """All numbers of a schema with their conditions."""

    def __init__(self, draws: Iterable[str], needs: Iterable[str], scale: int = 1) -> None:
        self.scale = scale
        self.draws = [Draw(part) for line in draws for part in PART.split(line)]
        self.needs = [Expression(part) for line in needs for part in PART.split(line)]
        self.names = {draw.name for draw in self.draws}

    def draw(self, rng: Random) -> dict[str, Fraction] | None:
        """Return values that meet every condition, or None if this try does not."""
        values: dict[str, Fraction] = {}
        scale = self.scale if rng.random() < LARGE_SHARE else 1
        try:
            for one in self.draws:
                values[one.name] = one.draw(rng, values, scale)
            return values if all(need.value(values) for need in self.needs) else None
        except (ValueError, ZeroDivisionError):
            return None
