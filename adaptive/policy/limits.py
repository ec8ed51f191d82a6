"""The limits of a solve: tokens, money, seconds, and the steps of the graph that it runs in.

No attempt, sample or judge starts once a limit is reached, so a limit is exceeded by at most what ran last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adaptive.types.attempt import Attempt
from adaptive.types.options import Options
from adaptive.types.usage import Usage

STEPS_TO_ATTEMPT = 5
"""The steps of another attempt: think, verify (or a vote's sample, tally), escalate, finish, and LangGraph's last
one, which finds nothing to do."""
STEPS_TO_GO_ON = 3
"""The fewest steps after a rejected attempt: escalate, finish, and that last one."""
_LIMIT_PATTERN = re.compile(
    r"reached the limit of (\d+ (?:output )?tokens|\$|\S+ s$|the graph)|what was spent is not known"
)


def find_reached_limit(attempts: Sequence[Attempt], options: Options, seconds: float = 0.0) -> str:
    """Say which limit was reached, with its values; empty if none was.

    Args:
        attempts: The attempts so far. If a cost is not known, a limit of money counts as reached, because it
            cannot be kept any more.
        options: The limits.
        seconds: How long the solve has run.
    """
    if reached := find_spending_limit(sum((a.usage for a in attempts), Usage(cost=0.0)), options):
        return reached
    return describe_timeout(options) if options.timeout is not None and seconds >= options.timeout else ""


def find_spending_limit(spent: Usage, options: Options) -> str:
    """Say which limit of tokens or money was reached; empty if none was."""
    if options.max_tokens is not None and spent.total >= options.max_tokens:
        return f"reached the limit of {options.max_tokens} tokens, {spent.total} spent"
    if options.max_output_tokens is not None and spent.output >= options.max_output_tokens:
        return f"reached the limit of {options.max_output_tokens} output tokens, {spent.output} spent"
    if options.max_cost is not None and spent.cost is None:
        return f"what was spent is not known, so the limit of ${options.max_cost:g} cannot be kept"
    if options.max_cost is not None and spent.cost is not None and spent.cost >= options.max_cost:
        return f"reached the limit of ${options.max_cost:g}, ${spent.cost:.6g} spent"
    return ""


def count_output_left(spent: Usage, options: Options, prompt: int = 0) -> int | None:
    """Return how many tokens the limits leave for a reply to a prompt, below 1 if none; None without a limit.

    Args:
        spent: What the solve has spent.
        options: The limits.
        prompt: Tokens of the prompt.
    """
    left = [] if options.max_tokens is None else [options.max_tokens - spent.total - prompt]
    left += [] if options.max_output_tokens is None else [options.max_output_tokens - spent.output]
    return min(left, default=None)


def describe_timeout(options: Options) -> str:
    """Say that the deadline has passed."""
    return f"reached the limit of {options.timeout:g} s"


def find_step_limit(left: int | None, needed: int) -> str:
    """Say that the graph has too few steps left; empty if it has enough, or does not count them."""
    short = left is not None and left < needed
    return f"reached the limit of the graph's steps, {left} left" if short else ""


def is_limit_stop(stopped: str) -> bool:
    """Return whether a solve stopped at a limit, and not because nothing was left to try."""
    return bool(_LIMIT_PATTERN.match(stopped))
