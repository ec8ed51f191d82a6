"""The options with which every verb that asks a model names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from adaptive.engines.protocol import TokenEngine

MODEL = "embedded, onnx:FOLDER, hf:ID, vllm:ID, http://host:port/v1, or openai:NAME and the like."
OPTIONS = (
    click.option("--served-model", metavar="NAME", help="Which of a server's models, where it has several."),
    click.option("--markers", metavar="NAME", help="How the model marks its thinking: '<think> </think>', say."),
    click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE",
                 help="An option of the engine, say dtype=bfloat16; repeatable."),
)  # fmt: skip


def engine_options(command: Any) -> Any:
    """Adds the options to a command; they arrive as `model`, `served_model`, `markers` and `options`."""
    return click.option("-m", "--model", default="embedded", show_default=True, help=MODEL)(beside_model(command))


def beside_model(command: Any) -> Any:
    """Adds what may stand beside a model to a command that has its own `--model`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def engine_settings(served_model: str | None, markers: str | None, options: tuple[str, ...]) -> dict[str, Any]:
    """What they say beside the model, as `open_engine` takes it."""
    from adaptive.engines.registry import parse_options

    named = {"served_model": served_model, "markers": markers}
    return {**parse_options(options), **{k: v for k, v in named.items() if v is not None}}


def opened(model: str, served_model: str | None, markers: str | None, options: tuple[str, ...]) -> TokenEngine:
    """The engine that they name."""
    from adaptive.engines.registry import open_engine

    return open_engine(model, **engine_settings(served_model, markers, options))
