"""Expressions over named numbers, as schema files write them: conditions, ranges and the answer.

`value` gives the exact value; `on_tape` runs the same expression on a tape, one line an operation.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction

from corpus.tape import BadSlip, Number, Tape

Values = Mapping[str, Fraction]
ARITHMETIC: dict[type[ast.operator], Callable[[Fraction, Fraction], Number]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], Callable[[Fraction, Fraction], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def take_root(a: Number) -> Number:
    """The root of a square number; a wrong value that has none leads nowhere."""
    if a < 0:
        raise BadSlip
    return math.isqrt(int(a))


FUNCTIONS: dict[str, Callable[..., Number]] = {
    "min": min,
    "max": max,
    "ceil": lambda a, b: -(-a // b),  # how many of size b hold a
    "gcd": lambda a, b: math.gcd(int(a), int(b)),
    "root": take_root,
    "whole": lambda a: int(Fraction(a).denominator == 1),
}


class Expression:
    """A parsed expression over numbers with names of letters and digits."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._tree = ast.parse(self.text, mode="eval").body
        called = {
            n.func.id for n in ast.walk(self._tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        self.names = {n.id for n in ast.walk(self._tree) if isinstance(n, ast.Name)} - called

    def value(self, values: Values) -> Fraction:
        """Return the exact value; a condition gives 1 or 0. Raises `ZeroDivisionError`."""
        return _value(self._tree, values)

    def on_tape(self, values: Values, tape: Tape) -> Number:
        """Write the operations on a tape. A part that stands twice is written once. Raises `BadSlip`."""
        return _written(self._tree, values, tape, {})


def _value(node: ast.expr, values: Values) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.BinOp):
        return Fraction(ARITHMETIC[type(node.op)](_value(node.left, values), _value(node.right, values)))
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, values)
        return Fraction(not inner) if isinstance(node.op, ast.Not) else -inner
    if isinstance(node, ast.BoolOp):
        every = all if isinstance(node.op, ast.And) else any
        return Fraction(every(_value(part, values) for part in node.values))
    if isinstance(node, ast.Compare):
        parts = [_value(part, values) for part in (node.left, *node.comparators)]
        pairs = zip(node.ops, parts, parts[1:], strict=False)
        return Fraction(all(COMPARISONS[type(op)](left, right) for op, left, right in pairs))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return Fraction(FUNCTIONS[node.func.id](*(_value(part, values) for part in node.args)))
    raise ValueError(f"not an expression that a schema may have: {ast.unparse(node)}")


def _written(node: ast.expr, values: Values, tape: Tape, done: dict[str, Number]) -> Number:
    if isinstance(node, ast.Constant | ast.Name | ast.UnaryOp):
        return _value(node, values)
    key = ast.dump(node)
    if key not in done:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            parts = [_written(part, values, tape, done) for part in node.args]
            done[key] = _called(node.func.id, parts, tape)
        elif isinstance(node, ast.BinOp):
            left, right = (_written(part, values, tape, done) for part in (node.left, node.right))
            done[key] = _operation(node.op, left, right, tape)
        else:
            raise ValueError(f"not an answer that a tape can hold: {ast.unparse(node)}")
    return done[key]


def _operation(op: ast.operator, left: Number, right: Number, tape: Tape) -> Number:
    names = {ast.Add: tape.add, ast.Sub: tape.sub, ast.Mult: tape.mul, ast.Div: tape.div, ast.Mod: tape.mod}
    if type(op) in names:
        return names[type(op)](left, right)
    return _whole_part(left, right, tape)


def _called(name: str, parts: list[Number], tape: Tape) -> Number:
    if name == "ceil":
        whole = _whole_part(parts[0], parts[1], tape)
        return whole if Fraction(parts[0]) % Fraction(parts[1]) == 0 else tape.add(whole, 1)
    if name == "root":  # a root is known by heart; what is written shows that it is right: 144/12=12
        return tape.div(parts[0], FUNCTIONS["root"](parts[0]))
    return FUNCTIONS[name](*parts)


def _whole_part(left: Number, right: Number, tape: Tape) -> Number:
    """How often `right` goes into `left`: the remainder is taken off first."""
    if right and Fraction(left) % Fraction(right):
        left = tape.sub(left, tape.mod(left, right))
    return tape.div(left, right)
