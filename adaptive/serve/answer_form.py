"""The form that a client wants an answer in: any JSON object, or one of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from adaptive.agents.chat_model import ChatAdaptive
from adaptive.errors import to_single_line
from adaptive.serve.errors import ApiError

REMEDY = "ask for the form in words, and let the server check it (--check schema:FILE)"


@dataclass(frozen=True)
class AnswerForm:
    """A form.

    Args:
        param: The field of the request that it came in.
        schema: A JSON schema with a title; None: any JSON object.
        strict: Whether the provider must hold the model to the schema.
    """

    param: str
    schema: Mapping[str, Any] | None = None
    strict: bool = False


def parse_form(wanted: Any, param: str) -> AnswerForm | None:
    """Return the form that OpenAI's object wants; None for text.

    Args:
        wanted: `{"type": "text" | "json_object" | "json_schema", ...}`. Chat completions hold name, schema and
            strict in a `json_schema` of it, responses beside the type.
        param: The field of the request that it came in.

    Raises:
        ApiError: It is no such object.
    """
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind in ("text", "json_object"):
        return None if kind == "text" else AnswerForm(param)
    if kind != "json_schema":
        raise _make_error(param, f"its type must be text, json_object or json_schema, got {wanted!r}")
    inner = wanted.get("json_schema", wanted)
    about: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    name, schema, strict = (about.get(key) for key in ("name", "schema", "strict"))
    if not (isinstance(name, str) and name and isinstance(schema, Mapping)):
        raise _make_error(param, "a json_schema needs a name and a schema")
    if not isinstance(strict, bool | None):
        raise _make_error(param, f"strict must be true or false, got {strict!r}")
    described = {"description": about["description"]} if isinstance(about.get("description"), str) else {}
    return AnswerForm(param, {**described, **schema, "title": name}, strict is True)


def bind_form(chat: ChatAdaptive, form: AnswerForm) -> Runnable[Any, AIMessage]:
    """Return the model bound to a form; raise `ApiError` if it has no structured output of that kind."""
    try:
        return chat.bind_form(None if form.schema is None else dict(form.schema), strict=form.strict)
    except NotImplementedError as error:
        raise ApiError(400, f"{str(error).rstrip('.')}: {REMEDY}.", param=form.param) from error
    except (ValueError, TypeError) as error:  # each provider's class has its own checks
        raise _make_error(form.param, f"this model does not take it ({error})") from error


def _make_error(param: str, why: str) -> ApiError:
    return ApiError(400, f"{param} cannot be used: {to_single_line(why, 200)}.", param=param)
