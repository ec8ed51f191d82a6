"""FolderCodec: a model folder's tokenizer and chat template, without transformers.

The chat template is rendered with a slot in place of every content. Special tokens are recognised only between
the slots; contents are tokenised separately, as plain text. So nothing that a user writes can close the thinking
or open a turn, and no content merges with its surroundings.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from adaptive._util.files import read_json
from adaptive._util.optional import import_optional
from adaptive._util.thinking_tags import THINKING_TAGS, find_open_tag
from adaptive.engines.chat_template import RenderedChat, TextSlot, load_chat_template
from adaptive.engines.markers import PROMPTED, MarkerStyle, find_marker_style, make_text_style
from adaptive.engines.protocol import SHORT_TEXT, Markers, Prompt
from adaptive.errors import InputError, to_single_line
from adaptive.types.ladder import BELIEVED_DEFAULT, EFFORTS, Effort, find_nearest_effort

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "config.json",
)
TURN_END = ("<|im_end|>", "<|endoftext|>")
ROLES = ("system", "developer", "user", "assistant", "tool")

# Hidden vocabulary entries are written in private-use characters, which no text has a reason to hold.
_HIDDEN = "\ue000hidden {}\ue001"
_EFFORT_NAMES = ("reasoning_effort", "thinking_effort", "reasoning_strength")
_SOME_WORD = "an effort"
_TAG = re.compile(r"<.*>|\[/?[A-Z][A-Z_ ]+\]", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class FolderCodec:
    """The codec of a folder with tokenizer.json, tokenizer_config.json and possibly chat_template.jinja.

    Args:
        folder: The model's folder.
        style: How the model marks its thinking; None finds it by its special tokens.

    Raises:
        InputError: A file is missing or broken.
    """

    def __init__(self, folder: Path, style: MarkerStyle | None = None) -> None:
        self._folder = folder
        spec = read_json(folder / "tokenizer.json")
        config = read_json(folder / "tokenizer_config.json")
        self._control = {t["content"]: int(t["id"]) for t in spec.get("added_tokens", []) if _is_control(t)}
        self._special_ids = frozenset(self._control.values())
        self._marked_tokenizer = _build_tokenizer(folder, spec)
        self._plain_tokenizer = _build_tokenizer(folder, _hide_tokens(spec, self._special_ids))
        names = {
            name: _read_token(config.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")
        }
        self._template = load_chat_template(folder, config, names)
        self._eos_token = names["eos_token"]
        self.style = style or self._find_style()
        self._markers = self._find_markers()

    @property
    def markers(self) -> Markers:
        """The special ids of this model."""
        return self._markers

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids that no text is encoded as, and that decoded text leaves out."""
        return self._special_ids

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The same ids by their texts."""
        return self._control

    def render(self, messages: Sequence[tuple[str, str]], effort: Effort) -> Prompt:
        """Render (role, content) pairs with the chat template. Contents cannot open or close anything.

        Both prompts name the effort of a thinking rung, so that they share all but their ends. At effort
        "default" the open prompt is what a plain chat call sends: nothing is named, and no thinking is opened.
        """
        contents = [content for _, content in messages]
        if effort == "default":
            plain, closed = self._render_chat(messages, effort), self.render(messages, BELIEVED_DEFAULT)
            return Prompt(self._encode_plain(plain.parts, contents), closed.closed, _join_notes(plain, closed))
        opened = self._render_chat(messages, effort, thinking=True)
        shut = self._render_chat(messages, effort, thinking=False)
        return Prompt(
            self._encode_parts(opened.with_tail(self._open_thinking(opened.tail)), contents),
            self._encode_parts(shut.with_tail(self._close_thinking(shut.tail)), contents),
            _join_notes(opened, shut),
        )

    @cached_property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts that the chat template distinguishes; empty if it knows none, so that only budgets count."""
        # The commoner names first: of two efforts with the same prompt the first one stays.
        first: dict[tuple[str | TextSlot, ...], Effort] = {}
        for effort, parts in self._parts_by_effort.items():
            first.setdefault(parts, effort)
        return tuple(e for e in EFFORTS if e in first.values()) if len(first) > 1 else ()

    @cached_property
    def _parts_by_effort(self) -> dict[Effort, tuple[str | TextSlot, ...]]:
        """A rendered question for each effort that the template does not refuse.

        A template that writes down any word knows none: the words that models are trained on are these three.
        """
        common: tuple[Effort, ...] = ("low", "medium", "high", "minimal", "xhigh", "max")
        with suppress(InputError):
            switches = {**_name_switches("medium", thinking=True), **dict.fromkeys(_EFFORT_NAMES, _SOME_WORD)}
            if any(_SOME_WORD in str(part) for part in self._template.render(("user",), **switches).parts):
                common = common[:3]
        rendered: dict[Effort, tuple[str | TextSlot, ...]] = {}
        for effort in common:
            with suppress(InputError):
                rendered[effort] = self._template.render(("user",), **_name_switches(effort, thinking=True)).parts
        return rendered

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of plain text; what looks like a special token is encoded as ordinary text."""
        # Bytes on stdin that are not UTF-8 come as lone surrogates, which no tokenizer takes.
        clean = _SURROGATE.sub("\ufffd", text)
        return _encode(self._plain_tokenizer, clean)

    def encode_marked(self, text: str) -> tuple[int, ...]:
        """Return the ids of our own text, with special tokens recognised: never for text of a user."""
        return _encode(self._marked_tokenizer, text)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without special tokens."""
        text: str = self._marked_tokenizer.decode([i for i in ids if i not in self._special_ids])
        return text

    def decode_marked(self, ids: Sequence[int]) -> str:
        """Return the text of ids with special tokens, for a server that reads them in text."""
        text: str = self._marked_tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def _open_thinking(self, tail: str) -> str:
        """Return the last part of a prompt with thinking opened, unless the template does so itself."""
        if self._is_open(tail):
            return tail
        # A template that begins the answer itself, as Command A's does, knows nothing of thinking.
        answer = self.style.hand_over.strip()
        return (tail.removesuffix(answer) if answer else tail) + self.style.start

    def _close_thinking(self, tail: str) -> str:
        """Return the last part of a prompt with thinking closed at once, as the template does it if it does."""
        style, end = self.style, tail.rstrip()
        if self._is_open(tail):
            space = "" if tail.endswith("\n\n") or not style.end else "\n"
            return f"{tail}{space}{style.end}{style.hand_over}"
        closes = (style.end, style.hand_over.strip())
        return tail if any(text and end.endswith(text) for text in closes) else tail + style.closed

    def _is_open(self, tail: str) -> bool:
        """Return whether thinking is open at the end of a prompt."""
        opener, end, start = self.style.opener, self.style.end, self.style.start.rstrip()
        if opener:
            return tail.rfind(opener) > tail.rfind(end)
        return bool(start) and tail.rstrip().endswith(start)

    def _render_chat(
        self, messages: Sequence[tuple[str, str]], effort: Effort, *, thinking: bool = True
    ) -> RenderedChat:
        """Render the template, with thinking switched on or off; at effort "default" it is told of neither."""
        roles = [role for role, _ in messages]
        if unknown := next((role for role in roles if role not in ROLES), None):
            raise InputError(f"role {unknown!r} is not known: use one of {', '.join(ROLES)}.")
        if effort == "default":
            return self._template.render(roles)
        named: Effort = "medium" if effort == "none" else effort
        if self._parts_by_effort and named not in self._parts_by_effort:
            named = find_nearest_effort(named, list(self._parts_by_effort))
        return self._template.render(roles, **_name_switches(named, thinking=thinking))

    def _encode_plain(self, parts: Sequence[str | TextSlot], contents: Sequence[str]) -> tuple[int, ...]:
        """Encode a prompt in one piece, as a chat server does, unless a content could open a turn."""
        if any(token in content for content in contents for token in self._control):
            return self._encode_parts(parts, contents)
        texts = (part.fill(contents[part.message]) if isinstance(part, TextSlot) else part for part in parts)
        return self.encode_marked(_SURROGATE.sub("\ufffd", "".join(texts)))

    def _encode_parts(self, parts: Sequence[str | TextSlot], contents: Sequence[str]) -> tuple[int, ...]:
        """Encode the parts of a rendered conversation, with the contents in their slots."""
        ids: list[int] = []
        for part in parts:
            if isinstance(part, TextSlot):
                ids += self.encode(part.fill(contents[part.message]))
            else:
                ids += self.encode_marked(part)
        return tuple(ids)

    def _find_style(self) -> MarkerStyle:
        """Return the style of the model's special tokens; else that of tags with which the template ends."""
        style = find_marker_style(self._control)
        if style is PROMPTED:
            with suppress(InputError):
                tail = self._template.render(("user",), **_name_switches("medium", thinking=True)).tail
                if tag := find_open_tag(tail):
                    return make_text_style(tag, THINKING_TAGS[tag])
        return style

    def _find_markers(self) -> Markers:
        style = self.style
        if missing := [t for t in (style.opener, style.end) if t and t not in self._control]:
            raise InputError(f"the model in {self._folder} has no token {missing[0]!r}: name its own markers.")
        ends = [self._control[t] for t in (*TURN_END, self._eos_token) if t in self._control]
        ends = list(dict.fromkeys([*ends, *_read_turn_ends(self._folder)]))
        if not ends:
            raise InputError(f"the model in {self._folder} names no eos_token_id in generation_config.json.")
        start, end = (self._control.get(t) for t in (style.opener or style.end, style.end))
        return Markers(start, end, tuple(ends), self.encode_marked(style.hand_over), style.name)


