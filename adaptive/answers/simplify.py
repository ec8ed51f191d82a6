r"""Texts made plain: one line of simple characters in lower case, without markup.

The digits of all scripts become ASCII, LaTeX's fractions, powers, spaces and text commands become what a person
would type, and signs that look alike become one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

CACHE_SIZE = 4096
"""Texts whose parsed form is cached, because votes compare each answer with each other one again and again."""

_SUPERSCRIPT = re.compile("⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
# In front of NFKC, which would join 2½ to 21/2.
_VULGAR = {ord(c): f" {unicodedata.normalize('NFKC', c).replace(chr(0x2044), '/')} " for c in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒"}
_SIGNS = {
    ord("−"): "-", ord("–"): "-", ord("‐"): "-", ord("‑"): "-", ord("\u2044"): "/", ord("÷"): "/", ord("×"): "*",
    ord("·"): "*", ord("٫"): ".", ord("٬"): ",", ord("،"): ",", ord("؛"): ";", ord("٪"): "%", ord("’"): "'",
    ord("∶"): ":", ord("。"): ".", ord("、"): ",",
}  # fmt: skip
_MILLIONS = re.compile(r"(?<=[0-9])M\b")  # in lower case it would be meters
_HALVES = {"half": "1/2", "quarter": "1/4", "third": "1/3"}
_AND_A_HALF = re.compile(r"(?<=[0-9]) and a (half|quarter|third)\b")
_NEGATIVE = re.compile(r"\bnegative (?=[0-9])")
_NUMBER_BEFORE = re.compile(r"[0-9] ?$")
_FRACTION = re.compile(r"\\[dtc]?frac ?(?:\{([^{}]*)\}|([0-9])) ?(?:\{([^{}]*)\}|([0-9a-z]))")
_PLAIN_PART = re.compile(r" ?-?[0-9.,]+ ?|[a-z]")
_LATEX = (
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|textit|mbox|mathit|operatorname)\s?\{([^{}]*)\}"), r" \1"),
    (re.compile(r"\\(?:left|right|displaystyle|bigl|bigr|big)(?![a-z])"), ""),
    (re.compile(r"\\!|\{,\}(?=[0-9])"), lambda m: "," if "," in m[0] else ""),
    (re.compile(r"\\[,;: ]|\\q?quad|~"), " "),
    (re.compile(r"\^ ?(?:\{ ?)?\\circ(?: ?\})?|\\degree|\bº"), "°"),
    (re.compile(r"\\(?:times|cdot|ast)(?![a-z])"), "*"),
    (re.compile(r"\\infty(?![a-z])|\binfinity\b"), "∞"),
    (re.compile(r"\\approx(?![a-z])"), "≈"),
    (re.compile(r"(?<=[.0-9])\\(?:overline|bar|dot) ?\{ ?([0-9]{1,40}) ?\}"), r"(\1)"),
    (re.compile(r"([0-9])\u0305"), r"(\1)"),
    (re.compile(r"(?<=[0-9]) ?(?:\.{3,}|\\[lc]?dots(?![a-z]))"), "…"),
    (re.compile(r"\\(?:pm)(?![a-z])"), "±"),
    (re.compile(r"\\%"), "%"),
)  # fmt: skip
_MARKUP = re.compile(r"\\[()\[\]]|\*\*|__|`|\$\$")
_MATHS = re.compile(r"(?<![\\$])\$(?=\S)([^$]{0,300}?)(?<=[^\s\\])\$(?![0-9])")
_BARE_DOLLAR = re.compile(r"\\?\$(?! ?[-+.0-9])(?<![0-9]\$)(?<![0-9] \$)")
_POWER = re.compile(r"\^ ?\{ ?([+-]?[0-9]+) ?\}|\^ ?\( ?([+-]?[0-9]+) ?\)")


def simplify_text(text: str) -> str:
    """Return a text as one line of simple characters in lower case, with LaTeX's markup resolved or dropped."""
    return _simplify_long(text) if len(text) > 2000 else _simplify_cached(text)


@lru_cache(maxsize=CACHE_SIZE)
def normalise_text(text: str) -> str:
    """Return a text without case, markup, final punctuation and the spaces around symbols."""
    plain = re.sub(r" ?([^\w ]) ?", r"\1", simplify_text(text))
    return re.sub(r"^\((\w)\)$", r"\1", plain)


def _simplify_long(text: str) -> str:
    if not text.isascii():
        text = _SUPERSCRIPT.sub(r"^\g<0>", text.translate(_VULGAR).replace("º", "°"))
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    text = _MILLIONS.sub(" million", text).casefold()
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    text = " ".join(text.split())
    text = _NEGATIVE.sub("-", _AND_A_HALF.sub(lambda m: f" {_HALVES[m[1]]}", text))
    if (
        "\\" in text
        or "…" in text
        or "..." in text
        or not text.isascii()
        or "~" in text
        or "{,}" in text
        or "infinity" in text
    ):
        for pattern, plain in _LATEX:
            text = pattern.sub(plain, text)
        text = _FRACTION.sub(_write_fraction, text)
    text = _POWER.sub(lambda m: f"^{m[1] or m[2]}", text)
    text = _BARE_DOLLAR.sub("", _MATHS.sub(r"\1", _MARKUP.sub("", text))).replace(r"\$", "$")
    return " ".join(text.split()).rstrip(".,;: ").lstrip("= ")


_simplify_cached = lru_cache(maxsize=CACHE_SIZE)(_simplify_long)


def _write_fraction(match: re.Match[str]) -> str:
    """Return a fraction as a person types it; after a whole number it is the rest of a mixed number."""
    top, bottom = match[1] or match[2] or "", match[3] or match[4] or ""
    if not (_PLAIN_PART.fullmatch(top) and _PLAIN_PART.fullmatch(bottom)):
        return f"({top})/({bottom})"
    before = match.string[max(0, match.start() - 2) : match.start()]
    return f"{' ' if _NUMBER_BEFORE.search(before) else ''}{top.strip()}/{bottom.strip()}"
