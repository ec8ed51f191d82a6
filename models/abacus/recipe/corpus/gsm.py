"""Word problems of reasoning-gym (GSM-Symbolic templates), their prose solutions turned into tape solutions.

A solution's equations are read out of the worked text; a problem is kept only if the equations, run on a
tape, give the reference answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction
from random import Random

from corpus.problem import Problem
from corpus.tape import Number, Solution, Tape

SUFFIX = " Give the result as your final answer. Do not include units."
WORDS = {
    "half": "(1/2)",
    "twice": "2",
    "double": "2",
    "one-third": "(1/3)",
    "one-fourth": "(1/4)",
    "a third": "(1/3)",
}
TOKEN = re.compile(r"\d[\d,]*\.?\d*%?|[-+*/()=]|[A-Za-z']+|[.;:?!\n]")
OPERATORS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}


def problems(rng: Random) -> Iterator[Problem]:
    """Endless problems; those whose worked solution cannot be read are left out."""
    import reasoning_gym  # here, so that all else of the corpus works without it

    while True:
        data = reasoning_gym.create_dataset("gsm_symbolic", size=2000, seed=rng.randrange(2**30))
        for i in range(2000):
            item = data[i]
            solution = read_solution(item["metadata"]["answer_cot"], item["question"], item["answer"])
            if solution:
                question = item["question"] if rng.random() < 0.3 else item["question"].replace(SUFFIX, "")
                yield Problem("gsm", question, solution)


def read_solution(text: str, question: str, answer: str) -> Solution | None:
    """The equations of `text` as a tape solution, or None if they do not lead to `answer`."""
    trees = equations(text.split("####")[0])
    if not trees or len(trees) > 9:
        return None
    try:
        target = Fraction(answer.replace(",", ""))
        tape = Tape(work=False)
        if Fraction(run(trees, tape)) != target or len(tape.lines) > 10:
            return None
    except Exception:  # noqa: BLE001 - a text that cannot be run is simply not used
        return None
    return lambda tape: run(trees, tape)


def run(trees: list[ast.expr], tape: Tape) -> Number:
    """Run equations in order; a number that equals an earlier result stands for that result."""
    results: dict[Fraction, Number] = {}
    last: Number = 0
    clean = Tape(work=False)
    for tree in trees:
        truth = Fraction(evaluate(tree, clean, {}))
        last = evaluate(tree, tape, results)
        results[truth] = last
    return last


def evaluate(node: ast.expr, tape: Tape, results: dict[Fraction, Number]) -> Number:
    """The value of an expression, each operation written on the tape."""
    if isinstance(node, ast.BinOp):
        if is_simple_fraction(node):
            return Fraction(node.left.value, node.right.value)  # type: ignore[attr-defined]
        left, right = evaluate(node.left, tape, results), evaluate(node.right, tape, results)
        if isinstance(node.op, ast.Mult) and Fraction(right).denominator > 1 and right < 1:
            return scale(tape, left, Fraction(right))
        if isinstance(node.op, ast.Mult) and Fraction(left).denominator > 1 and left < 1:
            return scale(tape, right, Fraction(left))
        return getattr(tape, OPERATORS[type(node.op)])(left, right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -evaluate(node.operand, tape, results)
    assert isinstance(node, ast.Constant)
    value = Fraction(str(node.value))
    return results.get(value, value)


def is_simple_fraction(node: ast.BinOp) -> bool:
    """Whether the node is a proper fraction written out, as 2/3."""
    parts = (node.left, node.right)
    whole = all(isinstance(p, ast.Constant) and isinstance(p.value, int) for p in parts)
    return whole and isinstance(node.op, ast.Div) and 0 < node.left.value < node.right.value  # type: ignore[attr-defined]


def scale(tape: Tape, whole: Number, part: Fraction) -> Number:
    """A part of a whole in whole numbers: times the numerator, divided by the denominator."""
    top = whole if part.numerator == 1 else tape.mul(whole, part.numerator)
    return tape.div(top, part.denominator)


def equations(text: str) -> list[ast.expr]:
    """The expressions left of every '=' whose value is the number right of it, in order of appearance."""
    text = re.sub(r"[$€£¥₹]", "", text.replace("×", "*").replace("÷", "/").replace("−", "-"))
    text = re.sub(r"(?<=[\d\s)])x(?=[\s\d(])", "*", text)
    for word, value in WORDS.items():
        text = re.sub(rf"\b{word}\b", value, text)
    tokens = TOKEN.findall(re.sub(r"(?<=\d),(?=\d{3})", "", text))
    found: list[ast.expr] = []
    for at, token in enumerate(tokens):
        if token == "=":
            tree = left_side(tokens[:at], number_after(tokens[at + 1 :]))
            if tree is not None:
                found.append(tree)
    return found


def number_after(tokens: list[str]) -> Fraction | None:
    """The first number of `tokens`, before anything but words."""
    sign = 1
    for token in tokens:
        if token[0].isdigit():
            return sign * Fraction(token.rstrip("%").rstrip("."))
        if token == "-":
            sign = -1
        elif not token[0].isalpha():
            return None
    return None


def left_side(tokens: list[str], value: Fraction | None) -> ast.expr | None:
    """The longest expression at the end of `tokens` that has `value` and does something."""
    if value is None:
        return None
    taken: list[str] = []
    for token in reversed(tokens):
        if token in "=.;:?!\n":
            break
        if not token[0].isalpha():
            taken.insert(0, re.sub(r"^0+(?=\d)", "", token.rstrip(".")).replace("%", "/100"))
    for start in range(len(taken)):
        tree = parse(" ".join(taken[start:]), value)
        if tree is not None:
            return tree
    return None


def parse(text: str, value: Fraction) -> ast.expr | None:
    """The expression `text` if it is one operation or more and has `value`."""
    try:
        tree = ast.parse(text, mode="eval").body
        right = Fraction(evaluate(tree, Tape(work=False), {})) == value
    except Exception:  # noqa: BLE001 - not an expression
        return None
    return tree if right and isinstance(tree, ast.BinOp) else None
