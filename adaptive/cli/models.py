"""`adaptive models`: which engines are installed, which servers answer here, and what a model can do."""

from __future__ import annotations

import asyncio
import shlex
from importlib.util import find_spec
from json import dumps
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import engine_options, open_engine_from_options
from adaptive.cli.support.report import to_one_line

if TYPE_CHECKING:
    from adaptive.engines.local_servers import LocalModel

ENGINES = (
    ("embedded", "embedded", "onnxruntime_genai", ""),
    ("ONNX Runtime GenAI", "onnx:FOLDER", "onnxruntime_genai", ""),
    ("transformers", "hf:ID-or-folder", "transformers", "transformers"),
    ("vLLM", "vllm:ID-or-folder", "vllm", "vllm"),
    ("server", "http://host:port/v1", "httpx", ""),
)
"""Name, model spec, the module it needs and the extra that installs it."""


@click.command()
@engine_options
@click.option("--json", is_flag=True, help="Print each row as a JSON object on one line.")
@click.pass_context
def models_command(ctx: click.Context, /, json: bool, **named: Any) -> None:
    """Show engines and local servers, and what a model can do.

    Without -m the usual local ports of vLLM, llama.cpp, Ollama, LM Studio and SGLang are asked, and nothing
    outside this machine. Each model that answers is shown with the -m to use.
    """
    if ctx.get_parameter_source("model") is click.core.ParameterSource.DEFAULT:
        rows = [_describe_engine(*one) for one in ENGINES]
        click.echo("\n".join(dumps(row) if json else _format_engine(row) for row in rows))
        _print_local_models(json)
        return
    facts = _describe_model(**named)
    click.echo(
        dumps(facts) if json else "\n".join(f"{name}: {to_one_line(str(fact))}" for name, fact in facts.items())
    )


def _describe_engine(name: str, spec: str, module: str, extra: str) -> dict[str, Any]:
    installed = find_spec(module) is not None
    install = None if installed or not extra else f"pip install 'adaptive-thinking[{extra}]'"
    return {"engine": name, "model": spec, "installed": installed, "install": install}


def _format_engine(row: dict[str, Any]) -> str:
    state = "installed" if row["installed"] else f"not installed: {row['install']}"
    return f"{row['model']:<22}{row['engine']:<20}{state}"


def _print_local_models(json: bool) -> None:
    from adaptive.engines import local_servers

    models = asyncio.run(local_servers.find_local_models(local_servers.USUAL_PORTS))
    for model in models:
        row = {"server": model.server, "url": model.url, "served": model.name, "use": shlex.join(model.arguments)}
        click.echo(dumps(row) if json else _format_local_model(model))
    if not models and not json:
        ports = ", ".join(f"{name} {port}" for port, name in local_servers.USUAL_PORTS.items())
        click.echo(f"No server answers on this machine's usual ports ({ports}).")


def _format_local_model(model: LocalModel) -> str:
    state = "answers" if model.name is not None else "wants a key: set ADAPTIVE_API_KEY"
    return f"{to_one_line(shlex.join(model.arguments))}  ({model.server}, {state})"


def _describe_model(**named: Any) -> dict[str, Any]:
    """What a model can do, as its engine reports it."""
    from adaptive.engines.loop_engine import Engine
    from adaptive.profile.store import load_engine_profile

    engine = open_engine_from_options(**named)
    try:
        codec = engine.codec
        efforts = codec.efforts
        profile = load_engine_profile(engine)
        return {
            "model": engine.name,
            **(engine.facts if isinstance(engine, Engine) else {}),
            "context window": engine.context_window,
            "thinking markers": codec.markers.name,
            "efforts that its template tells apart": ", ".join(efforts) if efforts else "none: only budgets count",
            "profile": profile.name,
            "ladder": ", ".join(f"{r.effort} {r.budget}" for r in profile.ladder),
        }
    finally:
        asyncio.run(engine.close())
