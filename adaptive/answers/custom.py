"""Grading by a function of the user's own."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from adaptive._util.redact import redact_error
from adaptive.answers.grader import BaseGrader, Grade, describe_value, parse_score
from adaptive.errors import InputError
from adaptive.types.verdict import CannotTell

GradingFunction = Callable[[str, str, str], Any]
"""Takes an answer, a reference and a question."""


class FunctionGrader(BaseGrader):
    """Right if a function of the user's says so: `function(answer, reference)`, or with `question` as a third.

    The function returns a bool, or a number from 0 to 1, of which 0.5 and more is right. If it returns anything
    else or raises, the grade is undecided. It runs in this process and thread without a time limit, so a function
    that hangs hangs the grading.

    Args:
        name: "FILE.py:function", or "module:function" of a module that may lie in the working directory.

    Raises:
        InputError: If there is no such function, or it cannot be called with these arguments.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._call = _adapt_signature(_load_function(name), name)

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the function's grade. Raise `CannotTell` if it fails or returns nonsense."""
        try:
            value = self._call(answer, reference, question)
        except (Exception, SystemExit) as error:
            raise CannotTell(f"{self.name} failed ({redact_error(error)})") from error
        score = parse_score(value)
        if score is None:
            shown = describe_value(value)
            raise CannotTell(f"{self.name} gave nonsense ({shown}), not a bool or a number from 0 to 1")
        return Grade(score >= 0.5, reason="" if score >= 0.5 else f"{self.name} says so")


def _load_function(name: str) -> Callable[..., Any]:
    source, _, attribute = name.rpartition(":")
    try:
        module = _load_file(Path(source)) if source.endswith(".py") else import_from_cwd(source)
        function = getattr(module, attribute)
    except (Exception, SystemExit) as error:
        raise InputError(f"the grader {name!r} cannot be loaded ({redact_error(error)}).") from error
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise InputError(f"the grader {name!r} is no plain function: name one that returns a bool.")
    return function  # type: ignore[no-any-return]


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"adaptive_grader_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def import_from_cwd(name: str) -> ModuleType:
    """Import a module, also looked for in the working directory."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last: a user's file must not shadow a module that others import
    return import_module(name)


def _adapt_signature(function: Callable[..., Any], name: str) -> GradingFunction:
    """Return a call with an answer, a reference and a question. Raise `InputError` if that is impossible."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions in C have no signature
        return lambda answer, reference, _: function(answer, reference)
    if "question" in signature.parameters and _accepts_arguments(signature, "", "", question=""):
        return lambda answer, reference, question: function(answer, reference, question=question)
    if _accepts_arguments(signature, "", ""):
        return lambda answer, reference, _: function(answer, reference)
    if _accepts_arguments(signature, "", "", ""):
        return function
    raise InputError(f"the grader {name!r} takes {signature}: it is called with an answer and a reference.")


def _accepts_arguments(signature: inspect.Signature, *positional: str, **named: str) -> bool:
    try:
        signature.bind(*positional, **named)
    except TypeError:
        return False
    return True
