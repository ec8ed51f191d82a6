"""The solver as a LangChain chat model, for frameworks that take nothing else."""

from __future__ import annotations

import asyncio
import math
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, ModelProfile
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langsmith import tracing_context
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from adaptive._util.aio import Emit, run_blocking, stream_in_context, stream_in_context_blocking
from adaptive.agents.chunks import message_to_chunk, stream_chunks
from adaptive.agents.guided_answer import ANY_OBJECT, bind_guided_output
from adaptive.agents.step.bound_tools import (
    BoundArguments,
    choose_form_arguments,
    has_tool_calls,
    mark_arguments,
    rebind_runnable,
    split_arguments,
)
from adaptive.agents.step.counts import sum_conversation
from adaptive.agents.step.report import describe_step, require_form
from adaptive.agents.step.spending_limits import Scope, SpendingLimits
from adaptive.agents.step.tenant_limits import TenantCall, TenantLimits, aopen_call, open_call
from adaptive.errors import AdaptiveError, InputError, LimitReached
from adaptive.solver.telemetry import mark_run
from adaptive.solver.tracing import add_run_metadata, describe_model, make_detached_context
from adaptive.types.model_spec import ModelSpec
from adaptive.types.options import PER_QUESTION, Options
from adaptive.types.usage import Usage

if TYPE_CHECKING:
    from adaptive.agents.step.chat_model_step import StepRunner
    from adaptive.solver.nodes import Solver


T = TypeVar("T")
OPTION_FIELDS = ("effort", "budget", "max_tokens", "max_cost", "temperature", "seed")
"""Fields of `ChatAdaptive` that are options of a solve."""
OPTION_ALIASES = {"reasoning_effort": "effort"}
"""LangChain's names for options of ours."""
NO_FORM = "has no structured output: ask for a form in words, and check it with build_solver(check=...)"
_BUILD_LOCK = threading.Lock()  # one solver for each model, and two models never build at the same time


