"""What the batch APIs of providers have in common: many requests in one job, done within a day.

Each request of a batch has a custom id, by which its reply is found: the token of the batch and its place there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from langchain_core.language_models import BaseChatModel

from adaptive._util.optional import import_optional
from adaptive.chat.call_transport import CallTransport, Send, WireReply, WireRequest
from adaptive.chat.error_details import read_http_status
from adaptive.chat.errors import explain_error
from adaptive.chat.limited_clients import open_batch_client
from adaptive.errors import AdaptiveError, InputError

POLL_RETRIES = 8
"""How often a question about a batch is put again if its failure may pass: a batch is waited for for hours."""
CLOCK_SECONDS = 24 * 3600
"""How far this machine's clock and the provider's may be apart."""
NO_REPLY = 408
"""The HTTP status of a request that the provider gave up: it expired, or the batch was cancelled."""
NOT_FOUND = 404

ClientPackage = Literal["openai", "anthropic"]


@dataclass(frozen=True)
class BatchStatus:
    """How far a batch is. done: requests that are over. problem: why the provider does not take it, if so."""

    id: str
    total: int
    done: int
    ended: bool
    problem: str = ""


class BatchApi(Protocol):
    """The batch API of a provider, for one chat model. Its methods raise `AdaptiveError`."""

    most_requests: int
    """The most requests of a batch."""
    most_bytes: int
    """The most bytes of a batch."""

    def route_calls(self, send: Send) -> BaseChatModel:
        """Return a copy of the chat model whose requests are given to `send`, once each and without a stream."""
        ...

    async def submit(self, token: str, requests: Sequence[WireRequest]) -> str:
        """Start a batch and return its id. It is sent once: after a failure it may be there all the same."""
        ...

    async def find(self, token: str, count: int, since: float) -> list[str]:
        """Return the ids of the batches that may be one whose submission was cut off; none if it did not arrive.

        Args:
            token: The token of the batch.
            count: How many requests it has.
            since: When it was submitted, in seconds since the epoch.
        """
        ...

    async def read_status(self, id: str) -> BatchStatus | None:
        """Return how far a batch is; None if the provider does not know it any more."""
        ...

    def read_replies(self, id: str, token: str) -> AsyncIterator[tuple[int, WireReply]]:
        """Yield the replies of a batch that ended, each with the place of its request."""
        ...


class BatchClients:
    """The two clients of a batch API: one that sends each request once, and one that tries again.

    Args:
        chat: The chat model, which is called as it is.
        name: The spec of the model, for error sentences.
        client: The chat model's own client.
        package: The package of the client.
    """

    def __init__(self, chat: BaseChatModel, name: str, client: Any, package: ClientPackage) -> None:
        self._chat, self._name, self._package = chat, name, package
        self._once = client.with_options(max_retries=0, http_client=open_batch_client(package))
        self._client: Any = self._once.with_options(max_retries=POLL_RETRIES)

    def _route(self, send: Send, **options: Any) -> Any:
        """Return a client whose requests are given to `send`, with these options of its own."""
        http = import_optional(self._package, self._package).DefaultAsyncHttpxClient
        # No proxies of the environment: they would come before the transport.
        return self._once.with_options(http_client=http(transport=CallTransport(send), trust_env=False), **options)


def make_custom_id(token: str, place: int) -> str:
    """Return the custom id of a request."""
    return f"{token}-{place}"


def parse_custom_id(custom_id: str, token: str) -> int | None:
    """Return the place of the request with a custom id; None if it is of another batch."""
    prefix, _, place = custom_id.rpartition("-")
    return int(place) if prefix == token and place.isdecimal() else None


async def get_if_there(call: Awaitable[Any], name: str) -> Any:
    """Return the result of a call of a provider's client; None if what it asks for is not there.

    Args:
        call: The call.
        name: The spec of the model.

    Raises:
        AdaptiveError: It failed for another reason.
    """
    try:
        return await call
    except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
        if read_http_status(error) == NOT_FOUND:
            return None
        raise explain_error(error, name) from None  # as in `explain_batch_errors`


@contextmanager
def explain_batch_damage(name: str) -> Iterator[None]:
    """Say that a batch is damaged if what is read of a reply in the block is not there, or something else.

    Args:
        name: The spec of the model.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise AdaptiveError(
            f"{name}: a reply of its batch cannot be read: run the command again, or without --batch."
        ) from None


@contextmanager
def explain_batch_errors(name: str) -> Iterator[None]:
    """Turn the errors of a provider's client into one sentence, as `adaptive.chat.errors.explain_error` does.

    Args:
        name: The spec of the model.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
        if read_http_status(error) == NOT_FOUND:
            raise InputError(f"{name}: its server has no batch API (404): leave --batch out.") from None
        # Not `from error`: its text may hold a key, and a traceback would show it.
        raise explain_error(error, name) from None
