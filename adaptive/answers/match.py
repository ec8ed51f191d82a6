"""Whether a reply gives the reference answer: what is looked for in the reply depends on what the reference is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from adaptive._util.thinking_tags import split_thinking
from adaptive.answers.equality import same_value
from adaptive.answers.extract import extract_final_answer
from adaptive.answers.grader import Grade
from adaptive.answers.language import parse_polarity, uses_decimal_comma
from adaptive.answers.marks import find_marked, trim_clause
from adaptive.answers.numerals import Quantity, parse_quantity
from adaptive.answers.sentence import guess_value, is_unsolved, replace_number_words
from adaptive.answers.simplify import normalise_text, simplify_text
from adaptive.answers.statement import TEXT_COMMAND, is_words, read_polarity, says_words
from adaptive.answers.structures import Structure, match_structures, parse_structure
from adaptive.answers.units import KNOWN, match_units, name_unit

AskExpression = Callable[[str, str], Grade]
"""Grades an expression against another one: the answer and the reference."""

UNREAD = Grade(False, reason="no answer is read out of the reply")
DIFFERENT = Grade(False, reason="the texts differ")

_PERCENT = re.compile(r"%|\bper ?cent|\bpourcent|\bprozent|\bpor ?ciento|\bprocent|процент", re.IGNORECASE)
_RATE = re.compile(r"\b(?:rates?|interest|discount|tax|tip|chance|share|increase|growth)\b", re.IGNORECASE)
_UNORDERED = re.compile(
    r"\b(?:roots?|solutions?|solve|zeros?|zeroes|factors?|divisors?|values? of|intercepts?|intersect|primes?|"
    r"which|members?|all)\b",
    re.IGNORECASE,
)
_ORDERED = re.compile(
    r"\b(?:order|sort|sequence|ascending|descending|arrange|rank|next|first|smallest|largest)", re.IGNORECASE
)
_MATHS_SPAN = re.compile(
    r"\\\((.{1,300}?)\\\)|\\\[(.{1,300}?)\\\]|\$\$([^$]{1,300})\$\$|(?<![\\$])\$([^$\n]{1,300})\$",
    re.DOTALL,
)
_BRACKETED = re.compile(r"[(\[{\]][^()\[\]{}]{1,200}[)\]}\[]")
_TAIL = re.compile(r".*(?:\b(?:is|are|was|were|equals?|be|gives?|returns?|prints?|at)\b|[:=])", re.DOTALL)
_PROSE = re.compile(
    r"'s\b|(?<![\\{A-Za-z])(?!(?:sqrt|sin|cos|tan|log|ln|exp|pi|and|or|in|cup|dollars)\b)[^\W\d_]{2,}"
)


@dataclass(frozen=True)
class ReplyMatcher:
    """One reply beside its reference.

    Attributes:
        question: The question.
        reply: The reply, without thinking.
        reference: The reference answer, read.
        ask: Grades expressions.
        exact: Whether two numbers are compared by their values alone.
    """

    question: str
    reply: str
    reference: str
    ask: AskExpression
    exact: bool = True

    @cached_property
    def final(self) -> str | None:
        """What the reply marks as its answer."""
        return extract_final_answer(self.reply)

    @cached_property
    def marked(self) -> str | None:
        """What the reply marks as its answer, even if it is a sentence."""
        return self.final or find_marked(self.reply)[0]

    @cached_property
    def comma(self) -> bool:
        """Whether the comma is the decimal sign of the reply."""
        return uses_decimal_comma(f"{self.question} {self.reply}")

    def match(self) -> Grade:
        """Return whether the reply gives the reference answer."""
        expected = parse_quantity(self.reference) or parse_quantity(self.reference, comma=self.comma)
        if expected is not None:
            return self._match_number(expected)
        if normalise_text(self.reply) == normalise_text(self.reference) != "":
            return Grade(True)
        if (polarity := parse_polarity(normalise_text(self.reference))) is not None:
            given = read_polarity(self.question, self.reply, self.marked)
            return _to_grade(given is polarity, "the answer is the opposite, or neither yes nor no")
        if (structure := parse_structure(self.reference)) is not None:
            return self._match_structure(structure)
        if is_words(self.reference):
            return _to_grade(says_words(self.question, self.reply, self.marked, self.reference), DIFFERENT.reason)
        return self._match_expression()

    def _match_number(self, expected: Quantity) -> Grade:
        text = self._read_number_text()
        given = parse_quantity(text, comma=self.comma) if text is not None else None
        if given is not None and match_quantities(given, expected, self.question):
            return Grade(True)
        if given is not None and self.exact:
            return Grade(False, reason="the numbers or their units differ")
        claim = text or self.marked or (self.reply if _is_bare(self.reply) else None)
        if claim is None:
            return UNREAD
        if parse_structure(claim) is not None:
            return DIFFERENT
        return self._ask(claim)

    def _ask(self, claim: str, reference: str | None = None) -> Grade:
        """Return what `ask` says of a claim, unless one of the two is words, or they have other words."""
        reference = self.reference if reference is None else reference
        if is_words(claim) or is_words(reference) or not _match_other_words(claim, reference):
            return DIFFERENT
        if "=" not in reference and is_unsolved(simplify_text(claim)):
            return DIFFERENT  # math-verify would take what stands after the sign
        return self.ask(claim, reference)

    def _read_number_text(self) -> str | None:
        """Return the text of the number that the reply gives; None if there is none."""
        for claim in (self.marked, self.reply):
            if claim is None:
                continue
            for text in (claim, replace_number_words(simplify_text(claim)) if len(claim) < 40 else claim):
                if parse_quantity(text, comma=self.comma) is not None:
                    return text
            if self.final is not None or _is_bare(claim, most_words=0):
                return None
            if (guess := guess_value(claim, self.question, comma=self.comma)) is not None:
                return guess
        return None

    def _match_structure(self, expected: Structure) -> Grade:
        ordered = bool(_ORDERED.search(self.question)) or not _UNORDERED.search(self.question)
        for text in self._list_claims():
            given = parse_structure(text) if parse_quantity(text, comma=self.comma) is None else None
            if given is None:
                continue
            if match_structures(given, expected, self._is_same_part, ordered=ordered):
                return Grade(True)
            return Grade(False, reason="the parts of the answers differ")
        claim = self.final or (self.reply if _is_bare(self.reply) else None)
        if claim is None:
            return UNREAD
        if expected.kind == "ratio":
            same = normalise_text(claim).replace("/", ":") == normalise_text(self.reference)
            return _to_grade(same, "the ratios differ")
        if expected.kind in ("brackets", "list") or parse_quantity(claim) is not None:
            return DIFFERENT
        return self._ask(claim)

    def _is_same_part(self, given: str, expected: str) -> bool:
        if same_value(given, expected, comma=self.comma):
            return True
        if parse_quantity(given) is not None and parse_quantity(expected) is not None:
            return False
        return self._ask(given, expected).right

    def _match_expression(self) -> Grade:
        claim = next(iter(self._list_claims()), None)
        if claim is None:
            return UNREAD
        if same_value(claim, self.reference, comma=self.comma):
            return Grade(True)
        return self._ask(claim)

    def _list_claims(self) -> list[str]:
        """Return the texts that may be the answer of several parts or the expression, the likeliest first."""
        if self.marked is not None:
            return [self.marked]
        if _is_bare(self.reply):
            return [self.reply]
        last = self._last_sentence()
        spans = [next(filter(None, m.groups())) for m in _MATHS_SPAN.finditer(last)]
        if spans and not _is_label(spans[-1]):
            single = len(set(spans)) == 1 or _is_label(spans[0])
            return [_after_equals(spans[-1])] if single else []
        plain = simplify_text(last)
        tail = _TAIL.match(_before_side(plain))
        rest = trim_clause(plain[tail.end() :]) if tail else ""
        brackets = _BRACKETED.findall(plain)
        lists = plain[m.end() :] if (m := re.search(r"\b(?:are|at|is|be)\b", plain)) else ""
        if len(brackets) == 1 and "," in brackets[0]:
            return [brackets[0]]
        return [text for text in (lists.strip(" :."), rest, plain if "=" in plain else "") if text]

    def _last_sentence(self) -> str:
        pieces = re.split(r"\n+|(?<=[.!?])\s+(?=[A-Z])", self.reply.strip())
        return next((piece.strip() for piece in reversed(pieces) if piece.strip(" .*_`$\\[]()")), "")


def match_reply(question: str, reply: str, reference: str, ask: AskExpression, *, exact: bool = True) -> Grade:
    """Return whether a reply gives the reference answer.

    A number: the one that the reply marks as final, or else concludes with. A percentage equals the plain number
    beside "%" or a hundredth of it, if only one of the two has a "%"; but a plain reference of 5 is 5 % only if
    the question asks for something like a percentage. Yes and no: the first word. Words: the marked answer, or the
    beginning or end of the only sentence. Several parts and expressions: what is marked, or the last sentence's.
    If a reply could mean two answers, it gives none.

    Args:
        question: The question.
        reply: The reply; thinking in it is left out.
        reference: The reference answer, as `read_reference` returns it.
        ask: Grades an expression against another one.
        exact: Whether two plain numbers are never left to `ask`.

    Raises:
        CannotTell: If `ask` does.
    """
    _, answer = split_thinking(reply) if "<" in reply or "[" in reply else ("", reply)
    return ReplyMatcher(question, answer or reply, reference, ask, exact).match() if answer.strip() else UNREAD


def match_quantities(given: Quantity, expected: Quantity, question: str = "") -> bool:
    """Whether a given number is the expected one, with the rule of `match_reply` for percentages."""
    percents = [one.unit == "%" for one in (given, expected)]
    if percents[0] == percents[1] or (given.unit and expected.unit):
        return given.value == expected.value and match_units(given.unit, expected.unit)
    if percents[1]:
        return given.value in (expected.value, expected.value / 100)
    if _PERCENT.search(question) or (abs(expected.value) > 1 and (not question or _RATE.search(question))):
        return given.value in (expected.value, expected.value * 100)
    return given.value == expected.value * 100


def _match_other_words(one: str, two: str) -> bool:
    """Whether two expressions have the same words in them, or one has none and the other only units."""
    first, second = _list_words(one), _list_words(two)
    if first and second:
        return first == second
    return all(name_unit(word) in KNOWN for word in first | second)


def _list_words(text: str) -> set[str]:
    bare = TEXT_COMMAND.sub(r" \1 ", text)
    return {word.casefold() for word in _PROSE.findall(bare)}


def _is_bare(text: str, most_words: int = 1) -> bool:
    """Whether a text is no sentence: one line without "=" and with at most so many words."""
    return "\n" not in text.strip() and "=" not in text and len(_PROSE.findall(text)) <= most_words


def _to_grade(right: bool, reason: str) -> Grade:
    return Grade(right, reason="" if right else reason)


def _after_equals(span: str) -> str:
    return span.rpartition("=")[2].strip()


def _before_side(plain: str) -> str:
    cut = re.search(r",? (?:because|since|where|for all|so that)\b", plain)
    return plain[: cut.start()] if cut else plain


def _is_label(span: str) -> bool:
    """Whether a span of maths is only a name, such as x or f(x)."""
    return re.fullmatch(r"\s*\\?[A-Za-z]+(?:_\w)?(?:\([a-z]\))?\s*", span) is not None
