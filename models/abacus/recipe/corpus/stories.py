"""Word problems of our own: an amount that changes, things bought, people compared, rates; with distractors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

from corpus.problem import Problem
from corpus.tape import Number, Tape

NAMES = (
    "Mia", "Ben", "Anna", "Tom", "Lena", "Omar", "Sara", "Paul", "Nina", "Max", "Ella", "Sam", "Ruth", "Leo", "Ivy", "Jack",
    "Mary", "John", "Lucy", "Emma", "Noah", "Liam", "Alice", "Bob", "Carlos", "Priya", "Wei", "Fatima", "Kofi", "Yuki",
)  # fmt: skip
THINGS = (
    "apples", "marbles", "books", "stickers", "coins", "pencils", "cards", "shells", "eggs", "balloons", "cookies", "stamps",
    "oranges", "flowers", "toys", "bottles", "buttons", "photos", "pens", "cups", "tickets", "stones", "candies", "chairs",
)  # fmt: skip
PLACES = ("bag", "basket", "jar", "drawer", "room", "crate", "tray", "album", "case", "pack")
NOISE = (
    "{n} is {k} years old.", "It is {k} degrees outside.", "The shop is {k} minutes away.", "There are {k} birds in the tree.",
    "{n} has {k} cousins.", "The bus number is {k}.", "{n} lives at number {k}.", "{n} also owns {k} old hats.",
    "It rained for {k} days last month.",
)  # fmt: skip
GAIN = (
    "{n} buys {k} more.", "Then {n} finds {k} {t}.", "{m} gives {n} {k} {t}.", "{n} gets {k} more from {m}.",
    "{n} wins {k} {t} in a game.", "The next day {n} collects another {k} {t}.", "{n} adds {k} {t}.",
)  # fmt: skip
LOSS = (
    "{n} gives {k} to {m}.", "Then {n} loses {k} {t}.", "{n} sells {k} of them.", "{k} of them break.",
    "{n} uses {k} {t}.", "{m} takes {k} of the {t}.", "{n} throws {k} away.", "{n} then gives away {k} {t}.",
)  # fmt: skip
TIMES = (
    "Then the number of {t} becomes {k} times as large.",
    "{n} then gets enough to have {k} times as many {t}.",
)
SHARE = (
    "{n} puts them into {k} equal piles and keeps one pile.",
    "{n} shares them equally among {k} friends, and {m} is one of them.",
)
START = (
    "{n} has {k} {t}.",
    "There are {k} {t} in {n}'s {p}.",
    "{n} starts with {k} {t}.",
    "{n} owns {k} {t}.",
    "At first {n} has {k} {t}.",
)
LEFT = (
    "How many {t} does {n} have now?",
    "How many {t} are there now?",
    "How many {t} are left?",
    "How many {t} does {n} have in the end?",
)
ONE_SHARE = ("How many {t} does {m} get?", "How many {t} are in one share?")


def amount(rng: Random, top: int | None = None) -> int:
    """A number that stories use: mostly up to 100, sometimes up to 900."""
    return rng.randint(2, top or rng.choice((10, 20, 50, 100, 100, 300, 900)))


def story(rng: Random) -> Problem:
    """An amount that changes one to four times."""
    people = rng.sample(NAMES, 2)
    words = {"n": people[0], "m": people[1], "t": rng.choice(THINGS), "p": rng.choice(PLACES)}
    value = start = amount(rng)
    lines, moves = [rng.choice(START).format(k=value, **words)], []
    shared = False
    for _ in range(rng.choices((1, 2, 3, 4), (30, 35, 22, 13))[0]):
        kind, k = _move(rng, value)
        value = {"add": value + k, "sub": value - k, "mul": value * k, "div": value // k}[kind]
        wording = {"add": GAIN, "sub": LOSS, "mul": TIMES, "div": SHARE}[kind]
        lines.append(rng.choice(wording).format(k=k, **words))
        moves.append((kind, k))
        if kind == "div":
            shared = "shares" in lines[-1]
            break
    text = _with_noise(rng, lines, words) + " " + rng.choice(ONE_SHARE if shared else LEFT).format(**words)
    return Problem("story", text, _follow(start, moves))


def _move(rng: Random, value: int) -> tuple[str, int]:
    divisors = [d for d in range(2, 13) if value % d == 0 and value // d > 1]
    kind = rng.choices(("add", "sub", "mul", "div"), (40, 38, 12, 10))[0]
    if kind == "div" and divisors:
        return kind, rng.choice(divisors)
    if kind == "mul" and value < 400:
        return kind, rng.randint(2, 6)
    if kind == "sub" and value > 3:
        return kind, rng.randint(1, value - 1)
    return "add", amount(rng)


def _follow(start: int, moves: list[tuple[str, int]]) -> Callable[[Tape], Number]:
    def solution(tape: Tape) -> Number:
        value: Number = start
        for kind, k in moves:
            value = getattr(tape, kind)(value, k)
        return value

    return solution


def _with_noise(rng: Random, lines: list[str], words: dict[str, str]) -> str:
    if rng.random() < 0.25:
        lines.insert(rng.randint(1, len(lines)), rng.choice(NOISE).format(n=words["n"], k=rng.randint(2, 60)))
    return " ".join(lines)


def shop(rng: Random) -> Problem:
    """Things bought at a price each: the total, or the change."""
    n, kinds = rng.choice(NAMES), rng.sample(THINGS, rng.choices((1, 2, 3), (45, 40, 15))[0])
    items = [(rng.randint(2, rng.choice((9, 9, 30))), rng.randint(2, rng.choice((9, 20, 60))), t) for t in kinds]
    money = rng.choice(("dollars", "euros", "cents", "coins"))
    bought = [f"{q} {t} at {p} {money} each" for q, p, t in items]
    text = (
        f"{n} {rng.choice(('buys', 'orders', 'pays for'))} "
        + (", ".join(bought[:-1]) + " and " if bought[1:] else "")
        + bought[-1]
        + "."
    )
    total = sum(q * p for q, p, _ in items)
    paid = total + rng.randint(1, 40) if rng.random() < 0.4 else 0
    if rng.random() < 0.2:
        text += " " + rng.choice(NOISE).format(n=n, k=rng.randint(2, 60))
    text += f" {n} pays with {paid} {money}. How much change does {n} get?" if paid else rng.choice(
        (f" How many {money} does {n} pay?", " How much does it cost in total?", " What is the total price?")
    )  # fmt: skip

    def solution(tape: Tape) -> Number:
        cost: Number | None = None
        for q, p, _ in items:
            part = tape.mul(q, p)
            cost = part if cost is None else tape.add(cost, part)
        return tape.sub(paid, cost or 0) if paid else cost or 0

    return Problem("shop", text, solution)


def compare(rng: Random) -> Problem:
    """Two or three people, each with more, fewer or some times as many as another; one or all asked for."""
    people, t = rng.sample(NAMES, rng.choice((2, 3))), rng.choice(THINGS)
    values, moves = [amount(rng, rng.choice((20, 100, 300)))], []
    lines = [f"{people[0]} has {values[0]} {t}."]
    for before, name in pairwise(people):
        kind = rng.choice(("add", "sub", "mul")) if values[-1] > 3 else "add"
        k = (
            rng.randint(2, 5)
            if kind == "mul"
            else rng.randint(1, values[-1] - 1)
            if kind == "sub"
            else amount(rng, 100)
        )
        values.append({"add": values[-1] + k, "sub": values[-1] - k, "mul": values[-1] * k}[kind])
        moves.append((kind, k))
        relation = {
            "add": f"{k} more {t} than",
            "sub": f"{k} fewer {t} than",
            "mul": f"{k} times as many {t} as",
        }[kind]
        lines.append(f"{name} has {relation} {before}.")
    together = rng.random() < 0.6
    ask = (
        rng.choice(("How many {t} do they have together?", "How many {t} do they have in total?"))
        if together
        else "How many {t} does {n} have?"
    )
    text = _with_noise(rng, lines, {"n": people[-1]}) + " " + ask.format(t=t, n=people[-1])

    def solution(tape: Tape) -> Number:
        owned: list[Number] = [values[0]]
        for kind, k in moves:
            owned.append(getattr(tape, kind)(owned[-1], k))
        total = owned[0]
        for more in owned[1:]:
            total = tape.add(total, more) if together else more
        return total

    return Problem("compare", text, solution)


def rates(rng: Random) -> Problem:
    """So many an hour, a day, a box: the total, what is left of it, or how long it takes."""
    n, t, unit = rng.choice(NAMES), rng.choice(THINGS), rng.choice(("hour", "day", "week", "minute"))
    k, times, extra = (
        rng.randint(2, rng.choice((12, 40, 90))),
        rng.randint(2, rng.choice((9, 14, 30))),
        rng.randint(1, 60),
    )
    p = rng.choice(PLACES)
    forms = (
        (f"{n} makes {k} {t} every {unit}. How many {t} does {n} make in {times} {unit}s?", [("mul", times)], k),
        (f"Each {p} holds {k} {t}. How many {t} are in {times} such {p}s?", [("mul", times)], k),
        (f"There are {times} {p}s with {k} {t} in each. {n} adds {extra} more {t}. How many {t} are there?", [("mul", times), ("add", extra)], k),
        (f"{n} makes {k} {t} every {unit} for {times} {unit}s and already had {extra}. How many {t} does {n} have?", [("mul", times), ("add", extra)], k),
        (f"{n} needs {k * times} {t} and makes {k} every {unit}. How many {unit}s does it take?", [("div", k)], k * times),
        (f"{n} has {k * times + extra} {t}, keeps {extra} and packs the rest into {p}s of {k}. How many {p}s are full?", [("sub", extra), ("div", k)], k * times + extra),
        (f"A car drives {k} miles in an hour. How far does it drive in {times} hours?", [("mul", times)], k),
    )  # fmt: skip
    text, moves, start = rng.choice(forms)
    return Problem("rates", text, _follow(start, moves))
