"""The surface of a question: how a person happens to type it.

A rendered text has marks for numbers; `vary` writes them as digits, words, money or with commas, and changes
case, punctuation and the like now and then. A text keeps its numbers and what it asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from random import Random

from corpus.lexicon import entries
from corpus.tape import show
from corpus.wording import reworded

MONEY = "\x03"  # stands before a currency word
MARK = re.compile("\x01(\\d+)\x02")
# A number in a formula, before the sign of a unit or in a clock time is not written as a word.
FORMULA_AFTER = re.compile(r" ?[-+*/=^²³×÷·%:(!]|[.]\w|°|[a-z]")
FORMULA_BEFORE = re.compile(r"[-$€£:/.+*x=^×÷·(√] ?$")
YEARS = range(1900, 2031)  # "1,995" would rather be read as an amount
SIGNS = {"dollar": "$", "euro": "€", "pound": "£"}
SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
TENS = {
    30: "thirty",
    40: "forty",
    50: "fifty",
    60: "sixty",
    70: "seventy",
    80: "eighty",
    90: "ninety",
    100: "a hundred",
}
CONTRACTIONS = (
    ("does not", "doesn't"), ("do not", "don't"), ("did not", "didn't"), ("is not", "isn't"), ("are not", "aren't"),
    ("What is", "What's"), ("what is", "what's"), ("cannot", "can't"), ("There is", "There's"), ("would not", "wouldn't"),
)  # fmt: skip
BEFORE = (
    "Question: ", "Q: ", "Solve: ", "Problem: ", "Hi! ", "hey, ", "Hello, ", "quick question: ", "Can you help me? ", "Help: ",
    "Math problem: ", "Please solve this. ", "1. ", "homework: ", "Hi, I need help with this one. ", "Word problem: ",
)  # fmt: skip
AFTER = (
    " Please.", " Please help.", " Thanks!", " Give only the number.", " Answer with a number.", " thanks", " Please answer.",
    " Just the number, please.", " Explain.", " Show your work.", " Think step by step.", " pls", " Answer:", " Solve it.", "\nAnswer:",
)  # fmt: skip
SPELT = {
    *SMALL,
    *TENS.values(),
    "hundred",
    "twice",
    "half",
    "double",
    "third",
    "quarter",
    "dozen",
    "more",
    "fewer",
    "less",
    "percent",
}
PROPER = {
    "I",
    "Mom",
    "Dad",
    "Mr",
    "Mrs",
    "Ms",
    "Grandma",
    "Grandpa",
    "Grandmother",
    "Grandfather",
    "Aunt",
    "Uncle",
    "English",
    "French",
}
CHANCE = {
    "comma": 0.5, "sign": 0.4, "words": 0.12, "contract": 0.3, "merge": 0.08, "lower": 0.09, "mark": 0.1, "typo": 0.04,
    "before": 0.03, "after": 0.05, "loose": 0.04, "if": 0.08, "fragment": 0.2, "twice": 0.6,
}  # fmt: skip


def number(index: int) -> str:
    """Return the mark for the number at `index`."""
    return f"\x01{index}\x02"


def vary(rng: Random, text: str, values: Sequence[Fraction]) -> str:
    """Write a rendered text as somebody might type it."""

    def happens(what: str) -> bool:
        return rng.random() < CHANCE[what]

    if happens("twice"):
        text = write_twice(text, values)
    text = write_money(text, values, sign=happens("sign"))
    text = write_numbers(text, values, words=happens("words"), commas=happens("comma"))
    text = reworded(rng, text)
    if happens("contract"):
        for long, short in CONTRACTIONS:
            text = re.sub(rf"\b{long}\b", short, text)
    if happens("merge"):
        text = merge(text)
    if happens("if"):
        text = join_by_if(text)
    if happens("fragment"):
        text = leave_if_alone(text)
    if happens("typo"):
        text = typo(rng, text)
    if happens("lower"):
        text = text.lower()
    if happens("mark"):
        text = text.removesuffix("?").removesuffix(".")
    if happens("loose"):
        text = loosen(rng, text)
    # A plea would not be told from the question without a mark between them.
    after = rng.choice(AFTER) if text[-1] in ".?!" and happens("after") else ""
    return (rng.choice(BEFORE) if happens("before") else "") + text + after


def plain(text: str, values: Sequence[Fraction]) -> str:
    """Write a rendered text as it stands."""
    return write_numbers(write_money(text, values, sign=False), values, words=False, commas=False)


def write_twice(text: str, values: Sequence[Fraction]) -> str:
    """Say "2 times as many" as people do: "twice as many"."""

    def said(found: re.Match[str]) -> str:
        return "twice as " if values[int(found[1])] == 2 else found[0]

    return re.sub(MARK.pattern + " times as ", said, text)


def write_money(text: str, values: Sequence[Fraction], *, sign: bool) -> str:
    """Write amounts of money: "5 dollars" as "$5" if `sign`, and cents with two places."""

    def signed(found: re.Match[str]) -> str:
        if re.search("\x02,? (and |or |to )?$", found.string[: found.start()]):  # "5 and 6 dollars" stays
            return worded(found)
        return SIGNS[found[3]] + cents(values[int(found[2])])

    def worded(found: re.Match[str]) -> str:
        return f"{cents(values[int(found[2])])} {found[3]}{found[4]}"

    words = re.compile(f"()\x01(\\d+)\x02 {MONEY}?(dollar|euro)(s?)\\b")
    pounds = re.compile(f"()\x01(\\d+)\x02 {MONEY}(pound)(s?)\\b")
    for pattern in (words, pounds):
        text = pattern.sub(signed if sign else worded, text)
    text = re.sub("([$€£])\x01(\\d+)\x02", lambda found: found[1] + cents(values[int(found[2])]), text)
    return text.replace(MONEY, "")


def cents(value: Fraction) -> str:
    """Return an amount of money: "3.50", "1200"."""
    return show(value) if value.denominator == 1 or 100 % value.denominator else f"{float(value):.2f}"


def write_numbers(text: str, values: Sequence[Fraction], *, words: bool, commas: bool) -> str:
    """Write the marks: small numbers as words if `words`, thousands with commas if `commas`."""
    out, at = "", 0
    for found in MARK.finditer(text):
        out += text[at : found.start()]
        value, at = values[int(found[1])], found.end()
        alone = not FORMULA_AFTER.match(text[at:]) and not FORMULA_BEFORE.search(out)
        if words and alone and (word := in_words(value)):
            starts = re.search(r"(^|[.?!] )$", out) and not text[:1].islower()
            out += word.capitalize() if starts else word
        elif text[at:].startswith("th ") and value.denominator == 1:
            out, at = out + ordinal(int(value)), at + 2
        elif commas and value.denominator == 1 and value >= 1000 and value % 5 == 0 and value not in YEARS:
            out += f"{int(value):,}"
        else:
            out += show(value)
    return out + text[at:]


def ordinal(value: int) -> str:
    """Return "1st", "12th", "23rd"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{'th' if value % 100 in (11, 12, 13) else ending}"


