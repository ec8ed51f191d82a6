"""The solver as a LangChain chat model, for frameworks that take nothing else."""

from __future__ import annotations

import asyncio
import math
import threading
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, ModelProfile
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from adaptive._util.aio import Emit, stream_isolated, stream_isolated_blocking
from adaptive.agents.chunks import ChunkBuilder, message_to_chunk
from adaptive.agents.step.bound_tools import (
    BoundArguments,
    has_tool_calls,
    mark_arguments,
    rebind_runnable,
    split_arguments,
)
from adaptive.errors import AdaptiveError, InputError
from adaptive.types.model_spec import ModelSpec
from adaptive.types.options import PER_QUESTION, Options

if TYPE_CHECKING:
    from adaptive.agents.step.chat_model_step import StepRunner
    from adaptive.solver.nodes import Solver


T = TypeVar("T")
OPTION_FIELDS = ("effort", "budget", "max_tokens", "temperature", "seed")
"""Fields of `ChatAdaptive` that are options of a solve."""
OPTION_ALIASES = {"reasoning_effort": "effort"}
"""LangChain's names for options of ours."""
_BUILD_LOCK = threading.Lock()  # one solver for each model, and two models never build at the same time


class ChatAdaptive(BaseChatModel):
    """A chat model that thinks as much as the question needs, and returns the answer that was kept.

    The message holds the thinking of all attempts as reasoning blocks and the kept answer as text; its usage is
    that of the solve. Its `response_metadata` has `model_name`, `finish_reason` ("stop"; "length" if thinking left
    no room for the answer, "refusal" if the model gave none) and the result object as `adaptive`.

    Tools and structured output work if a chat model is underneath (`openai:...`, or one of LangChain's in the
    solver): `bind_tools` and `with_structured_output` are that model's own. Such a call is a step of an agent and
    no solve (`adaptive.agents.step.chat_model_step`): the message is the provider's, in one chunk, with the step's
    usage, and `adaptive` in its metadata is the step's report, as `AdaptiveThinkingMiddleware` writes it.

    Args:
        model: A model spec. Its solver is built on first use, that of a hosted model at once.
        adaptive_profile: The profile's folder; by default the model's own. (`profile` is LangChain's field, and
            says what the model can do.)
        effort: As in `adaptive.Options`, as are budget, temperature and seed; None leaves them to the profile.
            These and the other options that a graph's state may set can also be set for one call, as in
            `invoke(..., budget=64)`.
        budget: Thinking tokens.
        max_tokens: All tokens of the whole solve: prompts, thinking and answers of all attempts. Once it is
            reached, no attempt is started; a running one is finished.
        temperature: Of sampling.
        seed: Of sampling.
        stop: Strings before the first of which the text is cut. They change neither the thinking nor the usage.
        timeout: Seconds of a solve, from its first attempt to its answer.
        max_retries: How often a call to a model's server is made again; a model in this process makes no calls.
        streaming: Whether `invoke` streams to callbacks.
        solver: A solver of `build_solver`, for its other arguments (`check`, `stronger`, an engine, ...). It
            brings its model and profile; `model` then only names it in traces.

    Raises:
        InputError: Options, model or messages are not possible.
        AdaptiveError: A solve fails or its time is up.
        NotImplementedError: A model on a token engine is given tools, as by all chat models without them.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    model: str = "embedded"
    adaptive_profile: str | Path | None = None
    effort: str | None = None
    budget: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    timeout: float | None = None
    max_retries: int | None = None
    streaming: bool = False
    solver: Any = Field(default=None, exclude=True)

    _built_solver: Any = PrivateAttr(default=None)
    _identity: str = PrivateAttr(default_factory=lambda: uuid.uuid4().hex)

    @model_validator(mode="after")
    def _validate_options(self) -> Self:
        """Reject impossible values now and not at the first call."""
        self._read_options({})
        _check_stop_strings(self.stop)
        if self.timeout is not None and not (self.timeout > 0 and math.isfinite(self.timeout)):
            raise InputError(f"timeout must be a number of seconds above 0, got {self.timeout}.")
        if self.max_retries is not None and self.max_retries < 0:
            raise InputError(f"max_retries must be 0 or more, got {self.max_retries}.")
        if self.solver is not None and self.adaptive_profile is not None:
            raise InputError("a solver has its profile already: give adaptive_profile to build_solver.")
        if self.solver is None and ModelSpec.parse(self.model).is_chat:
            self._get_solver()  # raises now if a key or a package is missing
        return self

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
        """Set a schema for answers as the chat model underneath does; `NotImplementedError` if there is none."""
        chat = self._require_chat_model(
            "has no structured output: ask for a form in words, and check it with build_solver(check=...)"
        )
        structured = chat.with_structured_output(schema, **kwargs)
        return rebind_runnable(
            structured, chat, lambda arguments: self.bind(**mark_arguments(arguments, structured=True))
        )

    @property
    def _llm_type(self) -> str:
        return "adaptive"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What answers depend on: the key of LangChain's cache of answers."""
        return {
            "model": self.model,
            "adaptive_profile": None if self.adaptive_profile is None else str(self.adaptive_profile),
            "stop": self.stop,
            **self._read_options({}),
            **({} if self.solver is None else {"solver": self._identity}),
        }

    def _resolve_model_profile(self) -> ModelProfile:
        runner = self._build_step_runner({})
        chat = None if runner is None else runner.solver_model.model.chat
        can: Any = {} if chat is None else chat.profile or {}
        binds_tools = chat is not None and type(chat).bind_tools is not BaseChatModel.bind_tools
        return ModelProfile(
            text_inputs=True,
            text_outputs=True,
            reasoning_output=True,
            tool_calling=binds_tools and can.get("tool_calling", True),
            structured_output=binds_tools and can.get("structured_output", False),
            image_inputs=chat is not None and can.get("image_inputs", False),
            audio_inputs=False,
            video_inputs=False,
            pdf_inputs=False,
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        return stream_isolated_blocking(lambda emit: self._stream_solve(messages, stop, kwargs, emit))

    def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        return stream_isolated(lambda emit: self._stream_solve(messages, stop, kwargs, emit))

    async def _stream_solve(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        arguments: dict[str, Any],
        emit: Emit[ChatGenerationChunk],
    ) -> None:
        """Solve, or make a step, and emit the chunks of the message."""
        bound_arguments, arguments = split_arguments(arguments)
        stops, options = _check_stop_strings(self.stop if stop is None else stop), self._read_options(arguments)
        # Copies without ids: a graph sets ids, and takes two messages with the same id for one.
        copies = [m.model_copy(update={"id": None}) for m in messages]
        runner = None
        if bound_arguments or has_tool_calls(copies):
            runner = await asyncio.to_thread(self._build_step_runner, options)
        if runner is not None:
            timeouts = [t for t in (self.timeout, runner.options.timeout) if t is not None]
            work = runner.run(cast("list[AnyMessage]", copies), bound_arguments or BoundArguments())
            emit(message_to_chunk(await _run_with_timeout(work, min(timeouts, default=None)), stops))
        else:
            solver = self.solver or await asyncio.to_thread(self._get_solver)
            state = {"messages": copies, "adaptive_options": options}
            await _run_with_timeout(_stream_chunks(solver, state, stops, emit), self.timeout)

    def _require_chat_model(self, limitation: str) -> BaseChatModel:
        """Return the chat model underneath; raises `NotImplementedError` if it is a token engine."""
        runner = self._build_step_runner({})
        if runner is None:
            raise NotImplementedError(f"{self.model} runs on a token engine, which {limitation}.")
        return runner.solver_model.model.chat

    def _build_step_runner(self, options: dict[str, Any]) -> StepRunner | None:
        """Return what runs steps within these options; None if no chat model is underneath."""
        if self.solver is None and not ModelSpec.parse(self.model).is_chat:
            return None
        from adaptive.agents.step.chat_model_step import StepRunner
        from adaptive.solver.build import find_solver
        from adaptive.solver.chat_model import ChatSolverModel

        solver: Solver | None = find_solver(self.solver or self._get_solver())
        first = solver.models[0] if solver else None
        if solver is None or not isinstance(first, ChatSolverModel):
            return None
        return StepRunner(first, solver.options.with_settings(options), solver.prices)

    def _get_solver(self) -> Any:
        """Return the solver, built once."""
        # LangGraph and a model take a second to load, so only when there is something to solve.
        from adaptive.engines.registry import takes_option
        from adaptive.solver.build import build_solver

        with _BUILD_LOCK:
            if self._built_solver is None:
                takes_retries = self.max_retries is not None and (
                    ModelSpec.parse(self.model).is_chat or takes_option(self.model, "retries")
                )
                engine = {"retries": self.max_retries} if takes_retries else None
                self._built_solver = build_solver(self.model, profile=self.adaptive_profile, engine=engine)
        return self._built_solver

    def _read_options(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a call in plain types; raises `InputError` for any that it cannot set."""
        own = {name: getattr(self, name) for name in OPTION_FIELDS}
        call = {OPTION_ALIASES.get(name, name): value for name, value in arguments.items() if name != "stream"}
        unknown = next((name for name in call if name not in PER_QUESTION), None)
        if unknown is not None:
            raise InputError(f"a call cannot set {unknown!r}: it may set {', '.join(PER_QUESTION)} and stop.")
        options = {name: value for name, value in {**own, **call}.items() if value is not None}
        Options().with_settings(options, "the call")
        return options


async def _run_with_timeout(work: Coroutine[Any, Any, T], seconds: float | None) -> T:
    """Return the result of `work`; raises `AdaptiveError` if it takes longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError as error:
        if not limit.expired():  # somebody else's time limit
            raise
        raise AdaptiveError(f"no answer within {seconds:g} s: raise timeout or lower budget.") from error


async def _stream_chunks(
    solver: Any, inputs: dict[str, Any], stops: Sequence[str], emit: Emit[ChatGenerationChunk]
) -> None:
    chunks, state = ChunkBuilder(), {}
    async for mode, data in solver.astream(inputs, stream_mode=["custom", "values"]):
        if mode == "values":
            state = data
        else:
            for chunk in chunks.convert_event(data):
                emit(chunk)
    for chunk in chunks.finish(state, stops):
        emit(chunk)


def _check_stop_strings(stop: Sequence[str] | None) -> Sequence[str]:
    """Return the stop strings; raises `InputError` for an empty one, which would leave no text."""
    if isinstance(stop, str):
        raise InputError(f"stop must be a list of texts, got the text {stop!r}.")
    if stop and not all(stop):
        raise InputError("a stop string is empty, which would leave no text: leave it out.")
    return stop or ()
