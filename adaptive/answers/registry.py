"""Graders by name.

| name | an answer is right if it is |
|---|---|
| `auto` | the same number, text or maths; math-verify is asked only if one of the two is an expression |
| `exact` | the same text, ignoring case, spaces, markup and final punctuation |
| `number` | a number of the same value, whatever its unit |
| `choice` | the same option of a multiple choice |
| `maths` | the same number or text, or the same to math-verify |
| `FILE.py:function`, `module:function` | right by a function of yours |
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from adaptive._util.redact import redact_text
from adaptive.answers.choice import ChoiceGrader
from adaptive.answers.custom import FunctionGrader
from adaptive.answers.exact import ExactGrader, NumberGrader
from adaptive.answers.grader import Grader
from adaptive.answers.math import AutoGrader, open_math_grader
from adaptive.errors import InputError

GRADERS: dict[str, Callable[[], Grader]] = {
    "auto": AutoGrader,
    "exact": ExactGrader,
    "number": NumberGrader,
    "choice": ChoiceGrader,
    "maths": open_math_grader,
}

DEFAULT_GRADER = "auto"


def open_grader(name: str) -> Grader:
    """Return the grader of that name, to be closed after use.

    A name that stands in a file goes through `choose_file_grader` first: `FILE.py:function` runs code.

    Raises:
        InputError: If the name is unknown, a function cannot be loaded, or `maths` needs math-verify and it is not
            installed. (`auto` then leaves undecided what needs math-verify, and says so.)
    """
    if name in GRADERS:
        return GRADERS[name]()
    if all(name.rpartition(":")):
        return FunctionGrader(name)
    raise InputError(f"there is no grader {name!r}: name {', '.join(GRADERS)} or FILE.py:function.")


def choose_file_grader(named: object, given: str | None, file: Path) -> str:
    """Return the grader to grade with as a file was graded: data never names code.

    Args:
        named: What the file names.
        given: The grader that the user names, if any.
        file: The file, for the sentence.

    Raises:
        InputError: The file names no grader of ours, and the user names none.
    """
    if isinstance(named, str) and named in GRADERS:
        return named
    if given is not None:
        return given
    shown = redact_text(str(named))
    raise InputError(f"{file} names the grader {shown!r}, and a file runs no code: name the grader with --grade.")
