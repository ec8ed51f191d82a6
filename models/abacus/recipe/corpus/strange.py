"""Questions outside the domain: written ones, word problems that lack a number, word lists in wordings, nonsense.

The answer: it is not known.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

from corpus import lacking
from corpus.language import held_text
from corpus.stories import NAMES, THINGS

FOLDER = Path(__file__).parents[1] / "language" / "unknown"
WRITTEN_SHARE, NONSENSE_SHARE = 0.7, 0.3
LACKING_SHARE = 0.25

TOPICS = (
    "France", "the moon", "photosynthesis", "Shakespeare", "quantum physics", "Python", "the French Revolution", "jazz",
    "a black hole", "the capital of Spain", "democracy", "the Roman Empire", "football", "inflation", "DNA", "climate change",
    "the Pacific Ocean", "chess", "World War II", "electricity", "Mozart", "neural networks", "the stock market", "volcanoes",
)  # fmt: skip
ASKS = (
    "What is the capital of {t}?", "Who invented {t}?", "Write a poem about {t}.", "Explain {t} to a child.", "Tell me a joke about {t}.",
    "Translate 'good morning' into {t}.", "Why is {t} important?", "What do you think about {t}?", "When did {t} begin?",
    "Summarize the history of {t}.", "Write a function in Python that prints {t}.", "Who wrote {t}?", "Is {t} true?", "Hello",
    "How are you today?", "What is your name?", "Give me a recipe with {f}.", "What colour are {f}?", "Where can I buy {f}?",
    "What is the meaning of life?", "Prove that there are infinitely many primes.", "What is the integral of x^{k}?",
    "How many moons does {t} have?", "In what year was {n} born?", "What is the derivative of sin({k}x)?", "Which is better, {f} or {t}?",
    "Sort the words {f}, {t}, {n}.", "What is the best book about {t}?", "Does {n} like {f}?", "Who won the game in {k}?",
    "Describe {t} in {k} words.", "What are the side effects of {f}?", "How tall is {n}?", "What is the population of {t}?",
)  # fmt: skip
SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ter",
    "an",
    "sub",
    "ri",
    "on",
    "ex",
    "pla",
    "que",
    "st",
    "ver",
    "do",
    "nu",
    "phi",
    "gra",
    "el",
    "os",
    "tri",
    "wa",
    "ze",
    "bu",
    "ch",
]
UNKNOWN = "I do not know."
THOUGHT = "This is not arithmetic that I know.\n"


@cache
def written(*, fresh: bool) -> list[str]:
    """The questions of `language/unknown`: the tenth that is held out if `fresh`, else the others."""
    lines = [line.strip() for file in sorted(FOLDER.glob("*.txt")) for line in file.read_text().splitlines()]
    return [line for line in lines if line and line[0] != "#" and held_text(line) == fresh]


def question(rng: Random, *, fresh: bool = False) -> str:
    """A question that the model must not answer with a number; a `fresh` one was never trained on."""
    if not fresh and rng.random() < LACKING_SHARE:
        return lacking.question(rng)
    if fresh or rng.random() < WRITTEN_SHARE:
        return loosened(rng, rng.choice(written(fresh=fresh)))
    if rng.random() < NONSENSE_SHARE:
        words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(rng.randint(1, 14))]
        return " ".join(words) + rng.choice(("?", ".", "", "!"))
    topic = rng.choice((rng.choice(TOPICS), "".join(rng.choices(SYLLABLES, k=3)).title()))
    return rng.choice(ASKS).format(t=topic, f=rng.choice(THINGS), n=rng.choice(NAMES), k=rng.randint(2, 2020))


def loosened(rng: Random, text: str) -> str:
    """Write a question in lower case or without its mark, now and then."""
    text = text.lower() if rng.random() < 0.1 else text
    return text.removesuffix("?").removesuffix(".") if rng.random() < 0.1 else text
