"""Thinking in tags, split from the answer: the rules, and that pieces make no difference."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive._util.thinking_tags import (
    ANSWER_TAGS,
    THINKING_TAGS,
    TextPart,
    ThinkingSplitter,
    find_open_tag,
    join_parts,
    split_thinking,
)

FINAL = "<|start|>assistant<|channel|>final<|message|>"
OPENED = (None, True, False)


RULES = [
    # Opened and closed.
    ("<think>\n47+26\n</think>\n\n73", "47+26", "73"),
    (" \n<think>47+26</think>73", "47+26", "73"),
    ("<thinking>It is \\boxed{5}?</thinking>\\boxed{73}", "It is \\boxed{5}?", "\\boxed{73}"),
    ("<Think>47+26</THINK>73", "47+26", "73"),
    ("[THINK]47+26[/THINK]73", "47+26", "73"),
    ("<reasoning>\n47+26\n</reasoning>\n<answer>\n73\n</answer>", "47+26", "73"),
    ("<think>47+26</think><answer>73", "47+26", "73"),
    ("<think>47+26</think><response>73</response> ", "47+26", "73"),
    ("<think>47+26</think>\n73 </answer>", "47+26", "73 </answer>"),
    ("<think></think>\n\n73", "", "73"),
    ("<think>\n\n</think>\n\n73", "", "73"),
    ("◁think▷47+26◁/think▷73", "47+26", "73"),
    ("<|START_THINKING|>47+26<|END_THINKING|><|START_RESPONSE|>73<|END_RESPONSE|>", "47+26", "73"),
    # Cut off.
    ("<think>47+", "47+", ""),
    ("<think>47+26</thi", "47+26</thi", ""),
    ("<think>", "", ""),
    ("<thi", "", "<thi"),
    # A second block, and an end that comes twice.
    ("<think>a</think>\n<think>b</think>\n\n73", "a\n\nb", "73"),
    ("<think>a</think><think></think><thinking>b</thinking>73", "a\n\nb", "73"),
    ("<think>a</think>\n</think>\n\n73", "a", "73"),
    ("<think>a</think>73 <think>b</think> 74", "a", "73 <think>b</think> 74"),
    ("<think>a</think> b </think> c", "a", "b </think> c"),
    ("<think>a<think>b</think>c", "a<think>b", "c"),
    # Only closed: the template opened it.
    ("47+26\n</think>\n\n73", "47+26", "73"),
    ("47+26.</think>73", "47+26.", "73"),
    ("It is 73 </think>\n73", "It is 73", "73"),
    ("47+26[/THINK]73", "47+26", "73"),
    ("47+26\n[BEGIN FINAL RESPONSE]\n73\n[END FINAL RESPONSE]\n", "47+26", "73"),
    ("</think>\n\n73", "", "73"),
    ("47+26\n</think>", "47+26", ""),
    ("```\nx = 47\n```\nSo 73.\n</think>\n\n73", "```\nx = 47\n```\nSo 73.", "73"),
    # harmony, with its special tokens, and from a server that drops them.
    (f"<|channel|>analysis<|message|>47+26<|end|>{FINAL}73<|return|>", "47+26", "73"),
    (f"<|channel|>analysis<|message|>47+26{FINAL}73", "47+26", "73"),
    ("<|channel|>final<|message|>73<|return|>", "", "73"),
    (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|>"
        f"{FINAL}73",
        "a\n\nb",
        "73",
    ),
    (f"47+26<|end|>{FINAL}73", "47+26", "73"),
    ("analysisWe need 47+26.assistantfinal73", "We need 47+26.", "73"),
    ("The analysis assistantfinal is a word.", "", "The analysis assistantfinal is a word."),
    # An answer in tags.
    ("<answer>73</answer>", "", "73"),
    ("47 and 26 are 73.\n<answer>73</answer>\n", "47 and 26 are 73.", "73"),
    ("Write <answer>73</answer>", "", "Write <answer>73</answer>"),
    ("```\n<answer>73</answer>", "", "```\n<answer>73</answer>"),
    ("<answer>1</answer>\n<answer>2</answer>", "", "1\n<answer>2</answer>"),
    ("<response><ok/></response>", "", "<response><ok/></response>"),
    # Tags that an ordinary answer speaks of.
    ("The tag <think>x</think> marks it.", "", "The tag <think>x</think> marks it."),
    ("Use `</think>` to close it.", "", "Use `</think>` to close it."),
    ('It ends with "</think>".', "", 'It ends with "</think>".'),
    ("The tag </think> ends it.", "", "The tag </think> ends it."),
    ("To end it, write </think>", "", "To end it, write </think>"),
    ("```html\n</think>\n```\n", "", "```html\n</think>\n```\n"),
    ("`<think>` opens, </think> closes.\n</think>\n", "", "`<think>` opens, </think> closes.\n</think>\n"),
    ("73", "", "73"),
    (" 73 \n", "", " 73 \n"),
    ("", "", ""),
    ("\n", "", "\n"),
    # Tags that the thinking speaks of: the user's question may hold them.
    ("<think>They ask of `</think>`, so yes.</think>73", "They ask of `</think>`, so yes.", "73"),
    ("<think>The tag </think> ends it, I think.\n</think>\n73", "The tag </think> ends it, I think.", "73"),
    ("<think>\n```\n</think>\n```\nok</think>73", "```\n</think>\n```\nok", "73"),
    ("<think>\n```html\n</think>\n```\nok</think>73", "```html\n</think>\n```\nok", "73"),
    ("<think>so it is </think> 73", "so it is", "73"),
    ("<think>so it is </think> 73, not </think> that", "so it is", "73, not </think> that"),
    ("<think>is it `</think>`?", "is it `</think>`?", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "thinking", "answer"), RULES)
def test_the_rules(text: str, thinking: str, answer: str) -> None:
    assert split_thinking(text) == (thinking, answer)


@pytest.mark.parametrize("opened", OPENED)
def test_the_rules_hold_in_pieces_of_any_size(opened: bool | None) -> None:
    for text, *_ in RULES:
        for size in (1, 2, 3, 7):
            splitter = ThinkingSplitter(opened)
            parts = [part for i in range(0, len(text), size) for part in splitter.feed(text[i : i + size])]
            assert join_parts([*parts, *splitter.finish()]) == split_thinking(text, opened), (text, size)


@pytest.mark.parametrize(
    ("text", "opened", "thinking", "answer"),
    [
        ("47+26", True, "47+26", ""),
        ("47+26\n</think>\n\n73", True, "47+26", "73"),
        ("<think>47+26</think>73", True, "47+26", "73"),
        ("<answer>73</answer>", True, "", "73"),
        ("47+26", False, "", "47+26"),
        ("47+26\n</think>\n\n73", False, "", "47+26\n</think>\n\n73"),
        ("<think>47+26</think>73", False, "47+26", "73"),
        ("</think>73", False, "", "73"),
        ("73.\n<answer>73</answer>", False, "", "73.\n<answer>73</answer>"),
    ],
)
def test_a_caller_that_knows_how_the_reply_begins(text: str, opened: bool, thinking: str, answer: str) -> None:
    assert split_thinking(text, opened) == (thinking, answer)


@pytest.mark.parametrize("opener", THINKING_TAGS)
def test_every_tag_opens_and_closes(opener: str) -> None:
    closer = THINKING_TAGS[opener]
    assert split_thinking(f"{opener}\na {opener}b\n{closer}\n73") == (f"a {opener}b", "73")
    for answer_opener, answer_closer in ANSWER_TAGS.items():
        assert split_thinking(f"{opener}a{closer}{answer_opener}73{answer_closer}") == ("a", "73")
    if closer != "<|end|>":
        assert split_thinking(f"a\n{closer}\n73") == ("a", "73")
    assert (find_open_tag(f"user {opener}\n") or "?") in opener
    assert find_open_tag(f"{opener} user") is None


PIECES = st.sampled_from(
    [
        *THINKING_TAGS, *THINKING_TAGS.values(), *ANSWER_TAGS, *ANSWER_TAGS.values(), "<think>", "</think>",
        "</think>", "analysis", "assistantfinal", "```", "`", '"', " ", "\n", "\n\n", ". ", "a", "so it is", "<",
        "</", "[", "73",
    ]
)  # fmt: skip
REPLIES = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)


@given(REPLIES, st.sampled_from(OPENED), st.data())
def test_however_a_reply_is_cut_the_result_is_the_same(
    text: str, opened: bool | None, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)) | {0, len(text)})
    whole, pieces = ThinkingSplitter(opened), ThinkingSplitter(opened)
    parts = [*whole.feed(text), *whole.finish()]
    cut = [part for start, end in pairwise(cuts) for part in pieces.feed(text[start:end])] + pieces.finish()
    assert join_parts(cut) == join_parts(parts)
    assert (pieces.closed_alone, pieces.answer_start) == (whole.closed_alone, whole.answer_start)
    assert all(part[1] for part in cut)


@given(REPLIES, st.sampled_from(OPENED))
def test_character_by_character_too(text: str, opened: bool | None) -> None:
    splitter = ThinkingSplitter(opened)
    parts = [part for character in text for part in splitter.feed(character)] + splitter.finish()
    assert join_parts(parts) == split_thinking(text, opened)
    kinds = [kind for kind, _ in parts]
    assert kinds == sorted(kinds, reverse=True), "thinking stands before the answer"


TAGS = {*THINKING_TAGS, *THINKING_TAGS.values(), *ANSWER_TAGS, *ANSWER_TAGS.values(), "analysis", "assistantfinal"}
TAG = re.compile(
    "|".join(re.escape(tag.replace(" ", "")) for tag in sorted(TAGS, key=len, reverse=True)), re.IGNORECASE
)


def bare(text: str) -> str:
    """The text without anything that a splitter may drop."""
    return TAG.sub("", re.sub(r"\s", "", text))


@given(REPLIES, st.sampled_from(OPENED))
def test_nothing_is_lost_but_tags_and_the_space_around_them(text: str, opened: bool | None) -> None:
    thinking, answer = split_thinking(text, opened)
    assert bare(thinking + answer) == bare(text)
    if bare(text) == re.sub(r"\s", "", text) and not opened:
        assert (thinking, answer) == ("", text)


@given(REPLIES)
def test_an_answer_begins_where_it_is_said_to(text: str) -> None:
    splitter = ThinkingSplitter()
    _, answer = join_parts([*splitter.feed(text), *splitter.finish()])
    start = splitter.answer_start
    assert (start is None) == (answer == "")
    assert start is None or text[start:].startswith(answer[0])


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("73", 0),
        (" 73", 0),
        ("<think>a</think>\n73", 17),
        ("<answer></answer> 73", 18),
        ("<think>a", None),
        ("", None),
    ],
)
def test_where_an_answer_begins(text: str, start: int | None) -> None:
    splitter = ThinkingSplitter()
    splitter.feed(text)
    splitter.finish()
    assert splitter.answer_start == start


def test_what_is_certain_is_not_held_back() -> None:
    splitter = ThinkingSplitter()
    assert splitter.feed("<think>47") == [("thinking", "47")]
    assert splitter.feed("+26 <") == [("thinking", "+26")]
    assert splitter.feed("b </think") == [("thinking", " <b")]
    assert splitter.feed(">\n\n7") == [("answer", "7")]
    assert splitter.feed("3") == [("answer", "3")]
    assert ThinkingSplitter(opened=False).feed("7") == [("answer", "7")]
    assert ThinkingSplitter(opened=True).feed("7") == [("thinking", "7")]
    assert ThinkingSplitter().feed("7") == [], "it may be thinking whose end comes"


def test_a_long_reply_takes_time_in_proportion() -> None:
    """Half a million pieces are a second's work, not an hour's."""
    splitter = ThinkingSplitter(opened=True)
    parts: list[TextPart] = []
    for _ in range(50_000):
        parts += splitter.feed("word, `x` ")
    parts += splitter.feed("</think>73") + splitter.finish()
    thinking, answer = join_parts(parts)
    assert (len(thinking), answer) == (50_000 * 10 - 1, "73")