def in_words(value: Fraction) -> str:
    """Return the word for a small or round number, else nothing."""
    if value.denominator != 1:
        return ""
    return SMALL[int(value)] if 0 <= value <= 20 else TENS.get(int(value), "")


def merge(text: str) -> str:
    """Join two sentences by "and": "Mia has 5 pens. She buys 2." becomes "Mia has 5 pens and she buys 2."."""
    return re.sub(
        r"(?<=[a-z])\. (He|She|They|Then|I|There|Later|The|His|Her|We) (?=[^?]*[.?] )",
        lambda found: f" and {found[1] if found[1] == 'I' else found[1].lower()} ",
        text,
        count=1,
    )


def join_by_if(text: str) -> str:
    """Make a condition of the last statement: "She eats 2. How many are left?" becomes "If she eats 2, how many are left?"."""

    def joined(found: re.Match[str]) -> str:
        first, rest, ask = found.groups()
        return f"If {first if is_proper(first) else first.lower()}{rest}, {ask.lower()} "

    return re.sub(
        r"(?<![^.?!] )\b(?!If|Then|Find|Suppose|When|How|What)([A-Z][a-z]+)((?: [^.?!:;\s]+){2,12})\. (How|What) (?=[^.?!]*[.?]?$)",
        joined,
        text,
        count=1,
    )


@cache
def is_proper(word: str) -> bool:
    """Whether a word keeps its capital within a sentence."""
    names = (one.split()[0] for kind in ("name", "day", "month", "town", "subject") for one, _ in entries(kind))
    return word in PROPER or word in set(names)


def leave_if_alone(text: str) -> str:
    """Make a sentence of a condition, as careless writers do: "If she eats 2, how ..." becomes "If she eats 2. How ..."."""
    return re.sub(r"(\bIf [^.?!,]*), (how|what) ", lambda found: f"{found[1]}. {found[2].capitalize()} ", text)


def typo(rng: Random, text: str) -> str:
    """Misspell one longer word, none that says how many: two letters swapped, one left out or one twice."""
    words = [found for found in re.finditer(r"\b[a-z]{4,}\b", text) if found[0] not in SPELT]
    if not words:
        return text
    word = rng.choice(words)
    at = word.start() + rng.randint(1, len(word[0]) - 2)
    wrong = rng.choice((text[at + 1] + text[at], text[at + 1], text[at] * 2 + text[at + 1]))
    return text[:at] + wrong + text[at + 2 :]


def loosen(rng: Random, text: str) -> str:
    """Change the spaces and marks between sentences: line breaks, commas for full stops, several marks."""
    form = rng.randrange(4)
    if form == 0:
        return text.replace(". ", ".\n")
    if form == 1:
        return re.sub(r"(?<=[a-z])\. (?=[A-Z])", ", ", text, count=2)
    if form == 2:
        return text.replace("?", "??") if text.endswith("?") else text + "?"
    return re.sub(r"(?<!\d), ", ",", text.replace(". ", ".  "))
