"""What abacus learns from: questions with worked solutions, made into documents without end.

One question in ten (by a hash of its text) is never trained on, whatever the seed, and of the word problems one
template in ten and six whole schemas: those are what the evaluation asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from random import Random

from corpus import arithmetic, language, stories
from corpus.conversation import follow_up, in_conversation
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
# Word problems get as much as all of the above together, arithmetic as typed a sixth of everything.
WRITTEN = {"words": 99, "typed": 40, "schemas": 0}
NEW_SCHEMAS_WEIGHT = 20  # of fresh questions; of those that are trained on there are none
FAMILIES = (*MAKERS, "gsm", *WRITTEN)
UNKNOWN_SHARE = 0.05
FOLLOW_UP_SHARE = 0.02


def weights(*, fresh: bool) -> dict[str, int]:
    """How often each family comes."""
    families = {name: weight for name, (_, weight) in MAKERS.items()} | {"gsm": GSM_WEIGHT} | WRITTEN
    return families | ({"schemas": NEW_SCHEMAS_WEIGHT} if fresh else {})


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
    """Problems without end, of all families by weight or of one: held-out ones if `fresh`, else the others.

    Raises:
        ValueError: if `family` is one that is never trained on, and `fresh` is false.
    """
    if family == "schemas" and not fresh:
        raise ValueError("the held-out schemas are never trained on")
    rng = Random(seed)
    gsm = gsm_problems(Random(seed + 1))
    shares = weights(fresh=fresh)
    while True:
        name = family or rng.choices(list(shares), list(shares.values()))[0]
        made = (next(gsm) if name == "gsm" else _made(name, rng, fresh=fresh) for _ in count())
        yield next(one for one in made if _belongs(one, name, fresh=fresh) and writable(one))


def _belongs(problem: Problem, family: str, *, fresh: bool) -> bool:
    """Whether a problem is of the side that is asked for.

    What is held of a word problem is its template. One of the training side whose text happens to be in the tenth
    is left out too, for another family may ask the same.
    """
    return (family in WRITTEN or held_out(problem.question)) if fresh else not held_out(problem.question)


def _made(family: str, rng: Random, *, fresh: bool) -> Problem:
    if family == "schemas":
        return language.schemas(rng)
    if family in WRITTEN:
        return (language.words if family == "words" else language.typed)(rng, fresh=fresh)
    return MAKERS[family][0](rng)


def documents(seed: int, *, late: bool = False, family: str | None = None) -> Iterator[Document]:
    """Training documents without end, of all families or of one; `late` ones are for the cool-down."""
    rng = Random(seed)
    earlier: list[tuple[str, str]] = []
    for problem in questions(seed, fresh=False, family=family):
        if rng.random() < UNKNOWN_SHARE:
            yield in_conversation(rng, unknown(rng), earlier)
        answer = problem.run(Tape())
        try:
            yield in_conversation(rng, document(rng, problem, late=late), earlier)
            if rng.random() < FOLLOW_UP_SHARE:
                after = follow_up(rng, answer)
                yield in_conversation(rng, document(rng, after), [(problem.question, answer)], turns=1)
        except BadSlip:
            continue
        earlier = [*earlier, (problem.question, answer)][-2:]
