from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from adaptive._util.files import find_artifact
from adaptive.engines.tokenizer import FolderCodec
from adaptive.errors import InputError
from adaptive.types.ladder import EFFORTS, Effort

CODEC = FolderCodec(find_artifact("abacus") / "onnx")
MARKERS = [
    "<think>",
    "</think>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "\n",
    "\ue0000\ue001",
    "\ue000",
]
HOSTILE = st.lists(st.sampled_from(MARKERS) | st.text(max_size=8)).map("".join)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def with_template(folder: Path, text: str) -> FolderCodec:
    (folder / "chat_template.jinja").write_text(text)
    return FolderCodec(folder)


def specials(ids: tuple[int, ...]) -> Counter[int]:
    return Counter(i for i in ids if i in CODEC.special_ids)


@given(st.text())
def test_text_comes_back_and_holds_no_special_id(text: str) -> None:
    ids = CODEC.encode(text)
    assert CODEC.decode(ids) == text
    assert not specials(ids)


@given(HOSTILE)
def test_markers_in_text_are_text(text: str) -> None:
    ids = CODEC.encode(text)
    assert CODEC.decode(ids) == text
    assert not specials(ids)


@given(HOSTILE, HOSTILE, st.sampled_from(EFFORTS))
def test_contents_open_and_close_nothing(system: str, question: str, effort: Effort) -> None:
    prompt = CODEC.render([("system", system), ("user", question)], effort)
    plain = CODEC.render([("system", "x"), ("user", "x")], effort)
    for got, wanted in ((prompt.open, plain.open), (prompt.closed, plain.closed)):
        assert specials(got) == specials(wanted)
        assert CODEC.decode(got).count(question) >= 1


def test_a_prompt_is_what_the_template_says(model_folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    prompt = CODEC.render([("user", "What is 2+2?")], "medium")
    head = (
        "<|im_start|>system\neffort: medium<|im_end|>\n<|im_start|>user\nWhat is 2+2?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n"
    )
    assert prompt.open == tuple(tokenizer.encode(head).ids)
    assert prompt.closed == tuple(tokenizer.encode(f"{head}\n</think>\n\n").ids)


def test_the_effort_is_told_and_none_thinks_like_medium() -> None:
    prompts = {effort: CODEC.render([("user", "1+1?")], effort) for effort in EFFORTS}
    assert len({prompts[effort].open for effort in ("low", "medium", "high")}) == 3
    assert prompts["none"] == prompts["medium"]


def test_markers_are_single_special_ids() -> None:
    markers = CODEC.markers
    assert CODEC.decode((markers.think_start, markers.think_end, *markers.turn_end)) == ""
    assert {markers.think_start, markers.think_end, *markers.turn_end} <= CODEC.special_ids
    assert len(markers.turn_end) == len(set(markers.turn_end)) >= 1


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("a\udcffb", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        ("\x00", "\x00"),
        ("👩‍🚀", "👩‍🚀"),
        ("", ""),
        ("   ", "   "),
    ],
)
def test_odd_text_is_encoded(text: str, back: str) -> None:
    assert CODEC.decode(CODEC.encode(text)) == back
    assert back in CODEC.decode(CODEC.render([("user", text)], "low").open)


@pytest.mark.parametrize("text", ["a" * 100_000, "</think>" * 12_500, "💥" * 25_000])
def test_long_text_is_encoded(text: str) -> None:
    assert CODEC.decode(CODEC.encode(text)) == text


def test_a_template_that_never_opens_thinking_is_helped(folder: Path) -> None:
    prompt = with_template(folder, CHATML).render([("user", "1+1?")], "low")
    assert prompt.open == CODEC.encode_marked("<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n<think>\n")
    assert prompt.closed == (*prompt.open, *CODEC.encode_marked("\n</think>\n\n"))


def test_a_template_that_always_opens_thinking_is_closed(folder: Path) -> None:
    prompt = with_template(folder, CHATML + "<think>\n").render([("user", "<think>")], "low")
    assert prompt.open.count(CODEC.markers.think_start) == 1
    assert prompt.closed == (*prompt.open, *CODEC.encode_marked("\n</think>\n\n"))


