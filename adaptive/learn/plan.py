"""What a file of outcomes was recorded under, as the profile that a solve would have had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptive.errors import InputError
from adaptive.ladder import Ladder, Rung
from adaptive.learn.plain import as_type, from_plain
from adaptive.profile import Profile
from adaptive.reason.budget import Style
from adaptive.reason.stops import Stops


def profile_of(plan: Mapping[str, Any], name: str, file: Path) -> Profile:
    """The profile, of which nothing is learned yet. Raises `InputError` where the plan in `file` is not one."""
    where = f"the plan in {file}"
    missing = next((k for k in ("model", "ladder", "style", "stops") if k not in plan), None)
    if missing is not None:
        raise InputError(f"{where} has no {missing!r}: record again.")
    rungs = as_type(tuple[Rung, ...], plan["ladder"], f"'ladder' in {where}")
    if not rungs or rungs[0].thinks or not all(r.thinks for r in rungs[1:]):
        raise InputError(f"the ladder in {where} must start with a rung that does not think: record again.")
    return Profile(
        name=name,
        model=as_type(str, plan["model"], f"'model' in {where}"),
        ladder=Ladder(rungs),
        style=from_plain(Style, plan["style"], f"'style' in {where}"),
        stops=from_plain(Stops, plan["stops"], f"'stops' in {where}"),
    )
