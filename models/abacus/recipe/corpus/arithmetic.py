"""Arithmetic questions in the wordings of reasoning-gym and our own, each with its tape solution."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random

from corpus.problem import Problem
from corpus.tape import Number, Solution, Tape

ASK_VALUE = (
    "State the final answer to the following arithmetic problem: {} =", "Calculate {}.", "What is {}?",
    "What is {}? Give only the number.", "{} =", "{} = ?", "{}", "Compute {}.", "Work out {}.", "How much is {}?",
    "Find the value of {}.", "Evaluate {}.", "Please calculate {}", "what's {}", "Solve: {}", "Add it up: {}",
)  # fmt: skip
ASK_PRODUCT = (
    "Solve the following multiplication: {}. Give only the result as your final answer.",
    "Multiply: {}",
    *ASK_VALUE[:-1],
)
ASK_GCD = (
    "Find the Greatest Common Divisor (GCD) of these numbers: {0}, {1}. Give only the GCD as your final answer.",
    "What is the greatest common divisor of {0} and {1}?", "gcd({0}, {1})", "Find the gcd of {0} and {1}.",
    "What is the largest number that divides both {0} and {1}?", "What is the GCD of {0} and {1}?",
)  # fmt: skip
ASK_LCM = (
    "Find the Least Common Multiple (LCM) of these numbers: {0}, {1}", "lcm({0}, {1})",
    "What is the least common multiple of {0} and {1}?", "Find the lcm of {0} and {1}.",
    "What is the smallest number that both {0} and {1} divide?", "What is the LCM of {0} and {1}?",
)  # fmt: skip
ASK_FRACTION = (
    "Simplify the fraction {0}/{1} to its lowest terms. Give only the simplified fraction as your final answer.",
    "Simplify {0}/{1}.", "Reduce the fraction {0}/{1}.", "Write {0}/{1} in lowest terms.", "What is {0}/{1} in lowest terms?",
)  # fmt: skip
ASK_EQUATION = ("Solve for {0}: {1}", "Find {0} if {1}.", "If {1}, what is {0}?", "{1}. What is {0}?")
ASK_LEGS = (
    "Your task is to count how many legs there are in total when given a list of animals.\n\n"
    "Now, how many legs are there in total if you have {}?\n",
    "How many legs are there in total if you have {}?", "How many legs do {} have in total?",
)  # fmt: skip


def number(rng: Random, digits: int) -> int:
    """A number of so many digits, never 0."""
    return rng.randint(10 ** (digits - 1), 10**digits - 1)


def sized(rng: Random, weights: tuple[float, ...]) -> int:
    """1, 2, 3 ... by weight."""
    return rng.choices(range(1, len(weights) + 1), weights)[0]


def write(rng: Random, text: str) -> str:
    """The expression with or without blanks, with * or x or ×."""
    if rng.random() < 0.25:
        text = text.replace(" ", "")
    if "*" in text and rng.random() < 0.25:
        text = text.replace("*", rng.choice(("×", "x")))
    return text


def sums(rng: Random) -> Problem:
    """Two to six terms of one to four digits, added and taken away."""
    digits, terms = sized(rng, (0.25, 0.45, 0.22, 0.08)), rng.choices((2, 3, 4, 5, 6), (30, 26, 18, 18, 8))[0]
    values = [number(rng, digits if rng.random() < 0.7 else rng.randint(1, digits)) for _ in range(terms)]
    minus = rng.choice((0.0, 0.3, 0.5))
    signs = ["+", *("-" if rng.random() < minus else "+" for _ in values[1:])]
    text = str(values[0]) + "".join(f" {s} {v}" for s, v in zip(signs[1:], values[1:], strict=True))

    def solution(tape: Tape) -> Number:
        total: Number = values[0]
        for sign, value in zip(signs[1:], values[1:], strict=True):
            total = tape.add(total, value) if sign == "+" else tape.sub(total, value)
        return total

    return Problem("sums", rng.choice(ASK_VALUE).format(write(rng, text)), solution)


def products(rng: Random) -> Problem:
    """Two factors of one to three digits."""
    a, b = rng.choices(((1, 1), (2, 1), (2, 2), (3, 1), (3, 2)), (22, 30, 26, 14, 8))[0]
    factors = [number(rng, a), number(rng, b)]
    rng.shuffle(factors)
    x, y = factors
    ask = rng.choice(ASK_PRODUCT).format(write(rng, f"{x} * {y}"))
    return Problem("products", ask, lambda tape: tape.mul(x, y))


def quotients(rng: Random) -> Problem:
    """Divisions that come out whole."""
    y, q = number(rng, sized(rng, (0.7, 0.3))), number(rng, sized(rng, (0.35, 0.5, 0.15)))
    ask = rng.choice(("{} / {}", "{} ÷ {}", "{} divided by {}")).format(x := y * q, y)
    return Problem("quotients", rng.choice(ASK_VALUE[:-1]).format(write(rng, ask)), lambda tape: tape.div(x, y))


def mixed(rng: Random) -> Problem:
    """Two to five terms with all operations and brackets, divisions whole."""
    text = _expression(rng, rng.choices((2, 3, 4, 5), (20, 35, 30, 15))[0], sized(rng, (0.5, 0.5)))
    return Problem("mixed", rng.choice(ASK_VALUE[:-1]).format(write(rng, text)), _evaluator(text))


def _expression(rng: Random, terms: int, digits: int) -> str:
    """An expression such as '( 5 - 33 ) * 4 + 8'; a division's parts are chosen so that it comes out whole."""
    if terms == 1:
        value = number(rng, rng.randint(1, digits))
        return str(-value) if rng.random() < 0.08 else str(value)
    op = rng.choices("+-*/", (34, 34, 24, 8))[0]
    if op == "/":
        y, q = number(rng, 1), number(rng, rng.randint(1, digits))
        return f"{y * q} / {y}" if terms == 2 else f"{_expression(rng, terms - 2, digits)} + {y * q} / {y}"
    split = rng.randint(1, terms - 1)
    left, right = _expression(rng, split, digits), _expression(rng, terms - split, digits)
    return f"{_bracket(rng, left, op, False)} {op} {_bracket(rng, right, op, True)}"


