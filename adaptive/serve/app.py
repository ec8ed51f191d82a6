"""The routes of the server, as an ASGI application."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adaptive.agents.chat_model import ChatAdaptive
from adaptive.errors import AdaptiveError
from adaptive.serve.body import read_json_body
from adaptive.serve.chat_reply import ChatReply
from adaptive.serve.chat_request import parse_completion_request
from adaptive.serve.errors import ApiError, dump_json, handle_error
from adaptive.serve.held_response import EVENT_STREAM, JSON, HeldResponse
from adaptive.serve.keys import Client, Keyring
from adaptive.serve.metrics import Metrics
from adaptive.serve.responses_reply import ResponsesReply
from adaptive.serve.responses_request import parse_response_request
from adaptive.serve.solve import LastPiece, SolveRequest, TextPiece, stream_pieces
from adaptive.serve.solve_queue import SolveQueue
from adaptive.solve_log import SolveLog
from adaptive.types.usage import Usage

OPEN_PATHS = ("/health",)
"""What needs no key."""
VIEW_PATH = "/view"
"""Where the pages of the log are."""
Reply = ChatReply | ResponsesReply
CLIENT_GONE = 499
"""The status by which a request is counted whose client hung up, as nginx counts it."""


@dataclass(frozen=True)
class OfferedModel:
    """A model that clients can name.

    Args:
        name: Its name in requests.
        chat: Its solver as a chat model.
        queue: How many of its solves run at once.
        checked: The same with other checks, by their names in requests.
    """

    name: str
    chat: ChatAdaptive
    queue: SolveQueue
    checked: Mapping[str, ChatAdaptive] = field(default_factory=dict)

    def find_chat(self, check: str | None) -> ChatAdaptive:
        """Return the chat model with a check; raise `ApiError` if there is none of that name."""
        if check is None:
            return self.chat
        if check not in self.checked:
            names = (
                f"it has {', '.join(self.checked)}" if self.checked else "its --config can name some in [checks]"
            )
            raise ApiError(400, f"this server has no check {check!r}: {names}.", param="adaptive")
        return self.checked[check]


@dataclass
class ModelServer:
    """What the routes need.

    Args:
        models: The served models by name.
        keyring: Who may send requests.
        body_limit: The most bytes of a request's body.
        log: Where solves are logged; None to log nothing.
        view: The pages of the log, for keys that open them; None for no pages.
    """

    models: Mapping[str, OfferedModel]
    keyring: Keyring = field(default_factory=Keyring)
    body_limit: int = 4 * 2**20
    log: SolveLog | None = None
    view: ASGIApp | None = None
    metrics: Metrics = field(default_factory=Metrics)
    started: int = field(default_factory=lambda: int(time.time()))

    def build_app(self) -> ASGIApp:
        """Return the application."""
        for model in self.models.values():
            queue = model.queue
            self.metrics.watch_queue(model.name, lambda g=queue: g.running, lambda g=queue: g.waiting)  # type: ignore[misc]
        routes: list[Route | Mount] = [
            Route("/health", self.show_health),
            Route("/metrics", self.show_metrics),
            Route("/v1/models", self.list_models),
            Route("/v1/models/{name:path}", self.show_model),
            Route("/v1/chat/completions", self.complete_chat, methods=["POST"]),
            Route("/v1/responses", self.create_response, methods=["POST"]),
        ]
        if self.view is not None:
            routes.append(Mount(VIEW_PATH, self.view))
        handlers: Any = dict.fromkeys((ApiError, AdaptiveError, HTTPException), handle_error)
        app = Starlette(routes=routes, exception_handlers=handlers)
        return _GuardedApp(app, self.keyring, self.metrics, frozenset(route.path for route in routes))

    async def show_health(self, _: Request) -> Response:
        """Say that the server takes requests."""
        return _reply({"status": "ok"})

    async def show_metrics(self, _: Request) -> Response:
        """Return the metrics."""
        return Response(self.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def list_models(self, _: Request) -> Response:
        """Return the served models."""
        return _reply({"object": "list", "data": [self._describe(name) for name in self.models]})

    async def show_model(self, request: Request) -> Response:
        """Return one served model."""
        return _reply(self._describe(self._find_model(request.path_params["name"]).name))

    async def complete_chat(self, request: Request) -> Response:
        """Solve the last question of a conversation, in the protocol of chat completions."""
        wanted = parse_completion_request(await self._read_body(request))
        return self._answer(request, wanted.solve, ChatReply(wanted))

    async def create_response(self, request: Request) -> Response:
        """Solve the last question of a conversation, in the protocol of responses."""
        wanted = parse_response_request(await self._read_body(request))
        return self._answer(request, wanted.solve, ResponsesReply(wanted))

    async def _read_body(self, request: Request) -> Any:
        request.state.client.check_limits()
        return await read_json_body(request, self.body_limit)

    def _answer(self, request: Request, wanted: SolveRequest, reply: Reply) -> Response:
        model, client, started = self._find_model(wanted.model), request.state.client, perf_counter()
        chat = model.find_chat(wanted.check)

        async def make_parts() -> AsyncGenerator[bytes, None]:
            async with aclosing(self._solve(model, chat, wanted, client, started)) as pieces:
                async for piece in pieces:
                    for part in reply.convert_piece(piece):
                        yield part
            yield reply.finish()

        return HeldResponse(make_parts, EVENT_STREAM if wanted.stream else JSON, reply.format_error)

    async def _solve(
        self, model: OfferedModel, chat: ChatAdaptive, request: SolveRequest, client: Client, started: float
    ) -> AsyncGenerator[TextPiece | LastPiece, None]:
        """Yield the pieces of a solve once it is its turn, and count it."""

        def charge(usage: Usage) -> None:
            self.metrics.count_usage(model.name, usage)
            client.spent += usage

        async with model.queue.admit():
            client.check_limits()  # what ran while this request waited may have reached them
            async with aclosing(stream_pieces(chat, request, charge)) as pieces:
                first = True
                async for piece in pieces:
                    if first:
                        first = False
                        self.metrics.count_first_token(model.name, perf_counter() - started)
                    if isinstance(piece, LastPiece) and (result := piece.result) is not None:
                        self.metrics.count_result(model.name, result)
                        if self.log is not None:
                            await run_in_threadpool(self.log.add_or_warn, dict(piece.report))
                    yield piece

    def _find_model(self, name: str) -> OfferedModel:
        if name not in self.models:
            names = ", ".join(self.models)
            raise ApiError(
                404, f"there is no model {name!r}: this server has {names}.", param="model", code="model_not_found"
            )
        return self.models[name]

    def _describe(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self.started, "owned_by": "adaptive"}


def _reply(data: Any) -> Response:
    return Response(dump_json(data), media_type=JSON)


@dataclass(frozen=True)
class _GuardedApp:
    """Lets requests with a key through, and counts them all."""

    app: ASGIApp
    keyring: Keyring
    metrics: Metrics
    paths: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, sent = perf_counter(), list[Message]()

        async def send_noted(message: Message) -> None:
            await send(message)
            sent[1:] = [message]  # the first has the status, the last says whether it is complete

        try:
            await self._pass_on(scope, receive, send_noted)
        finally:
            complete = len(sent) > 1 and not sent[-1].get("more_body", False)
            path = scope["path"] if scope["path"] in self.paths else "other"
            self.metrics.count_request(
                path, sent[0]["status"] if complete else CLIENT_GONE, perf_counter() - started
            )

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            authorization = request.headers.getlist("authorization")
            if f"{scope['path']}/".startswith(f"{VIEW_PATH}/"):
                request.state.client = self.keyring.find_viewer(authorization)
            elif scope["path"] not in OPEN_PATHS:
                request.state.client = self.keyring.find_client(authorization)
        except ApiError as error:
            await error.to_response()(scope, receive, send)
            return
        await self.app(scope, receive, send)
