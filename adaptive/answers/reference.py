"""Reads a reference answer: one function for all commands."""

from __future__ import annotations

import re

from adaptive._util.redact import redact_text
from adaptive.answers.extract import extract_final_answer
from adaptive.answers.options import list_options, match_content
from adaptive.errors import InputError

SOLUTION_END = "####"
"""Separates a worked solution from its answer, as in GSM8K (https://arxiv.org/abs/2110.14168)."""

_INDEX = re.compile(r"[0-9]{1,2}")


def read_reference(text: str) -> str:
    r"""Return the answer in a reference: what follows the last "####", or stands in the last box, or all of it.

    Data sets write a worked solution with "####" (GSM8K), or one with `\boxed{...}` (MATH), or the bare answer.
    """
    if SOLUTION_END in text:
        text = text.rpartition(SOLUTION_END)[2]
    return (extract_final_answer(text) or text).strip()


def read_choice_index(question: str, reference: str, index_base: int | None, where: str = "the answer") -> str:
    """Return the letter of the option that a whole number names; any other reference as it is.

    Data sets such as MMLU give the index of the right option. Nothing in the reference says whether it counts from
    0 or 1, nor that it is no option's own text, so the user has to.

    Args:
        question: The question with its options.
        reference: The reference answer.
        index_base: The index of the first option, 0 or 1; None if references are no indices.
        where: The place of the reference, for error sentences.

    Raises:
        InputError: If the number may be an index and `index_base` is None, or if no option has that index.
    """
    options = list_options(question)
    if not options or not _INDEX.fullmatch(reference.strip()):
        return reference
    index, shown = int(reference), redact_text(reference.strip())
    if index_base is None:
        if index > len(options):
            return reference
        own = " or the text of one" if match_content(reference, options) else ""
        raise InputError(
            f"{where} is {shown}, which may be the index of an option{own}: say --index-base 0 or --index-base 1, "
            "or write the option's letter."
        )
    if not 0 <= index - index_base < len(options):
        raise InputError(
            f"{where} is {shown}, and the question has {len(options)} options counted from {index_base}: "
            "mend it, or the --index-base."
        )
    return list(options)[index - index_base].upper()
