"""Ollama's native endpoint: text in and text out, so markers and budget are checked on what comes back.

In raw mode no template is applied, and with `think` off nothing is taken out of the text, so that the marks of the
thinking are in it. (https://docs.ollama.com/api/generate, and `GenerateHandler` of server/routes.go in
github.com/ollama/ollama; November 2026.) Ids are those of our tokenizer, part by part, and every count is reported
as an estimate. There are no log-probabilities, and what is cached is not told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adaptive.engines.dialects.call import DialectCall, ServedModelInfo
from adaptive.engines.reply_fields import ReplyFields
from adaptive.engines.tokenizer import FolderCodec
from adaptive.errors import AdaptiveError, InputError

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient
    from adaptive.engines.generation import GrowingGeneration

DEFAULT_WINDOW = 4096
"""Ids of the context of a model that sets none and is not loaded, as Ollama's documentation has it."""
_SET_WINDOW = re.compile(r"^num_ctx\s+([0-9]{1,9})\s*$", re.MULTILINE)


class OllamaCall(DialectCall):
    """`ollama serve`, in raw mode. It reads special tokens in the prompt: a user's text with one is refused."""

    name, owner, path, takes_ids = "ollama", "ollama", "/api/generate", False

    def __init__(
        self, url: str, model: str, growing: GrowingGeneration, slots: int, codec: FolderCodec | None = None
    ) -> None:
        super().__init__(url, model, growing, slots, codec)
        growing.estimated = True
        self._held = ""  # text that may be the start of a special token

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read the window that the model sets, else that it is loaded with, else the usual one."""
        name = listed["id"]
        shown = ReplyFields(server.url, await server.fetch_json("/api/show", {"model": name}) or {})
        loaded = ReplyFields(server.url, await server.fetch_json("/api/ps") or {})
        now = [
            one.read_known_count("context_length")
            for one in loaded.read_objects("models")
            if one.data.get("name") == name
        ]
        known = shown.read_object("model_info")
        largest = [known.read_known_count(key) for key in known.data if key.endswith(".context_length")]
        chosen = _SET_WINDOW.search(shown.read_text("parameters") or "")
        window = int(chosen[1]) if chosen else next(filter(None, now), DEFAULT_WINDOW)
        return ServedModelInfo(name, min([window, *filter(None, largest)]))

    def request(self) -> Part | None:
        """Return the body of the request for what is still missing; None if nothing is."""
        self._held = ""
        return super().request()

    def on_end(self) -> None:
        """Handle the end of an answer. Raise `AdaptiveError` if it brought nothing."""
        if not (self.growing.is_complete or self._received_count):
            room = self.growing.request.room
            raise AdaptiveError(f"the server {self.url} ended before {room} tokens without saying why: ask again.")

    def _take_fields(self, part: ReplyFields) -> bool:
        """Take a piece of text, but for an end that may become a special token."""
        codec, done = self._codec, part.data.get("done") is True
        text = self._held + (part.read_text("response") or "")
        held = 0 if done else _count_open_mark(codec, text)
        ready, self._held = text[: len(text) - held], text[len(text) - held :]
        self.growing.add(codec.encode_marked(ready), ())
        if done and part.read_text("done_reason") == "stop":  # the end of the turn, which is no text
            self.growing.add(codec.markers.turn_end[:1], ())
        return not self.growing.is_complete

    def _build_body(self, ids: list[int], most: int) -> Part:
        sampling = self.growing.request.sampling
        return {
            "model": self.model,
            "prompt": _write_prompt(self._codec, ids),
            "raw": True,
            "think": False,
            "stream": True,
            # Too long a prompt would lose its beginning unless that is refused.
            "truncate": False,
            "shift": False,
            "options": {
                "num_predict": most,
                "num_ctx": self.growing.request.window,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": sampling.top_k,
                "min_p": 0.0,
                "repeat_penalty": 1.0,  # its own default is not 1 in all versions
                "presence_penalty": 0.0,
                "frequency_penalty": 0.0,
                "seed": self._seed or 0,
            },
        }


def _write_prompt(codec: FolderCodec, ids: list[int]) -> str:
    """Return ids as text; raise `InputError` if the server would read a special token that they do not have."""
    text = codec.decode_marked(ids)
    read = codec.encode_marked(text)
    if other := next((token for token, i in codec.special_tokens.items() if read.count(i) != ids.count(i)), None):
        raise InputError(f"Ollama would take {other!r} in the conversation for a mark of the model: leave it out.")
    return text


def _count_open_mark(codec: FolderCodec, text: str) -> int:
    """Return how many characters at the end of a text may be the start of a special token."""
    longest = max(map(len, codec.special_tokens), default=0)
    ends = (text[-length:] for length in range(min(longest, len(text)), 0, -1))
    begun = (end for end in ends if any(t != end and t.startswith(end) for t in codec.special_tokens))
    return len(next(begun, ""))