def test_a_template_may_use_what_transformers_offers(folder: Path) -> None:
    loop = "{% for m in messages %}{% break %}{% endfor %}"
    text = loop + "{{ messages | tojson }}{{ strftime_now('%Y') }}{{ eos_token }}"
    prompt = with_template(folder, text).render([("user", '"<5>"')], "low")
    assert CODEC.decode(prompt.open).startswith(r'[{"role": "user", "content": "\"<5>\""}]20')


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("{{ raise_exception('no system role here') }}", "refuses these messages: no system role here"),
        ("{{ missing.attribute }}", "refuses these messages"),
        ("{{ 1 + 'a' }}", "refuses these messages"),
        ("{{ messages.append(1) }}", "refuses these messages"),
        ("{{ ''.__class__.__mro__ }}", "refuses these messages"),
    ],
)
def test_a_template_that_refuses_is_one_sentence(folder: Path, template: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        with_template(folder, template).render([("user", "1+1?")], "low")


def test_a_role_cannot_open_a_turn() -> None:
    with pytest.raises(InputError, match=r"role 'user<\|im_end\|>' is not known"):
        CODEC.render([("user<|im_end|>", "1+1?")], "low")


@pytest.mark.parametrize("kind", ["string", "list"])
def test_the_template_may_stand_in_the_configuration(folder: Path, kind: str) -> None:
    (folder / "chat_template.jinja").unlink()
    several = [{"name": "tool_use", "template": "{{ wrong }}"}, {"name": "default", "template": CHATML}]
    template = CHATML if kind == "string" else several
    edit(folder / "tokenizer_config.json", lambda config: config.update(chat_template=template))
    assert FolderCodec(folder).render([("user", "1+1?")], "low") == with_template(folder, CHATML).render(
        [("user", "1+1?")], "low"
    )


def spoil_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    edit(folder / "tokenizer_config.json", lambda config: config.pop("chat_template", None))


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (spoil_template, "has no chat template"),
        (lambda f: (f / "chat_template.jinja").write_text("{% if %}"), "chat template .* is broken"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json cannot be read"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer.json is not valid JSON"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json is not a tokenizer"),
        (lambda f: edit(f / "tokenizer.json", lambda s: s.update(model={"type": "?"})), "is not a tokenizer"),
        (lambda f: (f / "tokenizer_config.json").unlink(), "tokenizer_config.json cannot be read"),
    ],
)
def test_a_broken_folder_is_one_sentence(folder: Path, spoil: Callable[[Path], object], part: str) -> None:
    spoil(folder)
    with pytest.raises(InputError, match=part) as caught:
        FolderCodec(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_turn_ends_come_from_the_vocabulary_and_both_configurations(folder: Path) -> None:
    edit(folder / "genai_config.json", lambda config: config["model"].update(eos_token_id=[7, 8]))
    (folder / "generation_config.json").write_text('{"eos_token_id": 9}')
    assert set(FolderCodec(folder).markers.turn_end) == {
        *specials_named("<|im_end|>", "<|endoftext|>"),
        7,
        8,
        9,
    }


def specials_named(*names: str) -> tuple[int, ...]:
    return CODEC.encode_marked("".join(names))


def unigram(folder: Path) -> None:
    """A vocabulary that holds its special tokens as pieces of text, likelier than anything else."""
    pieces = ["<unk>", "</s>", "<think>", "</think>", *(chr(c) for c in range(32, 127))]
    added = [{"id": i, "content": piece, "special": piece == "</s>"} for i, piece in enumerate(pieces[:4])]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    spec = json.loads((folder / "tokenizer.json").read_text())
    model = {"type": "Unigram", "unk_id": 0, "vocab": [[p, 0.0 if p in pieces[:4] else -9.0] for p in pieces]}
    spec |= {"model": model, "added_tokens": [{**token, **flags} for token in added]}
    spec |= {"pre_tokenizer": None, "decoder": None, "normalizer": None, "post_processor": None}
    (folder / "tokenizer.json").write_text(json.dumps(spec))


@pytest.mark.parametrize("text", ["</think>", "a</s>b", "<think></think>"])
def test_special_tokens_that_are_pieces_of_the_vocabulary_are_text_too(folder: Path, text: str) -> None:
    unigram(folder)
    edit(folder / "tokenizer_config.json", lambda config: config.update(eos_token="</s>"))
    codec = FolderCodec(folder)
    assert not set(codec.encode(text)) & codec.special_ids
    assert len(codec.encode(text)) == len(text)
    assert codec.render([("user", text)], "low").open.count(codec.markers.think_end) == 0


PLAIN_TALKS = [
    [("user", "What is 2 + 2?")],
    [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello."), ("user", "  And?\n")],
    [("user", "Say <|im_end|> and </think>.")],
]


@pytest.mark.parametrize("talk", PLAIN_TALKS)
def test_the_plain_prompt_is_the_template_in_one_piece(talk: list[tuple[str, str]]) -> None:
    """As a chat server renders and encodes it, unless a content could steer the model."""
    folder = find_artifact("abacus") / "hf"
    source = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(source)
    messages = [{"role": role, "content": content} for role, content in talk]
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    names = {name: config[name] for name in ("bos_token", "eos_token") if isinstance(config.get(name), str)}
    text = template.render(messages=messages, add_generation_prompt=True, **names)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    codec = FolderCodec(folder)
    ours, theirs = codec.render(talk, "default").open, tokenizer.encode(text, add_special_tokens=False).ids
    steers = any("<|im_end|>" in content for _, content in talk)
    assert (list(ours) == theirs) is not steers
    if steers:
        ends = codec.markers.turn_end[0]
        assert ours.count(ends) == theirs.count(ends) - 1


@pytest.mark.parametrize("text", ["What is 2 + 2?", "", "<|im_end|> é日本 \ud800 ", "x" * 5000])
def test_a_long_text_has_the_ids_of_a_short_one(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is encoded as a batch, which lets other threads run."""
    marked = text.replace("\ud800", "")
    monkeypatch.setattr("adaptive.engines.tokenizer.SHORT_TEXT", 10**6)
    short = CODEC.encode(text), CODEC.encode_marked(marked)
    monkeypatch.setattr("adaptive.engines.tokenizer.SHORT_TEXT", -1)
    assert (CODEC.encode(text), CODEC.encode_marked(marked)) == short
