"""A request of an agent whose settings follow its model.

Middleware inside of ours may call another model than the one that our settings were made for: LangChain's
`ModelFallbackMiddleware` overrides the model of our request, and would send it the arguments of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any, Self

from langchain.agents.middleware.types import ModelRequest

FollowModel = Callable[[ModelRequest[Any]], ModelRequest[Any]]


class AdaptedRequest(ModelRequest[Any]):
    """A request with settings of ours.

    Another model gets the settings that are not ours, and what `follow` adds to them.
    """

    _ours: frozenset[str]
    _follow: FollowModel

    @classmethod
    def of(cls, request: ModelRequest[Any], ours: Collection[str], follow: FollowModel) -> Self:
        """Return a copy of a request.

        Args:
            request: The request, with all settings.
            ours: The names of those that were made for its model.
            follow: Adds the settings of another model to a request for it.
        """
        adapted = cls(**{f.name: getattr(request, f.name) for f in fields(request)})
        # A request warns of attributes that are set in any other way.
        object.__setattr__(adapted, "_ours", frozenset(ours))
        object.__setattr__(adapted, "_follow", follow)
        return adapted

    def override(self, **overrides: Any) -> ModelRequest[Any]:
        """Return the request with these fields replaced, and with the settings of its model."""
        changed = ModelRequest(**{f.name: getattr(self, f.name) for f in fields(self)}).override(**overrides)
        if changed.model is self.model:
            return self.of(changed, self._ours, self._follow)
        settings = {name: value for name, value in changed.model_settings.items() if name not in self._ours}
        return self._follow(changed.override(model_settings=settings))
