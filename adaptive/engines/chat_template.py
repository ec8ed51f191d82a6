"""A model folder's chat template, compiled in an environment like that of transformers."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adaptive.errors import InputError


def load_chat_template(folder: Path, config: dict[str, Any]) -> Template:
    """Compile the template of a folder with this tokenizer_config.json; raise `InputError` if there is none."""
    # Sandboxed: a template is code that came with a model.
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    env.filters["tojson"] = _to_json
    env.globals["raise_exception"] = _raise_exception
    env.globals["strftime_now"] = _strftime_now
    try:
        return env.from_string(_read_source(folder, config))
    except TemplateError as error:
        raise InputError(f"the chat template of {folder} is broken: {error}.") from error


def _read_source(folder: Path, config: dict[str, Any]) -> str:
    """Read the template from chat_template.jinja or tokenizer_config.json, which may hold several by name."""
    path = folder / "chat_template.jinja"
    if path.exists():
        return path.read_text(encoding="utf-8")
    text = config.get("chat_template")
    if isinstance(text, list):
        text = {one["name"]: one["template"] for one in text}.get("default")
    if not isinstance(text, str):
        raise InputError(f"the model in {folder} has no chat template: put one in chat_template.jinja.")
    return text


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


def _to_json(value: Any, indent: int | None = None) -> str:
    """Serialise without jinja's escaping for HTML, as the templates of models expect."""
    return json.dumps(value, ensure_ascii=False, indent=indent)
