"""What a right answer is worth: a number in the unit of the profile, or "2000tok" or "0.02usd"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from adaptive.errors import InputError
from adaptive.types.usage import CostUnit

UNITS: dict[str, CostUnit] = {"tok": "tokens", "usd": "dollars"}
EXAMPLES: dict[CostUnit, str] = {"tokens": "2000tok", "dollars": "0.02usd"}
_TEXT = re.compile(rf"(\S+?) ?({'|'.join(UNITS)})?", re.IGNORECASE)


@dataclass(frozen=True)
class Worth:
    """An amount, in tokens or dollars. unit: None: that of the profile."""

    amount: float
    unit: CostUnit | None = None


def parse_worth(value: float | str, name: str = "worth") -> Worth:
    """Return the worth that a number or a text such as "2000tok" says.

    Args:
        value: The number or text.
        name: What holds it, for the error sentence.

    Raises:
        InputError: It is no such text, or the amount is not more than 0.
    """
    found = _TEXT.fullmatch(str(value).strip())
    try:
        amount = float(found[1]) if found else math.nan
    except ValueError:
        amount = math.nan
    if found is None or not 0 < amount < math.inf:
        raise InputError(
            f"{name} must be more than 0, a number or one with a unit ('2000tok', '0.02usd'), got {value!r}."
        )
    return Worth(amount, UNITS[found[2].lower()] if found[2] else None)
