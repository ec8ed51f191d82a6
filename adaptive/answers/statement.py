"""Reads yes or no, or the words of a reference, out of a reply."""

from __future__ import annotations

import re

from adaptive.answers.language import parse_polarity
from adaptive.answers.marks import trim_clause
from adaptive.answers.sentence import split_sentences
from adaptive.answers.simplify import normalise_text, simplify_text

LONGEST_STATEMENT = 600
"""The most characters of a reply in which the words of a reference are looked for."""

_CONTRAST = re.compile(
    r"\b(?:not|n't|never|nor|neither|but|although|though|however|instead|rather|unlike|except|or|maybe|perhaps|might|could|"
    r"would|guess|wrong|incorrect|isn't|wasn't|aren't|than|if|used to|was once|formerly)\b|n't\b"
)
_ALTERNATIVE = re.compile(r"\b(?:or|oder|ou|o|and) (\w+)")
_NAMES = re.compile(
    r"(?:\b(?:is|are|was|were|be|called|named|ist|sind|est|sont|es|son|è|é|to|becomes?|"
    r"(?:written|painted|composed|invented|discovered|directed|founded|created|designed) by)|[:—=])"
    r"(?: the| a| an)?$"
)
TEXT_COMMAND = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname)\s?\{([^{}]*)\}")
_SIGN = re.compile(r"[\d\\^_=<>+*/|√π∞±≤≥]")
_FUNCTIONS = re.compile(r"\b(?:sqrt|sin|cos|tan|log|ln|exp|pi)\b")
_WORD = re.compile(r"[^\W\d_]{3,}")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_AUXILIARY_WORDS = """is are was were do does did can could has have will would should be a an
the number so then it that this"""
_AUXILIARY, _CHOICES = frozenset(_AUXILIARY_WORDS.split()), frozenset(("yes", "no", "or", "true", "false"))


def is_words(text: str) -> bool:
    """Whether a text is words without maths: no digit, no sign, no LaTeX command except those that set text."""
    bare = TEXT_COMMAND.sub(r" \1 ", text)
    return not _SIGN.search(bare) and bool(_WORD.search(_FUNCTIONS.sub(" ", bare)))


def read_polarity(question: str, reply: str, marked: str | None) -> bool | None:
    """Return whether a reply says yes; None if it says neither, or both.

    Args:
        question: The question.
        reply: The reply.
        marked: What the reply marks as its answer, if it does.
    """
    claim = marked or reply
    words = re.split(r"[\s,.!:;。，！、]+", claim.strip(" *_`#\"'\n"), maxsplit=1)
    first = parse_polarity(normalise_text(words[0])) if words else None
    if first is None and marked is None:
        return _read_restated(question, reply)
    starts = [sentence.split(",")[0] for sentence in split_sentences(claim)]
    others = [parse_polarity(word) for word in (*starts, *_ALTERNATIVE.findall(claim.casefold()))]
    return None if first is None or (not first) in others else first


def says_words(question: str, reply: str, marked: str | None, reference: str) -> bool:
    """Whether a reply answers with the words of a reference.

    Without a marked answer its first sentence has to begin or end with them, and to deny nothing.

    Args:
        question: The question; words that stand in it are only restated.
        reply: The reply.
        marked: What the reply marks as its answer, if it does.
        reference: The reference answer.
    """
    wanted = normalise_text(reference)
    if marked is not None:
        return wanted != "" and wanted in (normalise_text(marked), normalise_text(trim_clause(marked)))
    if wanted and len(reply) <= LONGEST_STATEMENT and "?" not in reply and (said := split_sentences(reply)):
        bold = {normalise_text(text) for text in _BOLD.findall(reply)}
        if bold:
            return bold == {wanted} and not _CONTRAST.search(said[0])
        return _states_words(question, said, simplify_text(reference).split())
    return False


def _states_words(question: str, sentences: list[str], wanted: list[str]) -> bool:
    said = [re.sub(r"^\W+|\W+$", "", word) for word in sentences[0].split()]
    asked = " ".join(("", *re.findall(r"\w+", simplify_text(question)), ""))
    if _CONTRAST.search(sentences[0]) or f" {' '.join(wanted)} " in asked or len(said) <= len(wanted):
        return False
    if said[-len(wanted) :] == wanted:
        return bool(_NAMES.search(" ".join(sentences[0].split()[: -len(wanted)])))
    short = "," not in sentences[0] and len(sentences) == 1 and len(said) > len(wanted) + 1
    return short and said[: len(wanted)] == wanted


def _read_restated(question: str, reply: str) -> bool | None:
    """Return whether a reply such as "91 is not a prime number" affirms the question that it restates."""
    sentences = split_sentences(reply)
    if len(sentences) != 1:
        return None
    asked = set(re.findall(r"\w+", simplify_text(question))) - _AUXILIARY - _CHOICES
    said = re.findall(r"\w+(?:'t)?", sentences[0])
    denied = [word for word in said if word == "not" or word.endswith("n't")]
    others = set(said) - set(denied) - _AUXILIARY - asked
    restates = bool(asked) and asked <= set(said) and not others and len(denied) < 2
    return not denied if restates else None
