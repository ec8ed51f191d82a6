"""Questions of two kinds that are nothing like each other, without end."""

from __future__ import annotations

from random import Random

_NAMES = ("Mia", "Ben", "Omar", "Lena", "Kofi", "Yuki", "Sara", "Tom")
_THINGS = ("apples", "marbles", "stamps", "shells", "coins", "books")
_PLACES = ("library", "harbour", "castle", "museum", "forest", "bakery", "station", "theatre")
_MADE = ("painted", "sold", "described", "rebuilt", "forgotten", "praised")


def make_sums(count: int, seed: int = 0) -> list[str]:
    """Return short sums with people and things."""
    rng = Random(seed)
    forms = (
        "{n} has {a} {t} and gets {b} more. How many {t} does {n} have?",
        "There were {a} {t}. {n} took {b} of them. How many are left?",
        "What is {a} + {b} - {c}?",
        "{n} packs {a} {t} into {b} boxes, and {m} packs {c}. How many {t} are there?",
    )
    return [
        rng.choice(forms).format(
            n=rng.choice(_NAMES), m=rng.choice(_NAMES), t=rng.choice(_THINGS),
            a=rng.randint(2, 99), b=rng.randint(2, 99), c=rng.randint(2, 99),
        )
        for _ in range(count)
    ]  # fmt: skip


def make_essays(count: int, seed: int = 0) -> list[str]:
    """Return requests that have nothing to do with sums."""
    rng = Random(seed)
    forms = (
        "Why was the old {p} {v} by people who had never visited it?",
        "Write a letter in which a {p} is {v}, and say what happened afterwards.",
        "Explain to a child how a {p} can be {v}; avoid long words!",
    )
    return [rng.choice(forms).format(p=rng.choice(_PLACES), v=rng.choice(_MADE)) for _ in range(count)]