def _bracket(rng: Random, text: str, op: str, right: bool) -> str:
    compound = " " in text
    needed = compound and ((op == "*" and rng.random() < 0.7) or (right and op == "-"))
    return f"( {text} )" if needed or (compound and rng.random() < 0.1) else text


def _evaluator(text: str) -> Solution:
    import ast

    from corpus.gsm import evaluate  # the same reader of expressions

    tree = ast.parse(text, mode="eval").body
    return lambda tape: evaluate(tree, tape, {})


def gcds(rng: Random) -> Problem:
    """Greatest common divisor of two numbers, by Euclid's rule."""
    top = rng.choice((20, 100, 300, 1000))
    factor = rng.choice((1, 1, rng.randint(2, 12), rng.randint(2, 40)))
    a, b = (max(1, rng.randint(1, top) // factor) * factor for _ in range(2))
    return Problem("gcd", rng.choice(ASK_GCD).format(a, b), lambda tape: euclid(tape, a, b))


def euclid(tape: Tape, a: Number, b: Number) -> Number:
    """The greatest common divisor, a line for each remainder."""
    if a < b:
        a, b = b, a
    while b:
        if b == 1:
            return 1
        a, b = b, tape.mod(a, b)
    return a


def lcms(rng: Random) -> Problem:
    """Least common multiple of two numbers up to 100."""
    top = rng.choice((12, 30, 100))
    a, b = rng.randint(1, top), rng.randint(1, top)

    def solution(tape: Tape) -> Number:
        common = euclid(tape, a, b)
        return tape.mul(tape.div(a, common) if common != 1 else a, b)

    return Problem("lcm", rng.choice(ASK_LCM).format(a, b), solution)


def fractions(rng: Random) -> Problem:
    """Fractions to lowest terms."""
    top, factor = rng.choice((10, 30, 100)), rng.choice((1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25))
    a, b = rng.randint(1, top), rng.randint(2, top)
    x, y = a * factor, b * factor

    def solution(tape: Tape) -> Number:
        common = euclid(tape, x, y)
        if common == 1:
            return Fraction(x, y)
        return Fraction(Fraction(tape.div(x, common)), Fraction(tape.div(y, common)))

    def form(value: Number) -> str:
        value = Fraction(value)
        return f"{value.numerator}/{value.denominator}" if value.denominator > 1 else str(value.numerator)

    return Problem("fractions", rng.choice(ASK_FRACTION).format(x, y), solution, form)


def equations(rng: Random) -> Problem:
    """Linear equations in one unknown with a whole solution."""
    name, x = rng.choice("abcdefghjkmnpqrstuvwxyz"), rng.randint(1, rng.choice((9, 20, 60)))
    a, b = rng.randint(2, rng.choice((9, 20, 99))), rng.randint(1, rng.choice((20, 100, 500)))
    form = rng.choice(("x+b", "x-b", "b-x", "ax", "ax+b", "ax-b", "b-ax", "b+ax", "ax+b", "b-ax"))
    text, solution = _equation(form, name, a, b, x)
    if rng.random() < 0.2:
        text = text.replace("*", "")
    return Problem("equations", rng.choice(ASK_EQUATION).format(name, text), solution)


def _equation(form: str, name: str, a: int, b: int, x: int) -> tuple[str, Solution]:
    ax = f"{a}*{name}"
    cases: dict[str, tuple[str, Solution]] = {
        "x+b": (f"{name} + {b} = {x + b}", lambda t: t.sub(x + b, b)),
        "x-b": (f"{name} - {b} = {x - b}", lambda t: t.add(x - b, b)),
        "b-x": (f"{b} - {name} = {b - x}", lambda t: t.sub(b, b - x)),
        "ax": (f"{ax} = {a * x}", lambda t: t.div(a * x, a)),
        "ax+b": (f"{ax} + {b} = {a * x + b}", lambda t: t.div(t.sub(a * x + b, b), a)),
        "ax-b": (f"{ax} - {b} = {a * x - b}", lambda t: t.div(t.add(a * x - b, b), a)),
        "b+ax": (f"{b} + {ax} = {b + a * x}", lambda t: t.div(t.sub(b + a * x, b), a)),
        "b-ax": (f"{b} - {ax} = {b - a * x}", lambda t: t.div(t.sub(b, b - a * x), a)),
    }
    return cases[form]


def legs(rng: Random) -> Problem:
    """Legs of two to five kinds of animals."""
    from reasoning_gym.arithmetic.leg_counting import ANIMALS  # here, so that all else works without it

    kinds = rng.sample(sorted(ANIMALS), rng.randint(2, 5))
    counts = [rng.randint(1, rng.choice((5, 15))) for _ in kinds]
    herd = ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for n, kind in zip(counts, kinds, strict=True))

    def solution(tape: Tape) -> Number:
        total: Number | None = None
        for n, kind in zip(counts, kinds, strict=True):
            part = tape.mul(n, ANIMALS[kind])
            total = part if total is None else tape.add(total, part)
        return total or 0

    return Problem(
        "legs",
        rng.choice(ASK_LEGS).format(re.sub(r", (?=[^,]*$)", rng.choice((", ", " and ")), herd)),
        solution,
    )
