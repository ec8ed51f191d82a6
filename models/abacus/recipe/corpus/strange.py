"""Questions outside the domain, from word lists and wordings of our own: the answer is that it is not known."""

from __future__ import annotations

from random import Random

from corpus.stories import NAMES, THINGS

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


def question(rng: Random) -> str:
    """A question that the model must not answer with a number."""
    if rng.random() < 0.35:
        words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(rng.randint(1, 14))]
        return " ".join(words) + rng.choice(("?", ".", "", "!"))
    topic = rng.choice((rng.choice(TOPICS), "".join(rng.choices(SYLLABLES, k=3)).title()))
    return rng.choice(ASKS).format(t=topic, f=rng.choice(THINGS), n=rng.choice(NAMES), k=rng.randint(2, 2020))
