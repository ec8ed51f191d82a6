"""When a solve has spent what it may: tokens, money, seconds, or the steps of the graph that it runs in.

No attempt, sample or judge is begun once a limit is reached, so none is passed by more than what was bought last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adaptive.types.attempt import Attempt
from adaptive.types.options import Options
from adaptive.types.usage import Usage

STEPS_TO_ATTEMPT = 5
"""Steps of the graph that another attempt takes: think, verify (or a vote's sample, tally), escalate, finish,
and LangGraph's look that finds nothing more to do, which counts as one."""
STEPS_TO_GO_ON = 3
"""Steps that going on after a rejected attempt takes at least: escalate, finish and that look."""
_LIMIT_PATTERN = re.compile(r"reached the limit of (\d+ tokens|\$|\S+ s$|the graph)|what was spent is not known")


def find_reached_limit(attempts: Sequence[Attempt], options: Options, seconds: float = 0.0) -> str:
    """The limit that was reached, in words, with its values; "" where none was.

    `seconds` is what the solve has run. Where a cost is not known, a limit of money counts as reached: it cannot
    be kept any more.
    """
    if said := find_spending_limit(sum((a.usage for a in attempts), Usage(cost=0.0)), options):
        return said
    return describe_timeout(options) if options.timeout is not None and seconds >= options.timeout else ""


def find_spending_limit(spent: Usage, options: Options) -> str:
    """The limit of tokens or money that this reaches, in words; "" where it reaches none."""
    if options.max_tokens is not None and spent.total >= options.max_tokens:
        return f"reached the limit of {options.max_tokens} tokens, {spent.total} spent"
    if options.max_cost is not None and spent.cost is None:
        return f"what was spent is not known, so the limit of ${options.max_cost:g} cannot be kept"
    if options.max_cost is not None and spent.cost is not None and spent.cost >= options.max_cost:
        return f"reached the limit of ${options.max_cost:g}, ${spent.cost:.6g} spent"
    return ""


def describe_timeout(options: Options) -> str:
    """That the time is up, in words."""
    return f"reached the limit of {options.timeout:g} s"


def find_step_limit(left: int | None, needed: int) -> str:
    """That the graph has fewer steps left than are needed, in words; "" where it has enough, or counts none."""
    short = left is not None and left < needed
    return f"reached the limit of the graph's steps, {left} left" if short else ""


def is_limit_stop(stopped: str) -> bool:
    """Whether a solve stopped at one of these limits, and not because there was nothing left to try."""
    return bool(_LIMIT_PATTERN.match(stopped))
