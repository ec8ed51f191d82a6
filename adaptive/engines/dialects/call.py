"""What the calls of all dialects share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from adaptive.engines.loop_engine import UNREPORTED_BATCH
from adaptive.engines.reply_fields import ReplyFields
from adaptive.errors import AdaptiveError, InputError

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient
    from adaptive.engines.generation import GrowingGeneration
    from adaptive.engines.tokenizer import FolderCodec


@dataclass(frozen=True)
class ServedModelInfo:
    """A model as its server describes it.

    Args:
        root: Where it came from.
        window: Its window in ids; None if the server does not report it.
        slots: How many caches the server keeps, if a call must name one.
        parallel: How many calls the server batches.
    """

    root: str
    window: int | None
    slots: int = 1
    parallel: int = UNREPORTED_BATCH


class DialectCall(ABC):
    """One call to the server at `url` for `model`. `cached` counts the ids that the server had in its cache."""

    name: ClassVar[str]
    owner: ClassVar[str]
    path: ClassVar[str]
    text: ClassVar[str] = "prompt"
    takes_ids: ClassVar[bool] = True
    guides: ClassVar[bool] = False
    """Whether requests have a field for a schema. What a server does with it is asked (`CompletionsEngine`)."""
    can_steer: ClassVar[bool] = False

    def __init__(
        self, url: str, model: str, growing: GrowingGeneration, slots: int, codec: FolderCodec | None = None
    ) -> None:
        self.url, self.model, self.growing, self.slots = url, model, growing, slots
        self.cached: int | None = None
        self._text_codec = codec
        self._start = 0

    @classmethod
    @abstractmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Return the place and window of a model that the server lists."""

    def request(self) -> Part | None:
        """Return the body of the request for what is still missing; None if nothing is."""
        if self.growing.is_complete or self._is_broken_off:
            return None
        self._start = len(self.growing.ids)
        return self._build_body([*self.growing.request.ids, *self.growing.ids], self.growing.tokens_left)

    @property
    def _is_broken_off(self) -> bool:
        """Whether a steered call brought ids before: its caller, who follows the chain, asks for the rest."""
        return self.growing.request.steering is not None and bool(self.growing.ids)

    def on_end(self) -> None:
        """Handle the end of an answer. Raise `AdaptiveError` if it brought nothing."""
        if self._guided and self._received_count:
            self.growing.close()
        if self.growing.is_complete or len(self.growing.ids) > self._start:
            return
        if not self.growing.ids:
            raise InputError(f"the server {self.url} gives no token ids, which budget forcing needs.")
        count = f"{len(self.growing.ids)} of {self.growing.request.room} tokens"
        raise AdaptiveError(f"the server {self.url} ended after {count} without saying why: ask again.")

    @property
    def received(self) -> int:
        """How many ids came so far."""
        return len(self.growing.ids)

    def take(self, part: Part) -> bool:
        """Take one part of the answer; return whether another one is wanted.

        Raise `AdaptiveError` with the name of a field that cannot be read.
        """
        return self._take_fields(ReplyFields(self.url, part))

    @abstractmethod
    def _take_fields(self, part: ReplyFields) -> bool:
        """Take the fields of one part; return whether another one is wanted."""

    @abstractmethod
    def _build_body(self, ids: list[int], most: int) -> Part:
        """Return the body that asks for at most `most` tokens after `ids`."""

    @property
    def _codec(self) -> FolderCodec:
        """The model's tokenizer, for a server that takes text."""
        if self._text_codec is None:
            raise RuntimeError(f"a call in the dialect {self.name} needs a codec")
        return self._text_codec

    @property
    def _guided(self) -> bool:
        return bool(self.growing.request.sampling.schema)

    @property
    def _seed(self) -> int | None:
        request = self.growing.request
        return request.seed_after(self._start) if request.sampling.temperature > 0 else None

    @property
    def _received_count(self) -> int:
        """How many ids this request has brought."""
        return len(self.growing.ids) - self._start

    def _note_cached(self, cached: int | None) -> None:
        if self.cached is None:
            self.cached = cached


def read_window(fields: ReplyFields, name: str) -> int | None:
    """Return how many ids fit; None if the server does not say, or hardly any do."""
    window = fields.read_known_count(name)
    return window if window is not None and window > 1 else None