class ChatAdaptive(BaseChatModel):
    """A chat model that thinks as much as the question needs, and returns the answer that was kept.

    The message holds the thinking of all attempts as reasoning blocks and the kept answer as text; its usage is
    that of the solve. Its `response_metadata` has `model_name`, `finish_reason` ("stop"; "length" if thinking left
    no room for the answer, "refusal" if the model gave none) and the result object as `adaptive`.

    Tools and structured output work if a chat model is underneath (`openai:...`, or one of LangChain's in the
    solver): `bind_tools` and `with_structured_output` are that model's own. On a token engine with guided decoding
    (vLLM, llama.cpp) structured output is a solve whose answer follows the schema. With a chat model such a call
    is a step of an agent and no solve (`adaptive.agents.step.chat_model_step`): the message is the provider's, in
    one chunk, with the step's usage, and `adaptive` in its metadata is the step's report, as
    `AdaptiveThinkingMiddleware` writes it.

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
        max_cost: The same in dollars; a model whose price is unknown is refused.
        max_run_tokens: All tokens since the last human message, by the reports in the conversation; a call raises
            `LimitReached` if they are spent.
        max_run_cost: The same in dollars.
        max_thread_tokens: As `max_run_tokens`, for the whole conversation.
        max_thread_cost: As `max_run_cost`, for the whole conversation.
        tenants: Limits of each tenant, whom the context of the graph's run names; the model must be called in a
            graph. A call raises `LimitReached` if one is reached.
        temperature: Of sampling.
        seed: Of sampling.
        stop: Strings before the first of which the text is cut. They change neither the thinking nor the usage.
        timeout: Seconds of a solve, from its first attempt to its answer.
        max_retries: How often a call to a model's server is made again; a model in this process makes no calls.
        streaming: Whether `invoke` streams to callbacks.
        solver: A solver of `build_solver`, for its other arguments (`check`, `stronger`, an engine, ...). It
            brings its model and profile, and traces name that model.
        on_spent: Called once at the end of each call with its `adaptive.Usage`, also of one that fails or is
            cancelled, which is then estimated.

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
    max_cost: float | None = None
    max_run_tokens: int | None = None
    max_run_cost: float | None = None
    max_thread_tokens: int | None = None
    max_thread_cost: float | None = None
    tenants: TenantLimits | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    timeout: float | None = None
    max_retries: int | None = None
    streaming: bool = False
    solver: Any = Field(default=None, exclude=True)
    on_spent: Callable[[Usage], None] | None = Field(default=None, exclude=True)

    _built_solver: Any = PrivateAttr(default=None)
    _identity: str = PrivateAttr(default_factory=lambda: uuid.uuid4().hex)

    @model_validator(mode="after")
    def _validate_options(self) -> Self:
        """Reject impossible values now and not at the first call."""
        self._read_options({})
        self._make_limits()
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

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a copy that shares the solver: it is a model that was loaded once."""
        memo = {} if memo is None else memo
        memo |= {id(solver): solver for solver in (self.solver, self._built_solver)}
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Return what is pickled: all but the solver, which the copy builds anew on first use."""
        if self.solver is not None:
            raise InputError("a ChatAdaptive with a `solver` cannot be pickled: give it `model` instead.")
        state = super().__getstate__()
        private = {**(state["__pydantic_private__"] or {}), "_built_solver": None}
        return {**state, "__pydantic_private__": private}

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

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        """Return what traces say of the model: the one that is asked first, unless the call names one."""
        params = super()._get_ls_params(stop=stop, **kwargs)
        named = {} if "model" in kwargs else describe_model(self._find_model_name())
        return cast("LangSmithParams", {**params, **named})

    def _find_model_name(self) -> str:
        solver = self._find_solver()
        return solver.models[0].name if solver else self.model

    def _find_solver(self) -> Solver | None:
        """Return the solver in the graph that was given, if any."""
        if self.solver is None:
            return None
        from adaptive.solver.build import find_solver

        return find_solver(self.solver)

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
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with open_call(self.tenants) as call:
            chunks: Iterator[ChatGenerationChunk] = stream_in_context_blocking(
                lambda emit: self._stream_solve(messages, stop, kwargs, emit, run_manager, call),
                make_detached_context(),
            )
            yield from chunks

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aopen_call(self.tenants) as call:
            chunks: AsyncGenerator[ChatGenerationChunk, None] = stream_in_context(
                lambda emit: self._stream_solve(messages, stop, kwargs, emit, run_manager, call),
                make_detached_context(),
            )
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    async def _stream_solve(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        arguments: dict[str, Any],
        emit: Emit[ChatGenerationChunk],
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
        call: TenantCall,
    ) -> None:
        """Solve, or make a step, and emit the chunks of the message."""
        if run_manager is not None:
            mark_run(run_manager, run_manager.run_id, "call")
        # This model's own run has the usage of all calls: traced themselves, they would be counted twice.
        with tracing_context(enabled=False):
            facts = await self._run_call(messages, stop, arguments, emit, call)
        if run_manager is not None:
            add_run_metadata(run_manager, run_manager.run_id, facts)

    async def _run_call(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        arguments: dict[str, Any],
        emit: Emit[ChatGenerationChunk],
        call: TenantCall,
    ) -> dict[str, Any]:
        """Make a call, emit its chunks, and return what its span says of it."""
        bound_arguments, arguments = split_arguments(arguments)
        stops, options = _check_stop_strings(self.stop if stop is None else stop), self._read_options(arguments)
        # Copies without ids: a graph sets ids, and takes two messages with the same id for one.
        copies = [m.model_copy(update={"id": None}) for m in messages]
        options = self._limit_options(options, copies, call.scope)
        runner = None
        if bound_arguments or has_tool_calls(copies):
            runner = await asyncio.to_thread(self._build_step_runner, options)
        if runner is not None:
            timeouts = [t for t in (self.timeout, runner.options.timeout) if t is not None]
            bound_arguments = bound_arguments or BoundArguments()
            step = runner.run(cast("list[AnyMessage]", copies), bound_arguments, call.count_also(self.on_spent))
            message = await _run_with_timeout(step, min(timeouts, default=None))
            emit(message_to_chunk(message, stops))
            return describe_step(message)
        solver = self.solver or await asyncio.to_thread(self._get_solver)
        state = {"messages": copies, "adaptive_options": options}
        solve = stream_chunks(solver, state, stops, emit, call.count_also(self.on_spent))
        return await _run_with_timeout(solve, self.timeout)

    def _require_chat_model(self, limitation: str) -> BaseChatModel:
        """Return the chat model underneath; raises `NotImplementedError` if it is a token engine."""
        runner = self._build_step_runner({})
        if runner is None:
            raise NotImplementedError(f"{self.model} runs on a token engine, which {limitation}.")
        return runner.solver_model.model.chat

    def _can_guide(self) -> bool:
        """Whether all models of the solver run on engines with guided decoding; the engines are asked."""
        if self.solver is None and ModelSpec.parse(self.model).is_chat:
            return False
        from adaptive.solver.build import find_solver

        solver = find_solver(self.solver or self._get_solver())
        return solver is not None and all(run_blocking(model.can_guide()) for model in solver.models)

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

    def _make_limits(self) -> SpendingLimits:
        run, thread = (self.max_run_tokens, self.max_run_cost), (self.max_thread_tokens, self.max_thread_cost)
        return SpendingLimits.create(*run, *thread)

    def _limit_options(
        self, options: dict[str, Any], messages: Sequence[BaseMessage], tenant: Scope | None
    ) -> dict[str, Any]:
        """Return the options of a call within what is left of its run, its thread and its tenant."""
        limits = self._make_limits().after(*sum_conversation(messages)).within(tenant)
        if reached := limits.find_reached():
            raise LimitReached(f"{reached}: raise the limit, or begin anew.")
        solver = self._find_solver()
        return limits.bound(options, solver.options if solver else Options())

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


def _check_stop_strings(stop: Sequence[str] | None) -> Sequence[str]:
    """Return the stop strings; raises `InputError` for an empty one, which would leave no text."""
    if isinstance(stop, str):
        raise InputError(f"stop must be a list of texts, got the text {stop!r}.")
    if stop and not all(stop):
        raise InputError("a stop string is empty, which would leave no text: leave it out.")
    return stop or ()
