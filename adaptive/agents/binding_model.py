"""Tools and forms of `ChatAdaptive`, bound as the chat model underneath binds them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda

from adaptive.agents.guided_answer import ANY_OBJECT, bind_guided_output
from adaptive.agents.step.bound_tools import choose_form_arguments, mark_arguments, rebind_runnable
from adaptive.agents.step.report import require_form

NO_FORM = "has no structured output: ask for a form in words, and check it with build_solver(check=...)"


class BindingChatModel(BaseChatModel):
    """A chat model above another one, whose arguments for tools and forms it takes over."""

    model: str
    """Its spec, for error sentences."""

    @abstractmethod
    def _can_guide(self) -> bool:
        """Whether token engines with guided decoding are underneath."""

    @abstractmethod
    def _require_chat_model(self, limitation: str) -> BaseChatModel:
        """Return the chat model underneath; raise `NotImplementedError` with what is not possible without one."""

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[Any, AIMessage]:
        """Bind tools as the chat model underneath does; `NotImplementedError` if there is none."""
        chat = self._require_chat_model(
            "cannot call tools: let an agent's own model call adaptive.agents.adaptive_tool"
        )
        bound = chat.bind_tools(tools, tool_choice=tool_choice, **kwargs)
        return rebind_runnable(bound, chat, lambda arguments: self.bind(**mark_arguments(arguments)))

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """Set a schema for answers, as the chat model underneath does or by the engine's guided decoding.

        On a token engine the call stays a solve: the thinking is free, and only the answer is held to the schema.
        A call raises `AdaptiveError` if no structured answer came, since the room for it was used up or it was no
        JSON each time; with `include_raw` it returns the message.

        Raises:
            NotImplementedError: The model is on a token engine without guided decoding.
        """
        if self._can_guide():
            return bind_guided_output(self, self.model, schema, **kwargs)
        chat = self._require_chat_model(NO_FORM)
        structured = chat.with_structured_output(schema, **kwargs)

        def rebind(arguments: Mapping[str, Any]) -> Runnable[Any, Any]:
            bound = self.bind(**mark_arguments(arguments, structured=True))
            return bound if kwargs.get("include_raw") else bound | RunnableLambda(require_form)

        return rebind_runnable(structured, chat, rebind)

    def bind_form(self, schema: Any | None, *, strict: bool = False) -> Runnable[Any, AIMessage]:
        """Set a schema as `with_structured_output` does, and return the message as it came, without parsing it.

        Args:
            schema: The schema; None: any JSON object.
            strict: Whether the provider must hold the model to the schema.

        Raises:
            NotImplementedError: The model has no structured output of that kind.
        """
        if self._can_guide():
            return self.bind(answer_schema=dict(ANY_OBJECT if schema is None else schema))
        chat, bound = self._require_chat_model(NO_FORM), dict[str, Any]()
        arguments = choose_form_arguments(chat, schema, strict=strict)

        def keep(arguments: Mapping[str, Any]) -> Runnable[Any, Any]:
            bound.update(mark_arguments(arguments, structured=True))
            return self.bind(**bound)

        rebind_runnable(chat.with_structured_output(cast("Any", schema), **arguments), chat, keep)
        return self.bind(**bound)
