"""Thinking that a model writes in tags in its reply: split from the answer, also as the reply comes.

One splitter serves replies of chat models and of token engines, whole and streamed. These are its rules:

* Thinking stands before the answer. An opening tag counts only at the very beginning of a reply, or after a
  block of thinking that was closed; white space may precede it. Anywhere else it is text.
* A closing tag without an opening one counts too, for some templates write the opening tag themselves. It does
  not count if an opening tag stands before it anywhere in the text, or if it is only spoken of (see below). A
  stream has to wait for it: with `opened` None the text is held back until the tag or the end comes. A caller that
  knows passes True (the reply begins inside the thinking) or False (it does not; a closing tag alone is text).
* A closing tag is only spoken of if it stands between quotation marks or backticks, in a block of code, or in the
  middle of a sentence: a space before it with no end of a sentence, and more of the line behind it. Inside
  thinking that was opened, a tag of the last two kinds ends the thinking after all if no better one follows.
* Tags around the answer, such as `<answer>`, are dropped after thinking. `<answer>` is dropped at the beginning of
  a reply too, and if it begins a line and its block ends the reply: then what stands before it is thinking.
* White space around dropped tags is dropped with them, and blocks of thinking are set apart by an empty line.
  Nothing else of the text is lost, and however a reply is cut into pieces, the result is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

TextKind = Literal["thinking", "answer"]
TextPart = tuple[TextKind, str]

THINKING_TAGS: Mapping[str, str] = {
    "<think>": "</think>",  # Qwen3, DeepSeek-R1, GLM-4.5, Kimi K2, MiniMax M2, Nemotron, OLMo 3, Phi-4-reasoning
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",  # EXAONE Deep
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "[THINK]": "[/THINK]",  # Magistral
    "◁think▷": "◁/think▷",  # Kimi-VL
    "<|begin_of_thought|>": "<|end_of_thought|>",  # Sky-T1, OpenThinker
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A Reasoning
    "<|channel>thought": "<channel|>",  # Gemma 4
    "<|open|>think<|sep|>": "<|close|>think<|sep|>",  # Kimi K3
    "to=self<|message|>": "<|eom|>",  # Muse Glimmer
    "<|channel|>analysis<|message|>": "<|end|>",  # gpt-oss (harmony)
    "<|channel|>commentary<|message|>": "<|end|>",
    "<|start|>assistant<|channel|>analysis<|message|>": "<|end|>",
    "<|start|>assistant<|channel|>commentary<|message|>": "<|end|>",
}
"""What opens thinking, and what closes it."""

ANSWER_TAGS: Mapping[str, str] = {
    "<answer>": "</answer>",
    "<response>": "</response>",  # Granite, Ernie
    "<output>": "</output>",
    "<|begin_of_solution|>": "<|end_of_solution|>",
    "<|START_RESPONSE|>": "<|END_RESPONSE|>",
    "<|channel|>final<|message|>": "<|return|>",
    "<|start|>assistant<|channel|>final<|message|>": "<|return|>",
    "[BEGIN FINAL RESPONSE]": "[END FINAL RESPONSE]",  # Apriel
    "<|open|>response<|sep|>": "<|close|>response<|sep|>",  # Kimi K3
    "<|start|>assistant to=user<|message|>": "<|eot|>",  # Muse Glimmer
}
"""What opens an answer after thinking, and what closes it."""

_PLAIN_ANSWER = "<answer>"
_HARMONY_FINAL = "<|start|>assistant<|channel|>final<|message|>"
_APRIEL_FINAL = "[BEGIN FINAL RESPONSE]"
# harmony from a server that drops special tokens: "analysisThe question is ...assistantfinalThe answer is ..."
_BARE_OPENER, _BARE_CLOSER = "analysis", "assistantfinal"

_SPACE = " \t\r\n\f\v"
_QUOTES = "`\"'“”‘’«»"
_SENTENCE_ENDS = "\n.!?:;…。！？)]}*_"
_FENCE = "```"
_FIRST_CHARACTERS = re.compile(r"[<\[◁]")
_XML_TAG = re.compile("<[a-z]")
_HELD = re.compile(r"[\s`]*\Z")
_LAST_ANSWER = re.compile(
    r"(?:\A|\n)[ \t]*<answer>((?:(?!</?answer>).)*)</answer>\s*\Z", re.DOTALL | re.IGNORECASE
)


class _Tags:
    """A set of tags, which are read in any case."""

    def __init__(self, tags: Iterable[str]) -> None:
        self._tags = {tag.lower(): tag for tag in tags}
        longest_first = sorted(self._tags.values(), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE | re.ASCII)
        self.longest = len(longest_first[0])

    def match(self, text: str, at: int) -> str | None:
        """Return the tag at a place of a text, if one stands there."""
        match = self._pattern.match(text, at)
        return self._tags[match[0].lower()] if match else None

    def search(self, text: str, start: int) -> tuple[int, str] | None:
        """Return the place of the first tag from `start` on, and the tag."""
        match = self._pattern.search(text, start)
        return (match.start(), self._tags[match[0].lower()]) if match else None

    def is_begun(self, text: str, at: int) -> bool:
        """Whether a text from a place on is the beginning of a tag, but not all of it."""
        rest = text[at : at + self.longest].lower()
        return any(len(rest) < len(tag) and tag.startswith(rest) for tag in self._tags)

    def find_begun(self, text: str) -> int:
        """Return the place of the first beginning of a tag at the end of a text; its length if there is none."""
        for match in _FIRST_CHARACTERS.finditer(text, max(0, len(text) - self.longest)):
            if self.is_begun(text, match.start()):
                return match.start()
        return len(text)


_TURN_END = "<|end|>"  # closes whatever harmony opens, and turns of other models
_ANSWER_OPENERS = {  # these end thinking too, whatever opened it
    _APRIEL_FINAL: _APRIEL_FINAL,
    _HARMONY_FINAL: _HARMONY_FINAL,
    _TURN_END + _HARMONY_FINAL: _HARMONY_FINAL,
}
_LONE_CLOSERS = {*THINKING_TAGS.values(), *_ANSWER_OPENERS} - {_TURN_END}
_OPENERS = _Tags([*THINKING_TAGS, *ANSWER_TAGS])
_CLOSERS = _Tags([*_LONE_CLOSERS, _TURN_END])
_HEAD_MARKS = _Tags([*THINKING_TAGS, *_LONE_CLOSERS, _BARE_CLOSER])
_CLOSERS_OF_THINKING = {tag: _Tags([close, *_ANSWER_OPENERS]) for tag, close in THINKING_TAGS.items()}
_CLOSERS_OF_ANSWER = {tag: _Tags([close]) for tag, close in ANSWER_TAGS.items()}


class ThinkingSplitter:
    """Splits one reply, piece by piece. The module's docstring has the rules.

    Args:
        opened: Whether the reply begins inside the thinking; None if that is not known.
    """

    def __init__(self, opened: bool | None = None) -> None:
        self.closed_alone = False
        """Whether a closing tag without an opening one has ended the thinking."""
        self.answer_start: int | None = None
        """How many characters of the reply stand before its answer; None while there is no answer."""
        self._opened = opened
        self._step = self._read_start
        self._buffer = ""  # the text that is not emitted yet
        self._before = 0  # how many characters of the reply stand before the buffer
        self._scanned = 0  # how much of the buffer was searched for a tag
        self._final = False
        self._parts: list[TextPart] = []
        self._tagged = self._has_opener = False  # whether a tag, and an opening tag, was dropped
        self._closers: _Tags | None = None  # what ends the thinking, or the answer
        self._doubtful: tuple[int, str] | None = None  # a closing tag in the buffer, and its place
        self._last = ""  # the last character of the thinking that was emitted
        self._in_code = False  # whether the thinking that was emitted ends in a block of code
        self._blocks = 0  # how many blocks of thinking have text
        self._begun = False  # whether this block has text
        self._trims = False  # whether the answer stands in tags

    def feed(self, text: str) -> list[TextPart]:
        """Take the next piece; return what is certain by now."""
        self._buffer += text
        return self._run()

    def finish(self) -> list[TextPart]:
        """Return the rest: nothing more comes."""
        self._final = True
        return self._run()

    def _run(self) -> list[TextPart]:
        while self._step():
            pass
        parts, self._parts = self._parts, []
        return parts

    # Each step reads the buffer, and returns whether the next step can go on without more text.

    def _read_start(self) -> bool:
        """Read the beginning of the reply, or what follows a block of thinking."""
        at = len(self._buffer) - len(self._buffer.lstrip(_SPACE))
        opener = _OPENERS.match(self._buffer, at)
        if opener and opener in THINKING_TAGS:
            self._has_opener = True
            return self._open_thinking(at + len(opener), _CLOSERS_OF_THINKING[opener])
        if opener and (self._tagged or opener == _PLAIN_ANSWER or not _XML_TAG.match(opener)):
            return self._open_answer(at + len(opener), _CLOSERS_OF_ANSWER[opener])
        if closer := _CLOSERS.match(self._buffer, at):
            return self._close_thinking(at, closer)
        if not self._final and (_OPENERS.is_begun(self._buffer, at) or _CLOSERS.is_begun(self._buffer, at)):
            return False
        if self._tagged:
            return self._open_answer(at)
        if self._opened:
            return self._open_thinking(at, _CLOSERS)
        if self._opened is None:
            self._step = self._read_head
            return True
        return self._open_answer()

    def _open_thinking(self, at: int, closers: _Tags) -> bool:
        self._drop(at)
        self._closers, self._step = closers, self._read_thinking
        self._tagged, self._begun, self._last, self._in_code = True, False, "", False
        return True

    def _open_answer(self, at: int = 0, closers: _Tags | None = None) -> bool:
        self._drop(at)
        self._closers, self._trims, self._step = closers, closers is not None, self._read_answer
        return True

    def _read_thinking(self) -> bool:
        """Emit thinking up to the tag that closes it."""
        assert self._closers is not None
        found = self._closers.search(self._buffer, self._scanned)
        if found is None:
            return self._read_open_thinking(self._closers)
        place, tag = found
        if self._needs_more(place, tag):
            return False
        judged = self._judge_closer(place, tag)
        if judged == "closes":
            return self._close_thinking(place, tag)
        self._scanned = place + len(tag)
        if judged == "doubtful" and self._doubtful is None:
            self._doubtful = (place - self._emit_certain_thinking(place), tag)
        return True

    def _read_open_thinking(self, closers: _Tags) -> bool:
        """Emit thinking in which no closing tag was found."""
        if self._final and self._doubtful is not None:
            return self._close_thinking(*self._doubtful)
        if self._final:
            self._emit_thinking(self._buffer.rstrip(_SPACE))
            self._drop(len(self._buffer))
            return False
        self._scanned = max(self._scanned, len(self._buffer) - closers.longest + 1)
        if self._doubtful is None:
            self._emit_certain_thinking(closers.find_begun(self._buffer))
        return False

    def _read_head(self) -> bool:
        """Read text that may be thinking or the answer: a closing tag tells, or the end."""
        found = _HEAD_MARKS.search(self._buffer, self._scanned)
        if found is None:
            self._scanned = max(self._scanned, len(self._buffer) - _HEAD_MARKS.longest + 1)
            return self._final and self._end_head()
        place, tag = found
        if tag in THINKING_TAGS:
            return self._open_answer()
        if self._needs_more(place, tag):
            return False
        if tag == _BARE_CLOSER:
            closes = self._buffer.lstrip(_SPACE).startswith(_BARE_OPENER)
        else:
            closes = self._judge_closer(place, tag, alone=True) == "closes"
        if closes:
            return self._close_thinking(place, tag)
        self._scanned = place + len(tag)
        return True

    def _end_head(self) -> bool:
        """Read a reply without any closing tag: an answer, unless its last lines are an answer in tags."""
        match = _LAST_ANSWER.search(self._buffer)
        if match is None or self._buffer.count(_FENCE, 0, match.start()) % 2:
            return self._open_answer()
        self._emit_thinking(self._buffer[: match.start()].rstrip(_SPACE))
        return self._open_answer(match.start(1), _CLOSERS_OF_ANSWER[_PLAIN_ANSWER])

    def _read_answer(self) -> bool:
        """Emit the answer. Of one in tags the closing tag is dropped, and white space at both ends."""
        if self._trims and self.answer_start is None:
            self._drop(len(self._buffer) - len(self._buffer.lstrip(_SPACE)))
        if self._closers is not None and (found := self._closers.search(self._buffer, 0)):
            place, tag = found
            self._buffer, self._closers = self._buffer[:place] + self._buffer[place + len(tag) :], None
            self._before += 0 if place else len(tag)
            return True
        end = len(self._buffer) if self._final or self._closers is None else self._closers.find_begun(self._buffer)
        end = len(self._buffer[:end].rstrip(_SPACE)) if self._trims else end
        if end:
            self.answer_start = self._before if self.answer_start is None else self.answer_start
            self._parts.append(("answer", self._buffer[:end]))
        self._drop(len(self._buffer) if self._final else end)
        return False

    def _close_thinking(self, place: int, tag: str) -> bool:
        """End the thinking at a closing tag in the buffer."""
        text = self._buffer[:place].rstrip(_SPACE)
        if tag == _BARE_CLOSER:
            text = text.lstrip(_SPACE).removeprefix(_BARE_OPENER)
        self._emit_thinking(text)
        self._drop(place + len(tag))
        self.closed_alone |= not self._has_opener
        self._tagged, self._doubtful, self._step = True, None, self._read_start
        answer = _ANSWER_OPENERS.get(tag)
        return self._open_answer(closers=_CLOSERS_OF_ANSWER[answer]) if answer else True

    def _needs_more(self, place: int, tag: str) -> bool:
        """Whether a closing tag cannot be judged before the next character is there."""
        return not self._final and place + len(tag) == len(self._buffer)

    def _judge_closer(
        self, place: int, tag: str, *, alone: bool = False
    ) -> Literal["closes", "doubtful", "spoken of"]:
        """Judge whether a closing tag in the buffer closes the thinking, or is only spoken of.

        Args:
            place: Its place in the buffer.
            tag: The tag.
            alone: Whether no tag opened the thinking. Then one that ends the reply in a sentence does not count.
        """
        if tag == _TURN_END or tag.endswith(_HARMONY_FINAL):
            return "closes"  # a longer tag may begin with it, so what follows must not matter
        before, after = self._last + self._buffer[:place], self._buffer[place + len(tag) :][:1]
        line = before.rstrip(" \t")
        is_apart, last = len(line) < len(before), line[-1:]
        if not is_apart and last and after and last in _QUOTES and after in _QUOTES:
            return "spoken of"
        goes_on = after in " \t,.;:!?)" if after else alone
        in_sentence = is_apart and last and last not in _SENTENCE_ENDS and goes_on
        in_code = self._in_code != bool(self._buffer.count(_FENCE, 0, place) % 2)
        return "doubtful" if in_code or in_sentence else "closes"

    def _emit_certain_thinking(self, end: int) -> int:
        """Emit the buffer up to `end`, less white space and backticks there; return how much was emitted."""
        match = _HELD.search(self._buffer[:end])
        certain = match.start() if match else end
        self._emit_thinking(self._buffer[:certain])
        self._drop(certain)
        return certain

    def _emit_thinking(self, text: str) -> None:
        text = text if self._begun else text.lstrip(_SPACE)
        if not text:
            return
        self._last, self._in_code = text[-1], self._in_code != bool(text.count(_FENCE) % 2)
        if not self._begun:
            self._begun, self._blocks = True, self._blocks + 1
            text = text if self._blocks == 1 else f"\n\n{text}"
        self._parts.append(("thinking", text))

    def _drop(self, count: int) -> None:
        """Remove the beginning of the buffer."""
        self._buffer, self._before = self._buffer[count:], self._before + count
        self._scanned = max(0, self._scanned - count)


def split_thinking(text: str, opened: bool | None = None) -> tuple[str, str]:
    """Split a whole reply into its thinking and its answer.

    Args:
        text: The reply.
        opened: Whether it begins inside the thinking; None if that is not known.
    """
    splitter = ThinkingSplitter(opened)
    return join_parts([*splitter.feed(text), *splitter.finish()])


def join_parts(parts: Iterable[TextPart]) -> tuple[str, str]:
    """Return the thinking and the answer that parts add up to."""
    texts: dict[TextKind, list[str]] = {"thinking": [], "answer": []}
    for kind, text in parts:
        texts[kind].append(text)
    return "".join(texts["thinking"]), "".join(texts["answer"])


def find_open_tag(text: str) -> str | None:
    """Return the opening tag of thinking at the end of a text, where some templates leave it; None if none."""
    end = text.rstrip(_SPACE)
    return next((tag for tag in THINKING_TAGS if end.endswith(tag)), None)
