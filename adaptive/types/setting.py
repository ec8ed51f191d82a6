"""What a setting has beside its type: help text, range, unit and environment variable.

A setting is a field of a dataclass, declared once: `budget: Annotated[int | None, Setting("...", ge=0)] = None`.
Range checks, JSON schemas, environment variables and options of the command line follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Setting:
    """Help text, range and names of a setting.

    Args:
        help: What a user wants to know, as the command line and forms show it.
        ge: The least value.
        gt: A bound that the value must be above.
        le: The largest value.
        unit: What the value counts, in capitals: "TOKENS".
        environment: The environment variable that sets it for a server.
    """

    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    unit: str | None = None
    environment: str | None = None

    def format_range(self) -> str:
        """Return the range in words: "0 or more", "more than 0", "between 0 and 2"."""
        if self.gt is not None:
            return f"more than {self.gt:g}" + ("" if self.le is None else f" and at most {self.le:g}")
        return f"{self.ge:g} or more" if self.le is None else f"between {self.ge:g} and {self.le:.10g}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Tell pydantic the range and the help text."""
        from pydantic import Field

        return handler(Annotated[source, Field(description=self.help, ge=self.ge, gt=self.gt, le=self.le)])


def read_settings(kind: type) -> Mapping[str, tuple[Any, Setting]]:
    """Return the type and the `Setting` of each field of a dataclass, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return {f.name: get_args(hints[f.name])[:2] for f in fields(kind)}
