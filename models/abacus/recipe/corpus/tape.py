"""The tape: runs a solution and writes it down, one line an operation, with or without its digit work.

A solution is a function of a tape: it calls `tape.add(a, b)` and so on and returns the answer. Running it on a
tape with a *slip* writes one line wrong and lets everything after it follow from the wrong value, as a real
mistake would. Numbers are exact fractions throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

Number = int | Fraction
Solution = Callable[["Tape"], Number]


class BadSlip(Exception):
    """The wrong value leads nowhere (a division by zero, a number that cannot be written): try another."""


def show(value: Number) -> str:
    """The shortest exact form: an integer, a decimal of up to three places, or a fraction."""
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    if 1000 % value.denominator == 0:
        return f"{float(value):.3f}".rstrip("0")
    return f"{value.numerator}/{value.denominator}"


def add_work(x: int, y: int) -> str:
    """Column addition from the right: '8+6=14,4+7+1=12'. It stops when nothing is left to add."""
    parts, carry = [], 0
    while (x and y) or carry:
        digits = [n % 10 for n in (x, y) if n]
        total = sum(digits) + carry
        parts.append("+".join(map(str, [*digits, *([1] if carry else [])])) + f"={total}")
        carry, x, y = total // 10, x // 10, y // 10
        if not x and not y:
            break
    return ",".join(parts)


def sub_work(x: int, y: int) -> str:
    """Column subtraction from the right, a borrow written into the upper digit: '14-6=8,11-7=4'."""
    parts, borrow = [], 0
    while y or borrow:
        upper = x % 10 - borrow
        lower = y % 10
        borrow = 1 if upper < lower else 0
        upper += 10 * borrow
        parts.append(f"{upper}-{lower}={upper - lower}")
        x, y = x // 10, y // 10
    return ",".join(parts)


def digit_mul_work(x: int, d: int) -> str:
    """A number times one digit, from the right, the carry added: '4*7=28,3*7+2=23'."""
    parts, carry = [], 0
    while x:
        total = (x % 10) * d + carry
        parts.append(f"{x % 10}*{d}" + (f"+{carry}" if carry else "") + f"={total}")
        carry, x = total // 10, x // 10
    return ",".join(parts)


def div_work(x: int, y: int) -> str:
    """Long division: '91/27=3r10,108/27=4r0'."""
    parts, rest = [], 0
    for digit in str(x):
        rest = rest * 10 + int(digit)
        if rest >= y or parts:
            parts.append(f"{rest}/{y}={rest // y}r{rest % y}")
            rest %= y
    return ",".join(parts)


@dataclass
class Slip:
    """One planted mistake: at line `at`, a wrong result or (if `misread`) a wrong operand."""

    at: int
    rng: Random
    misread: bool = False


@dataclass
class Tape:
    """Records the lines of one run. `work` writes digit work; `check` writes sums and products the other way."""

    work: bool = True
    check: bool = False
    slip: Slip | None = None
    lines: list[str] = field(default_factory=list)

    def add(self, a: Number, b: Number) -> Number:
        """a + b."""
        return self._write("+", a, b)

    def sub(self, a: Number, b: Number) -> Number:
        """a - b."""
        return self._write("-", a, b)

    def mul(self, a: Number, b: Number) -> Number:
        """a * b; two long factors become a line for each digit of the shorter one."""
        if self.work and _whole(a, b) and _significant(int(a)) > 1 and _significant(int(b)) > 1:
            self._long_product(abs(int(a)), abs(int(b)))
        return self._write("*", a, b)

    def div(self, a: Number, b: Number) -> Number:
        """a / b, exactly."""
        if b == 0:
            raise BadSlip
        return self._write("/", a, b)

    def mod(self, a: Number, b: Number) -> Number:
        """The remainder of a by b."""
        if b == 0 or not _whole(a, b):
            raise BadSlip
        return self._write("%", a, b)

    def _long_product(self, a: int, b: int) -> None:
        big, small = (a, b) if len(str(a)) >= len(str(b)) else (b, a)
        total: Number = 0
        for place, digit in enumerate(reversed(str(small))):
            if digit == "0":
                continue
            part = Fraction(self._write("*", big, int(digit))) * 10**place
            total = self._write("+", total, part) if total else part

    def _write(self, op: str, a: Number, b: Number) -> Number:
        slipped = self.slip is not None and len(self.lines) == self.slip.at
        if slipped and self.slip and self.slip.misread:
            b = misread(b, self.slip.rng)
        value = apply(op, a, b)
        if slipped and self.slip and not self.slip.misread:
            value = misread(value, self.slip.rng)
        left, right = (b, a) if self.check and op in "+*" else (a, b)
        work = self._work(op, left, right) if self.work else ""
        self.lines.append(f"{show(left)}{op}{show(right)}=" + (f"[{work}]" if work else "") + show(value))
        return value

    def _work(self, op: str, a: Number, b: Number) -> str:
        if not _whole(a, b):
            return ""
        return {"+": _sum_work, "-": _sum_work, "*": _product_work, "/": _quotient_work, "%": _rest_work}[op](
            op, int(a), int(b)
        )


def apply(op: str, a: Number, b: Number) -> Number:
    """Return the exact value of `a op b`; raise `BadSlip` if it cannot be written on a line."""
    a, b = Fraction(a), Fraction(b)
    if op in "/%" and b == 0:
        raise BadSlip
    value = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__truediv__, "%": a.__mod__}[op](b)
    if len(show(value)) > 9:
        raise BadSlip
    return value


def misread(value: Number, rng: Random) -> Number:
    """A value near `value` as a slip of the pen would leave it: one digit off, or two digits swapped."""
    if Fraction(value).denominator != 1:
        raise BadSlip
    text = str(abs(int(value)))
    at = rng.randrange(len(text))
    if len(text) > 1 and rng.random() < 0.2 and text[at - 1] != text[at]:
        digits = list(text)
        digits[at - 1], digits[at] = digits[at], digits[at - 1]
    else:
        shift = rng.choice((1, 1, 1, 2, 3, 5)) * rng.choice((1, -1))
        digits = [*text[:at], str((int(text[at]) + shift) % 10), *text[at + 1 :]]
    wrong = int("".join(digits)) * (-1 if value < 0 else 1)
    if wrong == value:
        raise BadSlip
    return wrong


def _whole(*values: Number) -> bool:
    return all(Fraction(v).denominator == 1 for v in values)


def _significant(value: int) -> int:
    return len(str(abs(value)).rstrip("0"))


def _sum_work(op: str, a: int, b: int) -> str:
    signed = b if op == "+" else -b
    x, y = abs(a), abs(signed)
    if max(x, y) < 10 or min(x, y) == 0:
        return ""
    if (a < 0) == (signed < 0):
        return add_work(x, y) if a >= 0 and b >= 0 else f"{x}+{y}:{add_work(x, y)}"
    big, small = max(x, y), min(x, y)
    return sub_work(big, small) if op == "-" and a >= b >= 0 else f"{big}-{small}:{sub_work(big, small)}"


def _product_work(op: str, a: int, b: int) -> str:
    x, y = int(str(abs(a)).rstrip("0") or 0), int(str(abs(b)).rstrip("0") or 0)
    big, small = max(x, y), min(x, y)
    if big < 10 or small > 9 or small < 2:
        return ""
    work = digit_mul_work(big, small)
    return work if {x, y} == {abs(a), abs(b)} else f"{big}*{small}:{work}"


def _quotient_work(op: str, a: int, b: int) -> str:
    x, y = abs(a), abs(b)
    if y < 2 or x % y or x // y < 10:
        return ""
    return div_work(x, y)


def _rest_work(op: str, a: int, b: int) -> str:
    times = a // b
    return f"{b}*{times}={b * times},{a}-{b * times}={a % b}" if times else ""
