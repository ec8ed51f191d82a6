"""The options of a multiple choice, and which of them a text names."""

from __future__ import annotations

import re
from string import ascii_lowercase

from adaptive.answers.equality import same_value
from adaptive.answers.extract import extract_final_answer
from adaptive.answers.marks import find_marked
from adaptive.answers.sentence import guess_value, split_sentences
from adaptive.answers.simplify import normalise_text, simplify_text

_OPTION = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+)?(?:\*\*|__)?(?:\(([A-Za-z])\)|([A-Za-z])(?:\*\*)?[).:])(?:\*\*|__)?:?"
    r"[ \t]+(\S.*?)[ \t]*$",
    re.MULTILINE,
)
_INLINE = re.compile(r"(?:^|(?<=\s))\(([A-Za-z])\)[ \t]+(.+?)(?=[,;]?\s+\([A-Za-z]\)[ \t]|$)", re.MULTILINE)
_LETTERED = re.compile(r"(?:\(([a-z])\)|([a-z])[).:])(.*)")
_PHRASE = re.compile(r"(?:.*\W)?(?:answer|option|choice)(?: is)?:?(?: ?(?:option|choice))? ?\(?([a-z])\)?")
_SEVERAL = re.compile(r"\b(?:or|and)\b|\([a-z]\)|\b[a-z]\)")
_MENTION = re.compile(
    r"\(([A-Z])\)|^\W*([A-Z])[.):] |(?<![\w'])([A-Z])\)|\*\*\(?([A-Z])\)?[.:)]?(?:\*\*|[ \t])|"
    r"(?i:\b(?:option|choice|choose|chose|pick|select|answer is)) \(?\**([A-Z])\b|"
    r"(?<![\w'.])([B-HJ-Z])(?: is (?:the )?(?:correct|right|answer|best)|[.:] )"
)
_DENIED = re.compile(
    r"\b(?:not|neither|nor|wrong|incorrect|eliminate|rule out|except|but|however|although)\b|n't\b"
)
_SYMBOLS = re.compile(r"[^\w ]+")
_AFTER_LETTER = re.compile(r"^\W*(?:option |choice )?\(?([A-Za-z])(?:\)|[.:]|\*\*|$|,| ?[-–—])")


def list_options(question: str) -> dict[str, str]:
    """Return the options of a question by letter in lower case; none unless they run from A without a gap.

    An option is a line "(A) x", "A) x", "A. x" or "A: x", perhaps in bold or in a list, or stands as "(A) x (B) y"
    in one line.
    """
    for pattern in (_OPTION, _INLINE):
        options: dict[str, str] = {}
        for match in pattern.finditer(question):
            letter = next(filter(None, match.groups()[:-1])).lower()
            if letter == "a":
                options = {}  # the options before it belong to a worked example
            if len(options) < 26 and letter == ascii_lowercase[len(options)]:
                options[letter] = match[match.re.groups].strip()
        if len(options) > 1:
            return options
    return {}


def match_content(text: str, options: dict[str, str]) -> str | None:
    """Return the letter of the one option that has this text; None if none or several have."""
    same = [letter for letter, option in options.items() if same_value(text, option)]
    return same[0] if len(same) == 1 else None


def match_option(text: str, options: dict[str, str]) -> str | None:
    """Return the letter of the one option that a short text names, in lower case; None for none or several."""
    plain = normalise_text(text)
    letters = options or dict.fromkeys(ascii_lowercase)
    if plain in letters:
        return plain
    if (same := match_content(text, options)) is not None:
        return same
    letter = _extract_letter(plain, options)
    return letter if letter in letters else None


def read_option(reply: str, options: dict[str, str]) -> str | None:
    """Return the letter of the one option that a reply chooses, in lower case; None if it names none or several.

    What the reply marks as its answer counts, else the letters in its last sentence that has one, else the only
    option whose text stands in the reply.
    """
    final = extract_final_answer(reply)
    marked = find_marked(reply)[0]
    for claim in filter(None, (final, marked)):
        if (letter := match_option(claim, options)) is not None:
            return letter
        first = _AFTER_LETTER.match(claim)
        if first and first[1].lower() in options and not _SEVERAL.search(simplify_text(claim)[len(first[0]) :]):
            return _check_content(first[1].lower(), claim[first.end() :], options)
    if final is not None or marked is not None:
        return _find_mention(final or marked or "", options) if options else None
    if (letter := match_option(reply, options)) is not None:
        return letter
    return _find_mention(reply, options) if options else None


def _check_content(letter: str, rest: str, options: dict[str, str]) -> str | None:
    """Return the letter, unless the text of another option stands behind it."""
    other = _find_content(rest, options)
    return letter if other in (None, letter) else None


def _find_mention(reply: str, options: dict[str, str]) -> str | None:
    for line in reversed(re.split(r"\n+|(?<=[.!?])\s+(?=[A-Z][a-z]|\()", reply)):
        letters = {next(filter(None, m.groups())).lower() for m in _MENTION.finditer(line)} & options.keys()
        if letters:
            if len(letters) > 1 or _DENIED.search(line.casefold()):
                return None
            letter = letters.pop()
            return _check_content(letter, line, options)
    return _find_content(reply, options)


def _find_content(text: str, options: dict[str, str]) -> str | None:
    """Return the letter of the only option whose text stands in another text, or is the number that it gives."""
    if (letter := match_content(text.strip(), options)) is not None:
        return letter
    plain = " ".join(_SYMBOLS.sub(" ", " ".join(split_sentences(text))).split())
    found = [letter for letter, option in options.items() if _contains(plain, option)]
    if len(found) == 1 and not _DENIED.search(text.casefold()):
        return found[0]
    guess = guess_value(text) if not found else None
    return match_content(guess, options) if guess is not None else None


def _contains(plain: str, option: str) -> bool:
    words = " ".join(_SYMBOLS.sub(" ", simplify_text(option)).split())
    return any(c.isalpha() for c in words) and f" {words} " in f" {plain} "


def _extract_letter(plain: str, options: dict[str, str]) -> str | None:
    if phrase := _PHRASE.fullmatch(plain):
        return phrase[1]
    if not (marked := _LETTERED.fullmatch(plain)):
        return None
    letter, rest = marked[1] or marked[2], marked[3]
    if same_value(rest, options.get(letter, "")):
        return letter
    others = any(same_value(rest, option) for option in options.values())
    return None if others or _SEVERAL.search(rest) else letter
