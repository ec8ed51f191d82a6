"""What abacus learns from: questions with worked solutions, made into documents without end.

One question in ten (by a hash of its text) is never trained on, whatever the seed: those are the ones that
the evaluation asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from random import Random

from corpus import arithmetic, stories
from corpus.gsm import problems as gsm_problems
from corpus.problem import Problem
from corpus.tape import BadSlip, Tape
from corpus.traces import Document, document, unknown

MAKERS: dict[str, tuple[Callable[[Random], Problem], int]] = {
    "sums": (arithmetic.sums, 16),
    "products": (arithmetic.products, 8),
    "quotients": (arithmetic.quotients, 5),
    "mixed": (arithmetic.mixed, 8),
    "gcd": (arithmetic.gcds, 5),
    "lcm": (arithmetic.lcms, 4),
    "fractions": (arithmetic.fractions, 4),
    "equations": (arithmetic.equations, 5),
    "legs": (arithmetic.legs, 5),
    "story": (stories.story, 8),
    "shop": (stories.shop, 6),
    "compare": (stories.compare, 5),
    "rates": (stories.rates, 4),
}
GSM_WEIGHT = 16
FAMILIES = (*MAKERS, "gsm")
UNKNOWN_SHARE = 0.02


def held_out(question: str) -> bool:
    """Whether a question belongs to the tenth that is kept for the evaluation."""
    return hashlib.sha1(" ".join(question.lower().split()).encode()).digest()[0] % 10 == 0


def writable(problem: Problem) -> bool:
    """Whether the solution stays within numbers that a line can hold."""
    try:
        problem.run(Tape())
    except BadSlip:
        return False
    return True


def questions(seed: int, *, fresh: bool, family: str | None = None) -> Iterator[Problem]:
    """Problems without end, of all families by weight or of one: held-out ones if `fresh`, else the others."""
    rng = Random(seed)
    gsm = gsm_problems(Random(seed + 1))
    weights = [*(w for _, w in MAKERS.values()), GSM_WEIGHT]
    while True:
        name = family or rng.choices(FAMILIES, weights)[0]
        problem = next(gsm) if name == "gsm" else MAKERS[name][0](rng)
        if held_out(problem.question) == fresh and writable(problem):
            yield problem


def documents(seed: int, *, late: bool = False) -> Iterator[Document]:
    """Training documents without end; `late` ones are for the cool-down."""
    rng = Random(seed)
    for problem in questions(seed, fresh=False):
        if rng.random() < UNKNOWN_SHARE:
            yield unknown(rng)
        try:
            yield document(rng, problem, late=late)
        except BadSlip:
            continue
