"""The reference page of the command line, made from click's own data: `python -m tests.docs.command_line`."""

from __future__ import annotations

import re

import click

from adaptive.cli import VERBS, cli
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "reference" / "command-line.md"
HEAD = """<!-- Made by `python -m tests.docs.command_line`: do not edit. -->

# Command line

Every option can also be set by an environment variable, which the tables name. Each command takes `--help`.
"""


def render_page() -> str:
    """Return the page: a section for each command, with its arguments and options."""
    root = click.Context(cli, info_name="adaptive")
    sections = []
    for name in VERBS:
        command = cli.get_command(root, name)
        assert command is not None
        context = command.make_context(name, [], parent=root, resilient_parsing=True)
        sections.append(render_command(command, context))
    return "\n".join([HEAD, *sections])


def render_command(command: click.Command, context: click.Context) -> str:
    """Return the section of one command."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## `{context.command_path}`", f"```text\n{usage}\n```", _prose(command.help or "")]
    rows = [row for option in command.params if (row := _render_option(option, context))]
    parts.append("\n".join(["| option | meaning | environment |", "|---|---|---|", *rows]))
    if command.epilog:
        parts.append(_prose(command.epilog))
    return "\n\n".join(parts) + "\n"


def _render_option(option: click.Parameter, context: click.Context) -> str | None:
    if not isinstance(option, click.Option) or (record := option.get_help_record(context)) is None:
        return None
    names, meaning = record
    listed = option.expose_value and context.auto_envvar_prefix
    variable = option.envvar or (f"{context.auto_envvar_prefix}_{option.name}".upper() if listed else "")
    names = re.sub(r"[ ]{2,}", " ", names)
    return f"| `{_cell(names)}` | {_escape(_cell(meaning))} | {f'`{variable}`' if variable else ''} |"


def _prose(text: str) -> str:
    """Return click's text as Markdown: its paragraphs, each on one line."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\f", "").strip())
    return "\n\n".join(_escape(" ".join(paragraph.replace("\b", "").split())) for paragraph in paragraphs)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _escape(text: str) -> str:
    return re.sub(r"([<>*_\[\]])", r"\\\1", text)


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
