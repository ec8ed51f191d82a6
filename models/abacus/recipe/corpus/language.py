"""Word problems as people write them, from the schema files of `language/schemas`.

A file is one structure: a header with numbers, conditions and the answer, then templates, one a line; a header
inside the file starts a variant. The README of `language/` describes the format.

A tenth of the templates (by a hash of the text) and the schemas of `HELD_SCHEMAS` are never trained on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

from corpus.expression import Expression
from corpus.lexicon import Words
from corpus.numbers import TRIES, Numbers
from corpus.problem import Problem
from corpus.surface import MONEY, number, vary
from corpus.tape import BadSlip, Number, Tape, show

FOLDER = Path(__file__).parents[1] / "language" / "schemas"
HELD_SCHEMAS = (
    "price_compare",
    "ages_sum",
    "compare_chain",
    "tickets",
    "reading_pages",
    "difference_of_products",
)
HEADER = re.compile(r"(numbers|need|answer|unit|signed|fraction|large): *(.*)")
SLOT = re.compile(r"\{(\w+)(?::([\w+]+))?(?: (\w+))?\}")
CHOICE = re.compile(r"\[([^\[\]]*)\]")
AFTER_NUMBER = re.compile(r" (?:(?!and|of|to|the|in|or|for|from)[a-z]+ )?")
VOWEL = re.compile(r"(?i)(?!uni|eu|use|usb|uku|one\b)[aeiou]|8|11\b|18\b|hour|honest")


@dataclass(frozen=True)
class Variant:
    """The structure that a group of templates shares."""

    schema: str
    numbers: Numbers
    answer: Expression
    signed: bool = False
    fraction: bool = False

    def draw(self, rng: Random) -> dict[str, Fraction]:
        """Return numbers with an answer that can be written. Raises `ValueError` if there seem to be none."""
        for _ in range(TRIES):
            values = self.numbers.draw(rng)
            if values and self.writable(values):
                return values
        raise ValueError(f"{self.schema}: no numbers meet {[n.text for n in self.numbers.needs]}")

    def writable(self, values: dict[str, Fraction]) -> bool:
        """Whether the answer is a whole or decimal number that is not negative, and each line can be written."""
        try:
            answer = Fraction(self.answer.on_tape(values, Tape(work=False)))
        except BadSlip:
            return False
        return (self.fraction or "/" not in show(answer)) and (self.signed or answer >= 0)


@dataclass(frozen=True)
class Template:
    """One wording."""

    text: str
    variant: Variant

    @property
    def held(self) -> bool:
        """Whether it is kept for the evaluation."""
        return self.variant.schema in HELD_SCHEMAS or held_text(self.text)

    @property
    def typed(self) -> bool:
        """Whether it is arithmetic as somebody types it, a family of its own."""
        return self.variant.schema.startswith("typed")


def normal(text: str) -> str:
    """Return a text without what does not make it another one."""
    return " ".join(text.lower().split())


def held_text(text: str) -> bool:
    """Whether a line belongs to the tenth that is never trained on."""
    return hashlib.sha1(normal(text).encode()).digest()[0] % 10 == 0


def read(file: Path) -> Iterator[Template]:
    """All templates of a schema file. Raises `ValueError` if the file is not in the format."""
    header: dict[str, list[str]] = {}
    variant: Variant | None = None
    for line in map(str.strip, file.read_text().splitlines()):
        if line.startswith("#"):
            continue
        if found := HEADER.fullmatch(line):
            if variant:
                header, variant = {}, None
            header.setdefault(found[1], []).append(found[2])
        elif line:
            variant = variant or _variant(file.stem, header)
            yield Template(line, variant)


def _variant(schema: str, header: dict[str, list[str]]) -> Variant:
    if "numbers" not in header or len(header.get("answer", ())) != 1:
        raise ValueError(f"{schema}: a header needs numbers and one answer")
    numbers = Numbers(header["numbers"], header.get("need", ()), int(header.get("large", ["1"])[0]))
    return Variant(schema, numbers, Expression(header["answer"][0]), "signed" in header, "fraction" in header)


@cache
def templates() -> dict[str, list[Template]]:
    """All templates by schema."""
    return {file.stem: list(read(file)) for file in sorted(FOLDER.glob("*.txt"))}


@cache
def pool(which: str) -> list[list[Template]]:
    """Return the templates of one side of the split, by schema."""
    keep = {
        "trained": lambda t: not t.held and not t.typed,
        "wordings": lambda t: t.held and t.variant.schema not in HELD_SCHEMAS and not t.typed,
        "typed": lambda t: not t.held and t.typed,
        "new typed": lambda t: t.held and t.typed,
        "schemas": lambda t: t.variant.schema in HELD_SCHEMAS,
    }[which]
    kept = ([t for t in group if keep(t)] for group in templates().values())
    return [group for group in kept if group]


def words(rng: Random, *, fresh: bool) -> Problem:
    """A word problem; a `fresh` one is of a held-out template of a schema that is trained on."""
    return problem(rng, rng.choice(rng.choice(pool("wordings" if fresh else "trained"))), "words")


def typed(rng: Random, *, fresh: bool) -> Problem:
    """Arithmetic as typed; a `fresh` one is of a held-out template."""
    return problem(rng, rng.choice(rng.choice(pool("new typed" if fresh else "typed"))), "typed")


def schemas(rng: Random) -> Problem:
    """A problem of a schema that is never trained on."""
    return problem(rng, rng.choice(rng.choice(pool("schemas"))), "schemas")


def problem(rng: Random, template: Template, family: str) -> Problem:
    """One problem of a template, its surface varied."""
    values = template.variant.draw(rng)
    text = vary(rng, render(rng, template.text, values), list(values.values()))

    def solution(tape: Tape) -> Number:
        return template.variant.answer.on_tape(values, tape)

    return Problem(family, text, solution)


def render(rng: Random, text: str, values: dict[str, Fraction]) -> str:
    """Fill the slots of a template; numbers stay marks (see surface.py).

    Raises:
        KeyError: if there is no number and no lexicon for a slot.
    """
    kinds = {_single(slot): kind for slot, kind, _ in SLOT.findall(text) if kind}
    while CHOICE.search(text):
        text = CHOICE.sub(lambda found: rng.choice(found[1].split("|")), text)
    words, order = Words(rng, kinds), list(values)
    out, at, last = "", 0, (Fraction(0), -1)
    for found in SLOT.finditer(text):
        out += text[at : found.start()]
        slot, argument = found[1], found[3] or ""
        if (name := slot.lower()) in values:
            filled, seen = number(order.index(name)), show(values[name])
            last = (values[name], found.end())
        else:
            between = text[last[1] : found.start()] if last[1] >= 0 else ""
            one = last[0] == 1 and AFTER_NUMBER.fullmatch(between) is not None
            filled = seen = words.word(slot.lower(), argument, values, one=one)
            filled = f"{MONEY}{filled}" if slot.lower() == "money" else filled
            filled = filled[:1].upper() + filled[1:] if slot[0].isupper() else filled
        if re.search(r"\b[Aa] $", out) and VOWEL.match(seen):
            out = out[:-1] + "n "
        out, at = out + filled, found.end()
    return tidy(out + text[at:])


def _single(slot: str) -> str:
    return re.sub(r"s?(\d*)$", r"\1", slot.lower())


def tidy(text: str) -> str:
    """Take out the spaces that an empty choice leaves."""
    return re.sub(r" +([.,?!;:])", r"\1", re.sub(r" {2,}", " ", text)).strip()
