"""A model folder's chat template, rendered in an environment like that of transformers.

A conversation is rendered with a slot in place of every content, and the slots are then looked for: each must be
in the prompt exactly once, in order. Templates differ in what they take. One that leaves a text out, or refuses,
is given the same conversation in other forms, the smallest change first: contents as lists of parts, developer
messages as system messages, tool results as user turns, system messages at the head of the next user turn, turns
of one role in a row as one turn. A change of the conversation is noted. If no form works, it is an `InputError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adaptive._util.files import read_file, read_json
from adaptive.errors import InputError, to_single_line

# A slot is written in private-use characters: no template has a reason to. Each `j` says that the content stands
# inside a JSON string.
_SLOT = re.compile("\ue000([0-9]+)(j*)\ue001")

Turns = list[tuple[str, str]]
"""(role, content) pairs; contents hold slots."""


@dataclass(frozen=True)
class TextSlot:
    """The place of a message's content in a prompt: the message's number, and how often it is quoted as JSON."""

    message: int
    json_depth: int = 0

    def fill(self, text: str) -> str:
        """Return a content as it stands in this place."""
        for _ in range(self.json_depth):
            text = json.dumps(text, ensure_ascii=False)[1:-1]
        return text


@dataclass(frozen=True)
class RenderedChat:
    """A rendered conversation.

    Attributes:
        parts: The template's text and the slots of the contents, in turn; the first and the last are text.
        notes: What was changed in the conversation, in words.
    """

    parts: tuple[str | TextSlot, ...]
    notes: tuple[str, ...] = ()

    @property
    def tail(self) -> str:
        """The text after the last content."""
        return str(self.parts[-1])

    def with_tail(self, tail: str) -> tuple[str | TextSlot, ...]:
        """Return the parts with another text after the last content."""
        return (*self.parts[:-1], tail)


class ChatTemplate:
    """A chat template.

    Args:
        source: The template's text.
        place: What error sentences call the place that it comes from.
        names: Variables that every rendering has, such as `bos_token`.

    Raises:
        InputError: The template is broken.
    """

    def __init__(self, source: str, place: str, names: Mapping[str, str] | None = None) -> None:
        # Sandboxed: a template is code that came with a model.
        env = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", GenerationBlock]
        )
        env.filters["tojson"] = _to_json
        env.globals["raise_exception"] = _raise_exception
        env.globals["strftime_now"] = _strftime_now
        self._place, self._names = place, dict(names or {})
        try:
            self._template = env.from_string(source)
        except TemplateError as error:
            raise InputError(f"the chat template of {place} is broken: {error}.") from error

    def render(self, roles: Sequence[str], **variables: Any) -> RenderedChat:
        """Render a conversation up to the model's turn.

        Args:
            roles: The roles of its messages.
            variables: What the template is told besides, such as `enable_thinking`.

        Raises:
            InputError: The template takes the conversation in no form.
        """
        refusal = ""
        for turns, notes in _adapt(roles):
            for parts in (False, True):
                try:
                    rendered = _SLOT.split(self._render_text(turns, in_parts=parts, **variables))
                except (TemplateError, TypeError, ValueError) as error:
                    refusal = refusal or f"refuses these messages: {to_single_line(error).rstrip('.')}"
                    continue
                slots = [int(number) for number in rendered[1::3]]
                if slots == list(range(len(roles))):
                    return RenderedChat(tuple(_join_parts(rendered)), notes)
                refusal = refusal or _describe_loss(roles, slots)
        raise InputError(f"the chat template of {self._place} {refusal}.")

    def _render_text(self, turns: Turns, *, in_parts: bool, **variables: Any) -> str:
        messages = [
            {"role": role, "content": [{"type": "text", "text": content}] if in_parts else content}
            for role, content in turns
        ]
        # None, as transformers passes them: templates test for it.
        given = {"tools": None, "documents": None, **self._names, **variables}
        return self._template.render(messages=messages, add_generation_prompt=True, **given)


class GenerationBlock(Extension):
    """The block `{% generation %}` of transformers, which marks what the model wrote; it renders its content."""

    tags = {"generation"}  # noqa: RUF012 -- jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the content of the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def load_chat_template(folder: Path, config: dict[str, Any], names: Mapping[str, str]) -> ChatTemplate:
    """Compile the chat template of a model.

    Args:
        folder: The model's folder.
        config: Its tokenizer_config.json.
        names: Variables that every rendering has.

    Raises:
        InputError: There is none, or it is broken.
    """
    return ChatTemplate(_read_source(folder, config), str(folder), names)


def _read_source(folder: Path, config: dict[str, Any]) -> str:
    """Read the template from the first file that has one; it may hold several by name."""
    path = folder / "chat_template.jinja"
    if path.exists():
        try:
            return read_file(path).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read ({to_single_line(error)}): get the file again.") from error
    text = config.get("chat_template")
    if text is None and (folder / "chat_template.json").exists():  # as processors of images and text write it
        text = read_json(folder / "chat_template.json").get("chat_template")
    if isinstance(text, list):
        text = {one["name"]: one["template"] for one in text}.get("default")
    if not isinstance(text, str):
        raise InputError(f"the model in {folder} has no chat template: put one in chat_template.jinja.")
    return text


def _adapt(roles: Sequence[str]) -> Iterator[tuple[Turns, tuple[str, ...]]]:
    """Yield the conversation as it is, then changed, fewest changes first, with notes of the changes."""
    seen: list[Turns] = []
    for count in range(len(_CHANGES) + 1):
        for chosen in combinations(_CHANGES, count):
            turns: Turns = [(role, f"\ue000{number}\ue001") for number, role in enumerate(roles)]
            notes = []
            for change, note in chosen:
                before, turns = turns, change(turns)
                notes += [note] if turns != before else []
            if turns not in seen:
                seen.append(turns)
                yield turns, tuple(notes)


def _rename_developers(turns: Turns) -> Turns:
    return [("system" if role == "developer" else role, content) for role, content in turns]


def _rename_tools(turns: Turns) -> Turns:
    return [("user" if role == "tool" else role, content) for role, content in turns]


def _fold_systems(turns: Turns) -> Turns:
    """Put system messages at the head of the next user turn, or in one of their own if there is none."""
    folded: Turns = []
    waiting: list[str] = []
    for role, content in turns:
        if role in ("system", "developer"):
            waiting.append(content)
        elif role == "user":
            folded.append((role, "\n\n".join([*waiting, content])))
            waiting = []
        else:
            folded += [("user", "\n\n".join(waiting))] if waiting else []
            folded.append((role, content))
            waiting = []
    return [*folded, ("user", "\n\n".join(waiting))] if waiting else folded


def _join_rows(turns: Turns) -> Turns:
    """Join turns of one role in a row."""
    joined: Turns = []
    for role, content in turns:
        if joined and joined[-1][0] == role:
            joined[-1] = (role, f"{joined[-1][1]}\n\n{content}")
        else:
            joined.append((role, content))
    return joined


_CHANGES = (
    (_rename_developers, "the chat template knows no developer messages: they are system messages"),
    (_rename_tools, "the chat template takes no tool results as they are: they are user turns"),
    (_fold_systems, "the chat template takes no system message as it is: it begins the next user turn"),
    (_join_rows, "the chat template takes no turns of one role in a row: they are one turn"),
)
"""Changes of a conversation that lose no text, in the order in which they are made, and how they are noted."""


def _join_parts(rendered: Sequence[str]) -> Iterator[str | TextSlot]:
    """Yield the parts of a text that was split at its slots."""
    for place in range(0, len(rendered) - 1, 3):
        text, number, quoted = rendered[place : place + 3]
        yield text
        yield TextSlot(int(number), len(quoted))
    yield rendered[-1]


def _describe_loss(roles: Sequence[str], slots: Sequence[int]) -> str:
    """Return which message a prompt with these slots does not hold exactly once and in its place."""
    for number, role in enumerate(roles):
        if (count := slots.count(number)) != 1:
            what = "leaves out" if count == 0 else "repeats"
            return f"{what} the text of message {number + 1} of {len(roles)}, which is a {role} message"
    return "changes the order of these messages"


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Serialise without escaping for HTML, as the templates of models expect; slots are marked as quoted."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys)
    return _SLOT.sub("\ue000\\1j\\2\ue001", text)
