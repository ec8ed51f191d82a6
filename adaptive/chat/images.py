"""Images in messages: which parts are images, an image block of a file or an address, and refusals of images."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.messages.content import create_image_block

from adaptive._util.files import read_named
from adaptive.errors import InputError, to_single_line

IMAGE_TYPES = ("image/gif", "image/jpeg", "image/png", "image/webp")
"""Image types that all large providers take."""

MAX_IMAGE_BYTES = 5 * 1024 * 1024
"""Most bytes of an image file: Anthropic's limit, the smallest of the large providers (docs.anthropic.com)."""

_NO_IMAGES = re.compile(
    r"not support\w*\b.{0,40}image|image.{0,60}\b(?:(?:not|only) supported|not enabled|not support)"
    r"|at most 0 image|not a multimodal model"
)
_THIS_IMAGE = re.compile(r"format|mime|media.type|exceed|too large|too big|corrupt|could not process")
_PARTS = ("image", "image_url", "input_image")
_STARTS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


def is_image(part: Any) -> bool:
    """Whether a part of a message's content is an image, in LangChain's form or a provider's."""
    return isinstance(part, dict) and part.get("type") in _PARTS


def has_image(messages: Sequence[AnyMessage]) -> bool:
    """Whether any of the messages has an image."""
    return any(is_image(part) for m in messages if isinstance(m.content, list) for part in m.content)


def build_image_block(place: str) -> dict[str, Any]:
    """Return LangChain's image block of a file or of an http(s) address.

    Raises `InputError` for a file that is missing, too large or not of a type in `IMAGE_TYPES`.
    """
    if place.startswith(("http://", "https://")):
        return dict(create_image_block(url=place))
    data = _read_file(Path(os.path.expanduser(place)))
    kind = _detect_image_type(data)
    if kind not in IMAGE_TYPES:
        name = kind or mimetypes.guess_type(place)[0] or "unknown"
        raise InputError(f"{place} is no image of a type that models take ({name}): use PNG, JPEG, GIF or WebP.")
    return dict(create_image_block(base64=base64.b64encode(data).decode(), mime_type=kind))


def is_image_refusal(text: str) -> bool:
    """Whether a request was refused because the model takes no images, and not because of this one image."""
    words = text.lower()
    return bool(_NO_IMAGES.search(words)) and not _THIS_IMAGE.search(words)


def make_image_error(name: str) -> InputError:
    """Return the error of a model that takes no images."""
    return InputError(f"{name} takes no images: leave the image out or use another model.")


def _read_file(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_IMAGE_BYTES:
            raise InputError(f"{path} has {size} bytes: an image may have at most {MAX_IMAGE_BYTES}.")
        return read_named(path)
    except OSError as error:
        raise InputError(f"image {path} cannot be read ({to_single_line(error.strerror or error)}).") from error


def _detect_image_type(data: bytes) -> str:
    """Return the image type by the first bytes, since a file's name may be wrong; "" if it is no image."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _STARTS.items() if data.startswith(start)), "")