def find_tokenizer_folder(model: str) -> Path:
    """Return the folder of a model, which is named by folder or by hub ID.

    Files of an ID that are not in the hub's cache are fetched. Raises `InputError` if the model is neither a
    folder nor on the hub, or there is no network.
    """
    folder = Path(os.path.expanduser(model))
    if folder.is_dir():
        return folder
    hub = import_optional("huggingface_hub", "transformers")
    try:
        return Path(hub.snapshot_download(model, allow_patterns=list(TOKENIZER_FILES)))
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        reason = to_single_line(error).partition(". ")[0][:160]
        raise InputError(
            f"model {model!r} is no folder and could not be had from the Hugging Face hub ({reason}): "
            f"check the name, or fetch it where there is a network with 'hf download {model}'."
        ) from error


def _encode(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    """Return the ids of a text. A long one is a batch of one, because only a batch lets other threads run."""
    if len(text) <= SHORT_TEXT:
        return tuple(tokenizer.encode(text, add_special_tokens=False).ids)
    return tuple(tokenizer.encode_batch([text], add_special_tokens=False)[0].ids)


def _join_notes(*rendered: RenderedChat | Prompt) -> tuple[str, ...]:
    """Return the notes of both prompts, each once."""
    return tuple(dict.fromkeys(note for one in rendered for note in one.notes))


def _name_switches(effort: Effort, *, thinking: bool) -> dict[str, Any]:
    """Return the variables that switch thinking on or off and name an effort, by each name that templates use."""
    switches: dict[str, Any] = {"enable_thinking": thinking, "thinking": thinking}
    switches |= dict.fromkeys(_EFFORT_NAMES, effort)
    switches |= {"low_effort": effort in ("minimal", "low"), "medium_effort": effort == "medium"}  # Nemotron 3
    return switches if thinking else {**switches, "thinking_budget": 0}  # Seed-OSS


def _is_control(token: dict[str, Any]) -> bool:
    """Return whether an added token steers the model, unlike runs of spaces and words added to a vocabulary.

    Not all of them are marked special: `<think>` and `<tool_call>` of Qwen3 are not.
    """
    content = str(token["content"])
    return bool(token.get("special") or _TAG.fullmatch(content))


def _hide_tokens(spec: dict[str, Any], hidden: frozenset[int]) -> dict[str, Any]:
    """Return a tokenizer.json that cannot produce the ids in `hidden`.

    `Tokenizer.encode_special_tokens` is not enough: it still recognises tokens that are not marked special, and
    some kinds of vocabulary (Unigram, BPE with ignore_merges) contain the special ones as pieces of text.
    """
    model = dict(spec["model"])
    hidden = hidden - {_get_unknown_id(model)}
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        model["vocab"] = {_HIDDEN.format(i) if i in hidden else piece: i for piece, i in vocab.items()}
    else:
        names = [_HIDDEN.format(i) if i in hidden else piece for i, (piece, _) in enumerate(vocab)]
        model["vocab"] = [[name, score] for name, (_, score) in zip(names, vocab, strict=True)]
    added = [t for t in spec.get("added_tokens", []) if t["id"] not in hidden]
    return {**spec, "model": model, "added_tokens": added}


def _get_unknown_id(model: dict[str, Any]) -> int | None:
    """Return the id for unknown text. It must not be hidden: such text would be an error without it."""
    if isinstance(model["vocab"], dict):
        return model["vocab"].get(model.get("unk_token"))
    return model.get("unk_id")


def _build_tokenizer(folder: Path, spec: dict[str, Any]) -> Tokenizer:
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_str(json.dumps(spec))
    except Exception as error:  # tokenizers raises nothing more precise
        raise InputError(f"{path} is not a tokenizer ({error}): get the file again.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _read_token(token: Any) -> str:
    """Return a special token of tokenizer_config.json, which is a string, an object or absent."""
    return str(token["content"] if isinstance(token, dict) else token or "")


def _read_turn_ends(folder: Path) -> list[int]:
    """Return the ids that end a turn according to generation_config.json and genai_config.json."""
    ends: list[int] = []
    for name in ("generation_config.json", "genai_config.json"):
        if (folder / name).exists():
            data = read_json(folder / name)
            value = data.get("model", data).get("eos_token_id")
            ends += value if isinstance(value, list) else [] if value is None else [value]
    return ends
