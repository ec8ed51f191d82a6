"""`adaptive view`: the log of solves as local pages, or as one file."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.errors import InputError
from adaptive.solve_log import find_log_path

if TYPE_CHECKING:
    from adaptive.view.pages import ViewPages

HOST = "127.0.0.1"
DRAIN = 2
"""Seconds that pages have to be finished once it is stopped."""

EPILOG = """The pages are served to this machine alone, at an address that only the printed line holds. They only
read the log, load nothing from elsewhere and run no script. Ctrl-C ends it. ADAPTIVE_LOG names another log."""


@click.command(epilog=EPILOG)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port on this machine; 0: a free one.",
)
@click.option(
    "--profile",
    "profiles",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    metavar="FOLDER",
    help="Also show the profile in this folder; may be given more than once.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write one HTML file, and end."
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Solves in that file, at most.",
)
@click.option("-q", "--search", metavar="TEXT", default="", help="In that file, only solves that contain TEXT.")
def view_command(port: int, profiles: tuple[Path, ...], out: Path | None, count: int, search: str) -> None:
    """Show logged solves, profiles and comparisons in a browser."""
    from adaptive.view.pages import ViewPages

    pages = ViewPages(find_log_path(), profiles)
    if out is not None:
        _write_page(pages, out, count, search)
        return
    from adaptive._util.optional import import_optional

    for module in ("starlette", "uvicorn"):
        import_optional(module, "serve")
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from adaptive.serve.run import open_socket, run_server
    from adaptive.view.app import build_view_app

    # The log can be read by its owner alone, a port by everybody on this machine: they do not know the path.
    path = f"/{secrets.token_urlsafe(16)}"
    with open_socket(HOST, port) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}{path}/"
        app = Starlette(routes=[Mount(path, build_view_app(pages))])
        run_server(app, listening, DRAIN, lambda: click.echo(f"Showing the log at {address}", err=True))


def _write_page(pages: ViewPages, out: Path, count: int, search: str) -> None:
    from adaptive._util.files import write_atomically
    from adaptive.view.viewed_log import SolveFilter

    page = pages.render_static(SolveFilter(search=search), count)
    try:
        write_atomically(out, page)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}.") from error
    click.echo(f"Wrote {out}.", err=True)
