"""Clean reasoning that repeats itself without being stuck, of many kinds, from a seed. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

NAMES = ("Ann", "Ben", "Carla", "Dev", "Eve", "Farid")
THINGS = ("apples", "pencils", "stamps", "tickets", "marbles")


def long_division(rng: Random) -> str:
    """A repeating decimal, digit by digit until a remainder comes again, then as far as forty places."""
    top, bottom = rng.randint(1, 40), rng.choice((3, 7, 9, 11, 13, 27, 37, 41, 101))
    rest, seen, lines = top % bottom, set[int](), []
    while rest not in seen:
        seen.add(rest)
        lines.append(f"{rest}0 / {bottom} = {rest * 10 // bottom} remainder {rest * 10 % bottom}")
        rest = rest * 10 % bottom
    places = "".join(str(top % bottom * 10**n // bottom % 10) for n in range(1, rng.randint(12, 40)))
    return "\n".join(lines) + f"\nThe remainder comes again, so {top}/{bottom} = {top // bottom}.{places}...\n"


def column_addition(rng: Random) -> str:
    """Columns with carries; equal digits make equal columns, up to eight of them."""
    size = rng.randint(2, 8)
    x, y = (rng.choice((int(str(rng.randint(1, 9)) * size), rng.randint(1, 10**size))) for _ in "xy")
    parts, carry, a, b = [], 0, x, y
    while a or b or carry:
        total = a % 10 + b % 10 + carry
        parts.append(f"{a % 10}+{b % 10}" + (f"+{carry}" if carry else "") + f"={total}")
        a, b, carry = a // 10, b // 10, total // 10
    return f"{x}+{y}=[{','.join(parts)}]{x + y}\nSo {x + y}.\n"


def repeated_sum(rng: Random) -> str:
    """A product written as a sum of one number, or a power as a product, up to twelve times."""
    times, one = rng.randint(3, 12), rng.randint(1, 150)
    sign, value = rng.choice(((" + ", one * times), ("+", one * times), (" * ", one**times)))
    return f"That is {times} of them: {sign.join([str(one)] * times)} = {value}.\n"


def enumeration(rng: Random) -> str:
    """Cases one after another, worded alike but for the number."""
    step, last = rng.randint(2, 9), rng.randint(4, 15)
    lines = [
        f"For k = {k}, the value is {k} * {step} + 1 = {k * step + 1}, which is {('odd', 'even')[k * step % 2]}."
        for k in range(1, last)
    ]
    return "\n".join(lines) + "\n"


def code(rng: Random) -> str:
    """A short program with nested blocks that close one after another."""
    depth = rng.randint(2, 6)
    opening = "".join(
        f"{'    ' * d}for ({'ijklmn'[d]} = 0; {'ijklmn'[d]} < {rng.randint(2, 9)}; {'ijklmn'[d]}++) {{\n"
        for d in range(depth)
    )
    return (
        f"```c\n{opening}{'    ' * depth}total += 1;\n"
        + "".join(f"{'    ' * d}}}\n" for d in reversed(range(depth)))
        + "```\n"
    )


def table(rng: Random) -> str:
    """A markdown table of small numbers, its rule, a ruled-off line and rows of zeros."""
    columns, rows = rng.randint(2, 8), rng.randint(2, 5)
    rule = rng.choice(("---", ":---:", "-----", "--"))
    lines = [" | ".join("abcdefgh"[:columns]), " | ".join([rule] * columns)]
    lines += [" | ".join(str(rng.choice((0, 0, 1))) for _ in range(columns)) for _ in range(rows)]
    return (
        "".join(f"| {line} |\n" for line in lines) + rng.choice(("-", "=", "* ", "_")) * rng.randint(3, 60) + "\n"
    )


def matrix(rng: Random) -> str:
    """A unit matrix or a matrix of zeros in LaTeX."""
    size, one = rng.randint(2, 4), rng.choice((0, 1))
    rows = [" & ".join(str(one * (i == j)) for j in range(size)) for i in range(size)]
    return "\\begin{pmatrix} " + " \\\\ ".join(rows) + " \\end{pmatrix}\n"


def story(rng: Random) -> str:
    """Worked sentences about several people, worded alike."""
    things, price = rng.choice(THINGS), rng.randint(2, 20)
    lines = []
    for name in rng.sample(NAMES, rng.randint(2, 5)):
        count = rng.randint(2, 30)
        lines.append(f"{name} has {count} {things}, so {name} pays {count} * ${price} = ${count * price}.")
    return (
        "\n".join(
            [*lines, "Now add these up.", "Wait, let me check that again.", *lines[:2], "Yes, that is right."]
        )
        + "\n"
    )


def tosses(rng: Random) -> str:
    """All outcomes of a few tosses, and one long run of them."""
    n = rng.randint(2, 4)
    outcomes = ["".join("HT"[i >> b & 1] for b in range(n)) for i in range(2**n)]
    run = " ".join(rng.choice("HT") for _ in range(20))
    return f"The outcomes are {', '.join(outcomes)}. A longer run is {run}.\n"


KINDS: tuple[Callable[[Random], str], ...] = (
    long_division, column_addition, repeated_sum, enumeration, code, table, matrix, story, tosses,
)  # fmt: skip


def trace(seed: int) -> str:
    """A chain of three to six of these, each at most once, in any order."""
    rng = Random(seed)
    return "".join(kind(rng) for kind in rng.sample(KINDS, rng.randint(3, 6)))
