"""`adaptive graph`: prints the solver's nodes and edges."""

from __future__ import annotations

import click


@click.command()
def graph_command() -> None:
    """Print the solver's graph as Mermaid text."""
    from adaptive.solver.build import draw_graph

    click.echo(draw_graph(), nl=False)
