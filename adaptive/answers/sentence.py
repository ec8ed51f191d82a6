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
LONGEST_SENTENCE = 2000
"""A longer sentence gives no value."""
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
_NEGATION = re.compile(
    r"(?:\bnot|\bno|n't|\bcannot|\bnever|\bneither|\bwrong|\bincorrect|\bunlikely|\bimpossible)\b"
)
_STATED = re.compile(r"(?:\b(?:is|are|equals?)|=) ?$")
_CLAUSE_START = re.compile(r"[,;:.](?= )|=>|⇒|→|\b(?:so|therefore|thus|hence|but)\b")
_EQUATION = re.compile(
    r"(?:^|[,;:=]| (?:so|then|thus|therefore|hence|that|and|or))([^,;:=]*?)(?:=| (?:is|equals?) )[^=,;]*$"
)
_VARIABLE = re.compile(r"(?<![a-z\\'])[b-z](?![a-z'])")
_PLAIN_VARIABLE = re.compile(
    r"(?:^|(?<![-+*/^|√])(?<!\blog)(?<!\bln)(?<!\bsin)(?<!\bcos)(?<!\btan)(?<!\bmod)(?<!\bof) )"
    r"[a-z](?:_[a-z0-9]|\([a-z0-9]+\))? ?$"
)
_RELATIVE = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|a few|(?<![0-9])[0-9]+|twice as) "
    r"(?:more|less|fewer|many)\W*$"
)
_COMPOUND = re.compile(
    r"(?<![0-9])[0-9]+ ?(?:hours?|hrs?|h|minutes?|min|feet|foot|ft|years?|months?|weeks?|days?|pounds?|lbs?|"
    r"dollars?|meters?|m|degrees?)(?:, and|,| and)? [0-9]+ ?[a-z]+"
)
_ASKS_YEAR = re.compile(r"\b(?:when|(?:which|what) year|in (?:which|what) year)\b")
_YEAR = re.compile(r"(?<![\w.,-])(?:1[0-9]|20)[0-9]{2}(?![\w%]|[.,]\d)")
_TIMES = re.compile(r"(?<=[0-9)]) x (?=[0-9(])")
_LINE_BREAK = re.compile(r"\\\\|\\(?:begin|end)\{[a-z*]{1,20}\}(?:\{[a-z|]{0,20}\})?")
_OPERAND_BEFORE = re.compile(
    r"(?:[-+*/^_\\({\[.:<>±≥≤≠|~]|\b(?:than|minus|plus|times|over|under|almost|nearly|not|"
    r"at least|at most|up to|between|from|except|without|until|unlike|mod|divided|multiplied|log|sin|cos|tan|"
    r"sqrt|pi|cannot be|(?:root|square|cube|half|twice|third|quarter|multiple|factor|power|logarithm|factorial|"
    r"double|triple|percent|fraction|rest|out|remainder|one|product|sum|average|mean|median|difference|ratio|"
    r"quotient|reciprocal|inverse|each|some|most|all|many|none|any|both|two|three|four|five) "
    r"(?:of|de|von)|% of|n't|with (?:a )?remainder(?: of)?|twice|double|triple|half|thrice|"
    r"(?<!rose )(?<!fell )(?<!grew )(?<!creased )(?<!crease )(?<!dropped )(?<!went up )(?<!changed )by|"
    r"step|figure|equation|question|problem|option|part|chapter|page|year|in|since))(?: the| a| an)? ?$"
)
_OPEN_BEFORE = re.compile(r"(?:^|[\s=:])[(\[] ?$|[:] ?$")
_OPERAND_AFTER = re.compile(
    r" ?(?:[-+*/^×÷<>]|\\(?!\))|[({\[]\S|!(?= ?\S)|%? of\b)(?!\s*$)|[a-z_]|'s|[.,:]\d| ?(?:π|√)| (?:pi|sqrt|root|"
    r"dozen|hundred|squared|cubed|factorial|times|plus|minus|divided|multiplied|over|mod|to the power|x|"
    r"out of|with (?:a )?remainder|"
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
    """A number in a sentence: its text with its unit, its value, its place, and whether "is" stands before it."""

    text: str
    value: Fraction
    start: int
    is_stated: bool


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
    text = _LINE_BREAK.sub("\n", text).replace("&", "")
    if _ASKS_YEAR.search(question.casefold()) and (year := _read_year(text)):
        return year
    restated = _list_numbers(question, comma)
    if bold := _read_bold(text, comma):
        return bold
    sentences = [s for s in split_sentences(text) if s and not s.endswith("?")]
    return _choose(sentences, restated, comma)


def split_sentences(text: str) -> list[str]:
    """Return the sentences and lines of a text, simplified, without the marks of lists."""
    raw = [piece for piece in _SENTENCE_END.split(text) if piece and piece.strip()]
    plain = (simplify_text(_EMPHASIS.sub(r"\1", _LIST_MARK.sub("", one))) for one in raw)
    return [_TIMES.sub(" * ", one) for one in plain]


def replace_number_words(plain: str) -> str:
    """Return a simplified text with its English number words up to 99 in digits."""

    def write(match: re.Match[str]) -> str:
        return str(sum(_WORDS[word] for word in match[0].split("-")))

    return _NUMBER_WORD.sub(write, plain)


def _read_year(text: str) -> str | None:
    """Return the only year in a text; None if there is none, or several, or if it is denied."""
    years = {match[0] for match in _YEAR.finditer(text)}
    return years.pop() if len(years) == 1 and not _NEGATION.search(text.casefold()) else None


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
    weak: list[list[_Value]] = []
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
            weak.append(values)
    if not found:
        return _choose_restated(weak)
    last, concludes = found[0]
    if concludes or len({v.value for v, _ in found}) == 1 or len(sentences) > 2:
        return last.text
    return None


def _choose_restated(weak: Sequence[Sequence[_Value]]) -> str | None:
    """Return the value of a reply that only has numbers of the question: the only one, or the last one that "is".

    Of several, the last one that "is" counts if it stands among those before it.

    Args:
        weak: The values of each sentence, the last sentence first.
    """
    if not weak:
        return None
    if len({v.value for values in weak for v in values}) == 1:
        return weak[0][0].text
    last = weak[0]
    alike = len({v.value for v in last}) == 1
    return last[-1].text if last[-1].is_stated and (alike or _is_chosen(last)) else None


def _is_chosen(values: Sequence[_Value]) -> bool:
    """Return whether the last value is one of those before it: "the largest of 3, 4 and 5 is 5"."""
    return len(values) > 2 and values[-1].value in {v.value for v in values[:-1]}


def _decide(sentence: str, values: Sequence[_Value]) -> _Value | None:
    """Return the value that a sentence gives; None if several could be meant, or if it is denied."""
    if len({v.value for v in values}) > 1:
        ends = [m.end() for m in _CONCLUSION.finditer(sentence)]
        values = [v for v in values if ends and v.start >= ends[-1]]
    if len({v.value for v in values}) != 1:
        return None
    before = sentence[: values[-1].start]
    starts = [match.end() for match in _CLAUSE_START.finditer(before)]
    return None if _NEGATION.search(before[starts[-1] if starts else 0 :]) else values[-1]


def is_unsolved(plain: str) -> bool:
    """Whether the last equation of a simplified text is not solved for a variable, as in x^2 = 4."""
    side = _EQUATION.search(plain[-80:])
    return side is not None and bool(_VARIABLE.search(side[1])) and not _PLAIN_VARIABLE.search(side[1])


def _list_values(sentence: str, comma: bool) -> list[_Value]:
    """Return the numbers of a simplified sentence that are no operands, nor in a clause beside the point."""
    if len(sentence) > LONGEST_SENTENCE or _RELATIVE.search(sentence):
        return []
    compounds = [m.span() for m in _COMPOUND.finditer(sentence)]
    side = next((m.start() for m in _SIDE.finditer(sentence) if m.start() > 3), len(sentence))
    values = []
    for match in _VALUE.finditer(sentence):
        value = _read_value(sentence, match, comma)
        inside = any(start <= match.start() < end for start, end in compounds)
        if value is not None and value.start < side and not inside:
            values.append(value)
    return values


def _read_value(sentence: str, match: re.Match[str], comma: bool) -> _Value | None:
    before, after = sentence[: match.start()], sentence[match.end() :]
    if before[-1:].isascii() and (before[-1:].isalnum() or before[-1:] in ("_", ".", "'")):
        return None
    unit_match = _UNIT_AFTER.match(after)
    unit = _read_unit(unit_match) if unit_match else ""
    unit = "" if match["currency"] and unit[:1] == " " else unit
    rest = (
        after[unit_match.end() :] if unit_match and not unit_match["words"] and not unit_match["asian"] else after
    )
    if _OPERAND_AFTER.match(rest) or _LEFT_SIDE.match(rest.partition(",")[0]):
        return None
    tail = before[-30:]
    if (_OPERAND_BEFORE.search(tail) and not _OPEN_BEFORE.search(tail)) or is_unsolved(before):
        return None
    number = compute_value(match, comma=comma or "€" in (match["currency"] or "") + unit)
    if number is None:
        return None
    negative = (match["sign"] or "").strip() == "-"
    text = f"{match['sign'] or ''}{match['currency'] or ''}{match['number']}{unit}"
    return _Value(text, -number if negative else number, match.start(), bool(_STATED.search(tail)))


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
