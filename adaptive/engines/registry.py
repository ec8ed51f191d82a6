"""Opens the engine of a model spec: the one place that knows which engine a spec means."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive.errors import InputError
from adaptive.types.model_spec import ModelSpec

if TYPE_CHECKING:
    from adaptive.engines.protocol import TokenEngine


CHOICES = (
    "use embedded (the shipped model), onnx:FOLDER, hf:ID-or-folder, vllm:ID-or-folder, http://host:port/v1, or a "
    "chat model such as openai:o4-mini"
)
CHAT_AT_ONCE = 8
"""Concurrent solves on a hosted model: well under the rate limits of most accounts."""


def open_engine(spec: str, **options: Any) -> TokenEngine:
    """Load the engine of a model spec.

    Args:
        spec: The model spec.
        options: Arguments of the engine's class beside the model; `markers` names how the model marks its thinking
            (`adaptive.engines.markers`).

    Raises:
        InputError: The spec or an option is unknown.
    """
    make, arguments = _find_maker(spec)
    if isinstance(options.get("markers"), str):
        from adaptive.engines.markers import parse_marker_style

        options["markers"] = parse_marker_style(options["markers"])
    _check_options(make, options, spec)
    engine: TokenEngine = make(*arguments, **options)
    return engine


def get_parallel_solves(spec: str) -> int:
    """Return how many concurrent solves the engine of a spec can use, as far as is known before it is open.

    Raises:
        InputError: As `open_engine`.
    """
    if ModelSpec.parse(spec).is_chat:
        return CHAT_AT_ONCE
    make, _ = _find_maker(spec)
    if make is _open_onnx:
        from adaptive.engines.onnx import OnnxEngine

        return OnnxEngine.parallel
    return int(getattr(make, "parallel", 1))


def get_engine_parallel(engine: TokenEngine | None, spec: str) -> int:
    """Return how many concurrent solves an open engine can use, as it was asked when it was opened.

    Args:
        engine: The engine; None for a chat model.
        spec: Its spec, which counts if it does not say: an engine of the user's own.
    """
    return int(getattr(engine, "parallel", 0)) or get_parallel_solves(spec)


def takes_option(spec: str, option: str) -> bool:
    """Return whether the engine of a model spec takes this option; raise `InputError` as `open_engine`."""
    make, _ = _find_maker(spec)
    return option in _list_options(make)


def parse_options(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Parse options written NAME=VALUE, with numbers and true or false as such. Raises `InputError`."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name.isidentifier() or not equals:
            raise InputError(f"option {pair!r} is not of the form NAME=VALUE.")
        options[name] = _parse_value(value)
    return options


def _find_maker(spec: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return what makes the engine of a spec, and its positional arguments."""
    # Engines are imported here: naming a spec must not load a runtime.
    parts = ModelSpec.parse(spec)
    kind, rest = parts.kind, parts.name
    if spec == "embedded" or (kind == "onnx" and rest):
        return _open_onnx, (spec, rest)
    if kind == "hf" and rest:
        from adaptive.engines.transformers import TransformersEngine

        return TransformersEngine, (rest,)
    if kind == "vllm" and rest:
        from adaptive.engines.vllm import VllmEngine

        return VllmEngine, (rest,)
    if kind in ("http", "https") and rest.strip("/"):
        from adaptive.engines.completions import CompletionsEngine

        return CompletionsEngine, (spec,)
    if ModelSpec.parse(spec).is_chat:
        raise InputError(
            f"model {spec!r} is a chat model, whose tokens are out of reach: this needs an engine "
            "whose thinking can be forced, such as hf:ID or http://host:port/v1."
        )
    raise InputError(f"model {spec!r} is not known: {CHOICES}.")


def _open_onnx(spec: str, folder: str, *, sessions: int | None = None, markers: Any = None) -> Any:
    from adaptive._util.files import find_artifact
    from adaptive.engines.onnx import OnnxEngine

    place = find_artifact("abacus") / "onnx" if spec == "embedded" else Path(os.path.expanduser(folder))
    return OnnxEngine(place, name=spec, sessions=sessions, markers=markers)


def _list_options(make: Callable[..., Any]) -> list[str]:
    return [p.name for p in inspect.signature(make).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _check_options(make: Callable[..., Any], options: Mapping[str, Any], spec: str) -> None:
    """Raise `InputError` if the engine does not take an option; vLLM checks its own."""
    names = _list_options(make)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(make).parameters.values())
    unknown = next((name for name in options if name not in names), None)
    if unknown is not None and not takes_any:
        raise InputError(f"{spec} takes no option {unknown!r}: it takes {', '.join(names)}.")


def _parse_value(text: str) -> Any:
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
