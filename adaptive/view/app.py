"""The pages over HTTP, as an ASGI application. It answers GET alone, and changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from adaptive._util.redact import redact_error
from adaptive.errors import AdaptiveError, InputError
from adaptive.view.pages import ViewPages

LOG = logging.getLogger("adaptive")
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""No script runs, no other page holds these in a frame, and no cache keeps a solve's text."""
Render = Callable[[Mapping[str, str]], str]


def build_view_app(pages: ViewPages) -> Starlette:
    """Return the application; the addresses of its pages are relative, so that it can be mounted anywhere."""
    renders: dict[str, Render] = {
        "/": pages.render_solves,
        "/solve": pages.render_solve,
        "/pair": pages.render_pair,
        "/compare": pages.render_comparison,
        "/profiles": pages.render_profiles,
        "/profile": pages.render_profile,
    }
    routes = [Route(path, _make_endpoint(pages, render), methods=["GET"]) for path, render in renders.items()]
    return Starlette(routes=routes)


def _make_endpoint(pages: ViewPages, render: Render) -> Callable[[Request], Response]:
    # Not async: Starlette runs it in a thread, for it reads files.
    def answer(request: Request) -> Response:
        try:
            page, status = render(request.query_params), 200
        except InputError as error:
            page, status = pages.render_message("That cannot be shown", str(error)), 404
        except AdaptiveError as error:
            page, status = pages.render_message("That cannot be read", str(error)), 500
        except UndefinedError as error:  # a result without a field that all have
            LOG.warning("a page failed: %s", redact_error(error))
            page, status = pages.render_message("That cannot be read", f"The solve is damaged: {error}."), 500
        return HTMLResponse(page.encode("utf-8", "replace"), status, HEADERS)

    return answer
