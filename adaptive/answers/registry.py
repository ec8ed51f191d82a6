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


def open_grader(name: str) -> Grader:
    """Return the grader of that name, to be closed after use.

    Raises:
        InputError: If the name is unknown, a function cannot be loaded, or `maths` needs math-verify and it is not
            installed. (`auto` then leaves undecided what needs math-verify, and says so.)
    """
    if name in GRADERS:
        return GRADERS[name]()
    if all(name.rpartition(":")):
        return FunctionGrader(name)
    raise InputError(f"there is no grader {name!r}: name {', '.join(GRADERS)} or FILE.py:function.")
