"""The `adaptive` command. A verb is a file here, imported when called: `--help` pays for click only.

Every verb has `--debug`, environment variables `ADAPTIVE_…` for its options, and one sentence for any error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from adaptive import __version__
from adaptive.cli.support.errors import USAGE, Failure, Interrupted, to_failure
from adaptive.cli.support.warnings import show_warnings

# The module and the command have the verb's name; the line is what `adaptive --help` shows.
VERBS = {
    "solve": "Answer a question with as much thinking as it needs.",
    "serve": "Serve a model to clients of OpenAI's protocol.",
    "fit": "Fit a profile to a model, and say whether it pays.",
    "profiles": "List the fitted profiles, show one or remove one.",
    "record": "Record every budget, Wait and sample at your questions.",
    "import": "Import outcomes that other tools recorded.",
    "train": "Train a profile on your own model's outcomes.",
    "tune": "Choose the cheapest policy that keeps a promise.",
    "bench": "Measure a profile against every baseline, and report it.",
    "compare": "Compare models, efforts and caps on one prompt.",
    "mcp": "Serve solve and compare as tools to MCP clients.",
    "models": "Show engines and local servers, and what a model can do.",
    "logs": "Show logged solves, newest last.",
    "view": "Show logged solves, profiles and comparisons in a browser.",
    "feedback": "Say whether a logged answer was right.",
    "graph": "Print the solver's graph as Mermaid text.",
}
DEBUG = "adaptive.debug"


class Verbs(click.Group):
    """The group of verbs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of `--help`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb's command, with the options that every verb has."""
        if cmd_name not in VERBS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(f"adaptive.cli.{module}"), f"{cmd_name}_command")
        command.context_settings.setdefault("auto_envvar_prefix", "ADAPTIVE")
        if all(param.name != "debug" for param in command.params):
            command.params.append(_build_debug_option())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; an unexpected error becomes a sentence here."""
        try:
            if sys.stdout is None:  # before anything is paid for
                raise Failure("there is nowhere to print to, since standard output is closed: open it.", USAGE)
            with show_warnings():
                return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends so: with a code, by Ctrl-C, or quietly when the reader of a pipe is gone
        except Exception as error:
            if ctx.meta.get(DEBUG):
                raise
            raise to_failure(error) from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run; in standalone mode print what went wrong and exit."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except (Failure, click.ClickException) as error:
            code = to_failure(error).report()
        except click.Abort:
            code = Interrupted().report()
        sys.exit(code if isinstance(code, int) else 0)


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[DEBUG] = value  # shared with the group's context, where errors arrive


def _build_debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the traceback of an error.",
    )


@click.group(cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="adaptive")
@click.pass_context
def cli(ctx: click.Context, /) -> None:
    """Spend thinking where it pays.

    Judges how hard a question is for a reasoning model, lets it think inside an exact budget, checks the
    answer and thinks on only when the answer is rejected.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(USAGE)


def main() -> None:
    """Run the console script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # None when closed, something else when captured
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="adaptive")
