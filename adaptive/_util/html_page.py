"""HTML pages that need no other file and no network: one layout and stylesheet, templates beside their code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


class PageTemplates:
    """The templates of one kind of page.

    They extend `_util/page.html.jinja`, and are named by their path in the package: "compare/page.html.jinja".
    Every value is escaped, unless it is `markupsafe.Markup`. A name that is not there is an error.

    Args:
        filters: Further filters by name.
    """

    def __init__(self, **filters: Callable[..., Any]) -> None:
        self._environment = Environment(
            loader=PackageLoader("adaptive", ""),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(filters)

    def render(self, template: str, **values: Any) -> str:
        """Return a page.

        Args:
            template: The template's path in the package.
            values: What the template names.
        """
        return self._environment.get_template(template).render(**values)
