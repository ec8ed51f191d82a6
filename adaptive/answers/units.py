"""Units and currencies: one name for each, however it is written."""

from __future__ import annotations

import re

_NAMES = {
    "%": "percent pct percentage per_cent",
    "°": "degree deg",
    "°c": "celsius degree_celsius degree_c deg_c ℃",
    "°f": "fahrenheit degree_fahrenheit degree_f deg_f ℉",
    "k": "kelvin",
    "usd": "$ dollar us$ bucks us_dollar",
    "eur": "€ euro",
    "gbp": "£ pound_sterling british_pound",
    "jpy": "¥ yen",
    "inr": "₹ rupee",
    "krw": "₩ won",
    "rub": "₽ ruble rouble",
    "cent": "¢",
    "mm": "millimeter millimetre",
    "cm": "centimeter centimetre",
    "m": "meter metre",
    "km": "kilometer kilometre kms",
    "in": "inch inche",
    "ft": "foot feet",
    "yd": "yard",
    "mi": "mile",
    "mg": "milligram",
    "g": "gram gramme",
    "kg": "kilogram kilogramme kilo",
    "t": "ton tonne",
    "lb": "lbs",
    "oz": "ounce",
    "ml": "milliliter millilitre",
    "cl": "centiliter centilitre",
    "l": "liter litre",
    "ms": "millisecond",
    "s": "second sec",
    "min": "minute",
    "h": "hour hr",
    "d": "day",
    "km/h": "kmh kph km/hr",
    "mi/h": "mph",
    "n": "newton",
    "j": "joule",
    "w": "watt",
    "v": "volt",
    "hz": "hertz",
    "rad": "radian",
    "am": "a.m",
    "pm": "p.m",
}
_CANONICAL = {alias: name for name, aliases in _NAMES.items() for alias in (name, *aliases.split())}
_ATTACHED = re.compile(
    r"%|°[cf]?|℃|mm|cm|m|km|in|ft|mi|mg|g|kg|lbs?|oz|ml|cl|l|ms|s|h|min|am|pm|mph|kmh?|km/h|m/s|hz|"
    r"usd|eur|gbp|jpy|inr|krw|rub|chf|[$€£¥₹₩₽¢]"
)
_UNIT = re.compile(r"[^\W\d_]{1,30}\.?(?: ?[/ ] ?[^\W\d_]+(?:\^-?[23])?){0,4}(?:\^-?[23])?")
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,12}")
_ENDING = re.compile(r"(?:です|だ|입니다|이다|。)$")
_NO_UNIT = re.compile(
    r"\b(?:pi|sqrt|root|sin|cos|tan|log|ln|exp|and|or|to|over|times|plus|minus|by|mod|half|dozen|hundred|thousand|"
    r"[mbtr]+illion|remainder|squared|cubed|factorial|not|but|is|are|than|x|y|z|i|e|if|with|without|et|ou|und|oder)\b"
)
_CURRENCY = ["us$", "$", "€", "£", "¥", "₹", "₩", "₽"]
_POUNDS = {"gbp", "lb"}
KNOWN = frozenset(_NAMES)


def parse_unit(rest: str) -> str | None:
    """Return the unit that stands after a number: "" if nothing follows, None if what follows is no unit.

    A symbol may touch the number ("12cm", "5€"); a word must stand apart from it, or be East Asian.
    """
    unit = rest.strip().replace("a.m", "am").replace("p.m", "pm")
    if not unit:
        return ""
    base, power = re.fullmatch(r"(.*?)(\^[23])?", unit, re.DOTALL).groups("")  # type: ignore[union-attr]
    if _ATTACHED.fullmatch(base):
        return name_unit(base) + power
    if _EAST_ASIAN.fullmatch(unit):
        return _ENDING.sub("", unit)
    apart = rest.startswith(" ") and _UNIT.fullmatch(unit)
    return name_unit(unit) if apart and not _NO_UNIT.search(unit) else None


def name_unit(unit: str) -> str:
    """Return the one name of a unit in lower case; words without one become singular."""
    unit = re.sub(r" (?=\^)|\.$", "", unit)
    words = [_make_singular(word) for word in re.sub(r" ?/ ?", " per ", unit).split()]
    if (whole := "_".join(words)) in _CANONICAL:
        return _CANONICAL[whole]
    if words[0] in ("square", "sq", "cubic") and len(words) > 1:
        return f"{name_unit(' '.join(words[1:]))}^{3 if words[0] == 'cubic' else 2}"
    if words[-1] in ("squared", "cubed") and len(words) > 1:
        return f"{name_unit(' '.join(words[:-1]))}^{3 if words[-1] == 'cubed' else 2}"
    if "per" in words[1:-1]:
        at = words.index("per")
        rate = f"{name_unit(' '.join(words[:at]))}/{name_unit(' '.join(words[at + 1 :]))}"
        return _CANONICAL.get(rate, rate)
    return " ".join(_name_word(word) for word in words) if len(words) > 1 else _name_word(words[0])


def split_currency(plain: str) -> tuple[str, str]:
    """Return a simplified text without the currency sign before its number, and the unit; "" if there is none."""
    sign, rest = (plain[0], plain[1:].lstrip()) if plain[:1] in ("-", "+") else ("", plain)
    for symbol in _CURRENCY:
        if rest.startswith(symbol):
            return sign + rest[len(symbol) :].lstrip(), _CANONICAL[symbol]
    if code := re.match(r"(usd|eur|gbp|jpy|inr|krw|rub|chf) ?(?=[0-9])", rest):
        return sign + rest[code.end() :], code[1]
    return plain, ""


def match_units(one: str, two: str) -> bool:
    """Whether two units can be the same: one is missing, or both name the same.

    Degrees are also degrees of temperature, and a pound is money or a weight. Things that are counted match if
    they share a word: "red apples" are "apples".
    """
    if one == two or not one or not two or {one, two} in ({"°", "°c"}, {"°", "°f"}):
        return True
    if "pound" in (one, two):
        return bool({one, two} & _POUNDS)
    return bool(set(one.split()) & set(two.split()))


def _name_word(word: str) -> str:
    base, caret, power = word.partition("^")
    return _CANONICAL.get(base, base) + caret + power


def _make_singular(word: str) -> str:
    if word in _CANONICAL:
        return word
    return word.removesuffix("s") if len(word) > 2 and not word.endswith("ss") else word
