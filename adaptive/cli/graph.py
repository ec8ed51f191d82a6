"""`adaptive graph`: the solver's nodes and edges."""

from __future__ import annotations

import click


@click.command()
def graph() -> None:
    """Print the solver's graph as Mermaid text."""
    from adaptive.solver.graph import drawn

    click.echo(drawn(), nl=False)
