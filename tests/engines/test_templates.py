"""Chat templates in the formats of many models: each conversation comes out right, and no text is lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from adaptive._util.thinking_tags import split_thinking
from adaptive.engines import chat_template
from adaptive.engines.chat_template import ChatTemplate, TextSlot
from adaptive.engines.markers import STYLES
from adaptive.engines.tokenizer import ROLES
from adaptive.errors import InputError
from tests.engines.template_table import TemplateFacts, make_byte_codec, make_codec, read_marked, read_table

TABLE = read_table()
CONVERSATIONS = {
    "question": [("user", "1+1?")],
    "system": [("system", "Be brief."), ("user", "1+1?"), ("assistant", "2"), ("user", "2+2?")],
    "tool": [("user", "47+26?"), ("assistant", "I add."), ("tool", "73")],
}
SWITCHES: dict[str, Any] = {"enable_thinking": True, "thinking": True, "reasoning_effort": "low"}
each_template = pytest.mark.parametrize("facts", TABLE, ids=lambda facts: facts.name)


@pytest.fixture(autouse=True)
def _one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    class OneDay(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> OneDay:
            return cls(2026, 1, 2)

    monkeypatch.setattr(chat_template, "datetime", OneDay)


def test_the_table_is_whole() -> None:
    assert len(TABLE) >= 25
    assert len({facts.name for facts in TABLE}) == len(TABLE)
    assert all(facts.model and facts.licence and facts.prompts for facts in TABLE)


@each_template
def test_conversations_come_out_right(facts: TemplateFacts) -> None:
    codec = make_codec(facts.name)
    for name, conversation in CONVERSATIONS.items():
        prompt = codec.render(conversation, "medium")
        assert read_marked(codec, prompt.open) == facts.prompts[name]
        if closed := facts.prompts.get(f"{name}, no thinking"):
            assert read_marked(codec, prompt.closed) == closed


@each_template
def test_thinking_is_opened_and_closed_once(facts: TemplateFacts) -> None:
    codec = make_codec(facts.name)
    on = codec._template.render(("user",), **SWITCHES).tail
    off = codec._template.render(("user",), enable_thinking=False, thinking=False, thinking_budget=0).tail
    assert (codec.markers.name, codec.efforts) == (facts.markers, facts.efforts)
    if facts.markers != "prompted":
        assert (codec._open_thinking(on) == on, codec._close_thinking(off) == off) == (facts.opens, facts.closes)


@each_template
def test_what_a_template_cannot_take_is_noted(facts: TemplateFacts) -> None:
    codec = make_codec(facts.name)
    for kind, taken in (("system", facts.system), ("tool", facts.tool)):
        notes = codec.render(CONVERSATIONS[kind], "low").notes
        assert bool(notes) == (taken != "own"), (kind, notes)


@pytest.mark.crossed
@given(st.sampled_from(TABLE), st.lists(st.sampled_from(ROLES), min_size=1, max_size=6), st.data())
def test_each_text_is_in_the_prompt_once_and_in_order(
    facts: TemplateFacts, roles: list[str], data: st.DataObject
) -> None:
    codec = make_codec(facts.name)
    hostile = st.sampled_from([*facts.tokens, facts.eos, "</think>", "\ue0000\ue001", "{{ x }}", ""])
    texts = [f"§{n}{data.draw(hostile)}§" for n in range(len(roles))]
    try:
        prompt = codec.render(list(zip(roles, texts, strict=True)), "low")
    except InputError as refused:
        sentence = str(refused)
    else:
        sentence = ""
    if sentence:
        assert sentence.startswith("the chat template of ")
        assert sentence.endswith(".")
        assert not sentence.endswith("..")
        assert "\n" not in sentence
        return
    plain = codec.render([(role, "x") for role in roles], "low")
    for ids, others in ((prompt.open, plain.open), (prompt.closed, plain.closed)):
        text = read_marked(codec, ids)
        assert [text.count(one) for one in texts] == [1] * len(texts)
        assert sorted(texts, key=text.index) == texts
        assert specials(ids, codec.special_ids) == specials(others, codec.special_ids)


def specials(ids: tuple[int, ...], special: frozenset[int]) -> Counter[int]:
    return Counter(i for i in ids if i in special)


STRICT = """{%- for m in messages %}
{%- if m.role not in ('user', 'assistant') %}{{ raise_exception('No role ' + m.role + '.') }}{%- endif %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Turns must alternate.') }}{%- endif %}
{{- '<' + m.role[0] + '>' + m.content }}{%- endfor %}{{- '<a>' }}"""


@pytest.mark.parametrize(
    ("roles", "text", "notes"),
    [
        (["user"], "<u>0<a>", 0),
        (["system", "user"], "<u>0\n\n1<a>", 1),
        (["developer", "user"], "<u>0\n\n1<a>", 1),
        (["user", "user", "user"], "<u>0\n\n1\n\n2<a>", 1),
        (["user", "assistant", "tool"], "<u>0<a>1<u>2<a>", 1),
        (["user", "assistant", "tool", "tool"], "<u>0<a>1<u>2\n\n3<a>", 2),
        (["user", "assistant", "system", "user"], "<u>0<a>1<u>2\n\n3<a>", 1),
        (["user", "assistant", "system"], "<u>0<a>1<u>2<a>", 1),
        (["system", "user", "tool"], "<u>0\n\n1\n\n2<a>", 3),
        (["assistant", "user"], None, 0),
        (["user", "assistant"], "<u>0<a>1<a>", 0),
    ],
)
def test_a_strict_template_gets_another_form_of_the_conversation(
    roles: list[str], text: str | None, notes: int
) -> None:
    template = ChatTemplate(STRICT, "here")
    if text is None:
        with pytest.raises(InputError, match=r"of here refuses these messages: Turns must alternate\.$"):
            template.render(roles)
        return
    rendered = template.render(roles)
    assert "".join(str(p.message) if isinstance(p, TextSlot) else p for p in rendered.parts) == text
    assert len(rendered.notes) == notes


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("{{ messages[-1].content }}", "leaves out the text of message 1 of 2, which is a user message"),
        (
            "{% for m in messages %}{{ m.content + m.content }}{% endfor %}",
            "repeats the text of message 1 of 2, .*",
        ),
        ("{% for m in messages[::-1] %}{{ m.content }}{% endfor %}", "changes the order of these messages"),
        ("{{ raise_exception('No,\n no...') }}", "refuses these messages: No, no"),
    ],
)
def test_a_text_that_would_be_lost_is_one_sentence(source: str, part: str) -> None:
    with pytest.raises(InputError, match=rf"^the chat template of here {part}\.$"):
        ChatTemplate(source, "here").render(("user", "assistant"))


def test_a_block_that_marks_what_the_model_wrote_is_its_content() -> None:
    source = "{% for m in messages %}{%- generation -%} [{{ m.content }}] {%- endgeneration -%}{% endfor %}"
    assert ChatTemplate(source, "here").render(("user",)).parts == ("[", TextSlot(0), "]")


def test_a_content_in_json_is_quoted_and_stays_text() -> None:
    source = "{% for m in messages %}{{ m | tojson(separators=(',', ':')) }}{% endfor %}<end>"
    codec = make_byte_codec(source, ("<end>",), eos="<end>")
    assert read_marked(codec, codec.render([("user", 'a"\n<end>')], "low").open).startswith(
        r'{"role":"user","content":"a\"\n<end>"}<end>'
    )
    assert codec.render([("user", "<end>")], "low").open.count(codec.markers.turn_end[0]) == 1
    twice = "{{ {'x': messages | tojson} | tojson }}"
    assert ChatTemplate(twice, "here").render(("user",)).parts[1] == TextSlot(0, 2)
    assert TextSlot(0, 2).fill('"') == r"\\\""


def test_tags_that_are_plain_text_to_the_tokenizer_are_taken_from_the_template() -> None:
    source = "{{ messages[0].content }}{{ '<reasoning>\n' }}"
    codec = make_byte_codec(source, (), eos="<eos>")
    prompt = codec.render([("user", "1+1?")], "low")
    assert read_marked(codec, prompt.open) == "1+1?<reasoning>\n"
    assert read_marked(codec, prompt.closed) == "1+1?<reasoning>\n\n</reasoning>\n\n"
    assert (codec.markers.name, codec.markers.think_end) == ("<reasoning>", None)


def test_an_effort_that_a_template_refuses_becomes_the_nearest() -> None:
    codec = make_codec("qwen3-effort")
    assert codec.efforts == ("low", "medium", "xhigh")
    question = [("user", "1+1?")]
    assert codec.render(question, "high") == codec.render(question, "medium")
    assert codec.render(question, "minimal") == codec.render(question, "low")


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_reply_in_the_text_of_a_model_s_own_markers_is_split(style: Any) -> None:
    """A server without a parser returns the markers as text."""
    start = style.start if style.opener or style.start.startswith((" ", "<")) else ""
    reply = f"{start}It is \\boxed{{5}}?{style.end}{style.hand_over}73"
    assert split_thinking(reply) == ("It is \\boxed{5}?", "73")


@pytest.mark.slow
@pytest.mark.parametrize("facts", [facts for facts in TABLE if facts.trl], ids=lambda facts: facts.name)
def test_the_formats_are_those_of_the_models(facts: TemplateFacts) -> None:
    package = find_spec("trl")
    if package is None:
        pytest.skip("trl, which has the models' own templates, is not installed")
    folder = Path(next(iter(package.submodule_search_locations or ())))
    source = (folder / "chat_templates" / str(facts.trl)).read_text(encoding="utf-8")
    own = make_byte_codec(source, facts.tokens, bos=facts.bos, eos=facts.eos)
    codec = make_codec(facts.name)
    assert own.efforts == codec.efforts
    for conversation in CONVERSATIONS.values():
        one, other = codec.render(conversation, "medium"), own.render(conversation, "medium")
        assert read_marked(codec, one.open) == read_marked(own, other.open)
        assert read_marked(codec, one.closed) == read_marked(own, other.closed)
        assert one.notes == other.notes


@pytest.mark.slow
@each_template
def test_transformers_renders_the_same(facts: TemplateFacts) -> None:
    utils = pytest.importorskip("transformers.utils.chat_template_utils", reason="transformers is not installed")
    names = {"bos_token": facts.bos, "eos_token": facts.eos}
    template = ChatTemplate(facts.source, facts.name, names)
    for conversation in (CONVERSATIONS["question"], CONVERSATIONS["system"]):
        rendered = template.render([role for role, _ in conversation], **SWITCHES)
        if rendered.notes:
            continue
        ours = "".join(
            p.fill(conversation[p.message][1]) if isinstance(p, TextSlot) else p for p in rendered.parts
        )
        theirs = []
        for in_parts in (False, True):
            messages = [
                {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text}
                for role, text in conversation
            ]
            try:
                theirs += utils.render_jinja_template(
                    [messages], chat_template=facts.source, add_generation_prompt=True, **names, **SWITCHES
                )[0]
            except (TemplateError, TypeError) as error:
                theirs.append(str(error))
        assert redate(ours) in map(redate, theirs)


def redate(text: str) -> str:
    """Replace the day of the test, which transformers asks for itself."""
    today = datetime.now()
    for form in ("%Y-%m-%d", "%d %B %Y"):
        text = text.replace(today.strftime(form), datetime(2026, 1, 2).strftime(form))
    return text
