"""Images: what is one, and one from a file or an address."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from adaptive.chat.images import MAX_IMAGE_BYTES, build_image_block, has_image, is_image, is_image_refusal
from adaptive.errors import InputError

STARTS = {
    "image/png": b"\x89PNG\r\n\x1a\nmore",
    "image/jpeg": b"\xff\xd8\xff\xe0more",
    "image/gif": b"GIF89amore",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_file_is_what_it_begins_with(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.txt"
    path.write_bytes(STARTS[kind])
    block = build_image_block(str(path))
    assert (block["type"], block["mime_type"]) == ("image", kind)
    assert base64.b64decode(block["base64"]) == STARTS[kind]


def test_an_address() -> None:
    block = build_image_block("https://example.org/a.png")
    assert (block["type"], block["url"]) == ("image", "https://example.org/a.png")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", r"a\.png is no image of a type that models take \(image/png\): use PNG, JPEG, GIF or WebP\."),
        (b"", "is no image of a type that models take"),
        (
            b"\0" * (MAX_IMAGE_BYTES + 1),
            f"a.png has {MAX_IMAGE_BYTES + 1} bytes: an image may have at most {MAX_IMAGE_BYTES}",
        ),
        (None, r"a\.png cannot be read \(No such file or directory\)\."),
    ],
)
def test_files_that_cannot_be(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        build_image_block(str(path))


@pytest.mark.parametrize(
    ("said", "none"),
    [
        ("Invalid content type. image_url is only supported by certain models.", True),
        ("'claude-x' does not support image input.", True),
        ("Image input modality is not enabled for models/gemini-x", True),
        ("At most 0 image(s) may be provided in one prompt.", True),
        ("messages.0.content.1.image.source.base64: image exceeds 5 MB maximum", False),
        ("You uploaded an unsupported image. Please make sure your image has of one the following formats", False),
        ("Could not process image", False),
        ("temperature is not supported", False),
    ],
)
def test_a_refusal_of_all_images_or_of_one(said: str, none: bool) -> None:
    assert is_image_refusal(said) is none


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        build_image_block(str(tmp_path))


@pytest.mark.parametrize(
    ("part", "image"),
    [
        ({"type": "image", "url": "https://example.org/a.png"}, True),
        ({"type": "image_url", "image_url": {"url": "data:..."}}, True),
        ({"type": "input_image"}, True),
        ({"type": "text", "text": "image"}, False),
        ("image", False),
    ],
)
def test_what_is_an_image(part: Any, image: bool) -> None:
    assert is_image(part) is image
    assert has_image([AIMessage("hello"), HumanMessage([part])]) is image
