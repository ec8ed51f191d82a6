"""Reads a value out of sentences: "You have 5 slices left.", "7 * 8 = 56", a number in bold, the output of code.

What it finds is a guess, so it is careful: if two values could be meant, it finds none. A number that stands in
the question is only restated; one beside an operator, or after "than" and the like, is an operand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from adaptive.answers.numerals import NUMBER, compute_value, parse_quantity
from adaptive.answers.simplify import simplify_text
from adaptive.answers.units import KNOWN, parse_unit

LONGEST_REPLY = 20_000
"""Only so many last characters of a reply are read, and as many first ones."""
MOST_SENTENCES = 4
"""How many sentences with a value are read, from the last one back, beside the first one."""

_SIGN = r"(?P<sign>(?<![\w)\]}!%.])(?<![0-9)] )[+-])?"
_CURRENCY = r"(?:(?P<currency>us\$|[$€£¥₹₩₽]|\b(?:usd|eur|gbp|inr|chf) ) ?)?"
_VALUE = re.compile(rf"{_SIGN}{_CURRENCY}(?P<number>{NUMBER})")
_SENTENCE_END = re.compile(
    r"(?<!\bapprox\.)(?<!\bno\.)(?<!\bca\.)(?<!\bvs\.)(?<=[.!?])[*_)\"”]{0,3}\s+(?=\S)|(?<=[。！？])|\n+",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(r"^\s*(?:(?:\d{1,2}[.)]|[-*•+>]|#+|(?:\*\*)?step \d+:?(?:\*\*)?:?)\s+)+", re.IGNORECASE)
_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_EMPHASIS = re.compile(r"(?<![\w*])[*_]([^*_\s][^*_\n]{0,80})[*_](?![\w*])")
_CONCLUSION = re.compile(
    r"\b(?:so|therefore|thus|hence|in total|altogether|leaving|leaves|"
    r"(?:which|this|that) (?:means|gives|is|makes|leaves)|for a total of|finally|in conclusion|"
    r"also|donc|daher|somit|por lo tanto|portanto|quindi|итак)\b|"
    r"=>|⇒|→|∴|所以|因此|よって|したがって"
)
_SIDE = re.compile(
    r"(?:[,;(] ?| )(?:because|since|as long as|if|when|whereas|while|although|though|unless|where|given that|weil|"
    r"car|porque|perché)\b"
)
_NEGATION = re.compile(r"(?:\bnot|\bno longer|n't|\bnever|\bneither|\bwrong|\bincorrect)\b")
_OPERAND_BEFORE = re.compile(
    r"(?:[-+*/^_\\({\[.:<>]|\b(?:than|minus|plus|times|(?:divided|multiplied) by|over|under|almost|nearly|not|"
    r"at least|at most|up to|between|from|except|without|until|unlike|mod|divided|multiplied|log|sin|cos|tan|sqrt|pi|cannot be|"
    r"(?:root|square|cube|half|twice|third|quarter|multiple|factor|power|logarithm|factorial|double|triple|percent|"
    r"fraction|rest|out|remainder|one|product|sum|average|mean|median|difference|ratio|quotient|reciprocal|inverse|"
    r"each|some|most|all|many|none|any|both|two|three|four|five) (?:of|de|von)|% of|n't|remainder(?: of| is)?|"
    r"step|figure|equation|question|problem|option|part|chapter|page|year|in|since))(?: the| a| an)? ?$"
)
_OPEN_BEFORE = re.compile(r"(?:^|[\s=:])[(\[] ?$|[:] ?$")
_OPERAND_AFTER = re.compile(
    r" ?(?:[-+*/^×÷<>]|\\(?!\))|[({\[]\S|!(?= ?\S)|%? of\b)(?!\s*$)|[a-z_]|[.,:]\d| ?(?:π|√)| (?:pi|sqrt|root|"
    r"dozen|hundred|squared|cubed|factorial|times|plus|minus|divided|multiplied|over|mod|to the power|x|out of|"
    r"or more|or less|more than|less than|fewer than)\b"
)
_LEFT_SIDE = re.compile(r"[^=.;]{0,40}?(?:=|\bequals?\b|\bis equal to\b)")
_UNIT_AFTER = re.compile(
    r"(?: ?(?:%|°[cf]?|℃|mm\b|cm\b|km/h|kmh?\b|m/s|m\b|in\b(?! \w)|ft\b|mg\b|kg\b|g\b|lbs?\b|oz\b|ml\b|l\b|hz\b|"
    r"mph\b|usd\b|eur\b|gbp\b|[€£¥₹₩₽$¢])(?:\^[23])?(?![a-z0-9])|"
    r" (?P<words>[^\W\d_]{2,30}(?: [^\W\d_]{2,30}){0,2})|"
    r"(?P<asian>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,8}))"
)
_STOP_TEXT = """in left of and altogether remaining total more is are was for because so with on at by from that
which each every per to as when if then have has had after before now again exactly who the a an since while but or
than also there it he she they you we here away still together only too please let not"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())
_UP_TO_TWENTY = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty"""
_TENS = "thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: number for number, word in enumerate(_UP_TO_TWENTY.split())} | {
    word: 10 * tens for tens, word in enumerate(_TENS.split(), start=3)
}
_NUMBER_WORD = re.compile(
    rf"\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?:-(?:{'|'.join(_UP_TO_TWENTY.split()[1:10])}))?\b"
)


@dataclass(frozen=True)
class _Value:
    """A number in a sentence: its text with its unit, its value, and where it stands."""

    text: str
    value: Fraction
    start: int
    end: int


def guess_value(reply: str, question: str = "", *, comma: bool = False) -> str | None:
    """Return the number that a reply gives as its answer, with its unit; None if it is unclear.

    Args:
        reply: The reply, without thinking.
        question: The question, if it is known: its numbers are restated, not given.
        comma: Whether the comma is the decimal sign.
    """
    if len(reply) > 2 * LONGEST_REPLY:
        reply = f"{reply[:LONGEST_REPLY]}\n{reply[-LONGEST_REPLY:]}"
    text = _FENCE.sub("\n", reply) if "```" in reply else reply
    if "```" in reply and (output := _read_output(reply, text)):
        return output
    restated = _list_numbers(question, comma)
    if bold := _read_bold(text, comma):
        return bold
    sentences = [s for s in split_sentences(text) if s]
    return _choose(sentences, restated, comma)


def split_sentences(text: str) -> list[str]:
    """Return the sentences and lines of a text, simplified, without the marks of lists."""
    raw = [piece for piece in _SENTENCE_END.split(text) if piece and piece.strip()]
    return [simplify_text(_EMPHASIS.sub(r"\1", _LIST_MARK.sub("", one))) for one in raw]


def replace_number_words(plain: str) -> str:
    """Return a simplified text with its English number words up to 99 in digits."""

    def write(match: re.Match[str]) -> str:
        return str(sum(_WORDS[word] for word in match[0].split("-")))

    return _NUMBER_WORD.sub(write, plain)


def _read_output(reply: str, rest: str) -> str | None:
    """Return what the last block of code holds, if that is a number and nothing follows it."""
    blocks = list(_FENCE.finditer(reply))
    if not blocks or reply[blocks[-1].end() :].strip():
        return None
    content = blocks[-1][1].strip()
    return content if parse_quantity(content) is not None else None


def _read_bold(text: str, comma: bool) -> str | None:
    """Return the one number in bold; None if there is none or several."""
    values = [v for v in (m[1].strip(" .:") for m in _BOLD.finditer(text)) if parse_quantity(v, comma=comma)]
    distinct = {parse_quantity(value, comma=comma) for value in values}
    return values[0] if len(distinct) == 1 else None


def _choose(sentences: Sequence[str], restated: frozenset[Fraction], comma: bool) -> str | None:
    """Return the value of the sentence that concludes."""
    found: list[tuple[_Value, bool]] = []
    weak: list[_Value] = []
    for sentence in reversed(sentences):
        values = _list_values(sentence, comma)
        if all(v.value in restated for v in values):
            values = _list_values(replace_number_words(sentence), comma)
        if not values:
            continue
        if len(found) + len(weak) >= MOST_SENTENCES:
            break
        new = [v for v in values if v.value not in restated]
        if new:
            value = _decide(sentence, new)
            if value is None and not found:
                return None
            if value is not None:
                found.append((value, bool(_CONCLUSION.search(sentence) or "=" in sentence)))
        else:
            weak.extend(values)
    if not found:
        return weak[0].text if len({v.value for v in weak}) == 1 else None
    last, concludes = found[0]
    if concludes or len({v.value for v, _ in found}) == 1 or len(sentences) > 2:
        return last.text
    return None


def _decide(sentence: str, values: Sequence[_Value]) -> _Value | None:
    """Return the value that a sentence gives; None if several could be meant, or if it is denied."""
    if len({v.value for v in values}) > 1:
        ends = [m.end() for m in _CONCLUSION.finditer(sentence)]
        values = [v for v in values if ends and v.start >= ends[-1]]
    if len({v.value for v in values}) != 1:
        return None
    value = values[-1]
    return None if _NEGATION.search(sentence[max(0, value.start - 25) : value.start]) else value


def _list_values(sentence: str, comma: bool) -> list[_Value]:
    """Return the numbers of a simplified sentence that are no operands, nor in a clause beside the point."""
    side = next((m.start() for m in _SIDE.finditer(sentence) if m.start() > 3), len(sentence))
    values = []
    for match in _VALUE.finditer(sentence):
        value = _read_value(sentence, match, comma)
        if value is not None and value.start < side:
            values.append(value)
    return values


def _read_value(sentence: str, match: re.Match[str], comma: bool) -> _Value | None:
    before, after = sentence[: match.start()], sentence[match.end() :]
    if before[-1:].isascii() and (before[-1:].isalnum() or before[-1:] in ("_", ".", "'")):
        return None
    unit_match = _UNIT_AFTER.match(after)
    unit = _read_unit(unit_match) if unit_match else ""
    rest = (
        after[unit_match.end() :] if unit_match and not unit_match["words"] and not unit_match["asian"] else after
    )
    if _OPERAND_AFTER.match(rest) or _LEFT_SIDE.match(rest.partition(",")[0]):
        return None
    tail = before[-30:]
    if _OPERAND_BEFORE.search(tail) and not _OPEN_BEFORE.search(tail):
        return None
    number = compute_value(match, comma=comma or "€" in (match["currency"] or "") + unit)
    if number is None:
        return None
    negative = (match["sign"] or "").strip() == "-"
    text = f"{match['sign'] or ''}{match['currency'] or ''}{match['number']}{unit}"
    return _Value(text, -number if negative else number, match.start(), match.end())


def _read_unit(match: re.Match[str]) -> str:
    """Return the unit after a number: a known one, or the words up to one that cannot belong to it."""
    if match["asian"]:
        return ""
    if not match["words"]:
        return match[0]
    words: list[str] = []
    for word in match["words"].split():
        if word in _STOP_WORDS:
            break
        words.append(word)
    unit = parse_unit(f" {words[0]}") if words else None
    if unit in KNOWN:
        return f" {words[0]}"
    return f" {' '.join(words)}" if words and parse_unit(f" {' '.join(words)}") else ""


def _list_numbers(question: str, comma: bool) -> frozenset[Fraction]:
    """Return the values of all numbers in a question."""
    plain = simplify_text(question[-LONGEST_REPLY:])
    values = (compute_value(match, comma=comma) for match in _VALUE.finditer(plain))
    return frozenset(value for value in values if value is not None)
