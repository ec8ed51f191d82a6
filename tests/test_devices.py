"""A device without an end, in place of each file that a user names, is refused before anything is read of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adaptive._util.files import open_named, read_named, read_toml
from adaptive.chat.images import build_image_block
from adaptive.errors import InputError
from adaptive.learn.data.readers import read_rows
from adaptive.learn.importing.inspect_logs import is_inspect_zip
from adaptive.learn.importing.kinds import find_kind
from adaptive.prices import Prices
from adaptive.verify.check_form import JsonSchema

ENDLESS = Path("/dev/zero")
READERS: dict[str, Callable[[], object]] = {
    "questions": lambda: list(read_rows(ENDLESS)),
    "a log": lambda: find_kind(ENDLESS, mapped=False),
    "prices": lambda: Prices.load(ENDLESS),
    "a schema": lambda: JsonSchema(ENDLESS),
    "an image": lambda: build_image_block(str(ENDLESS)),
    "TOML": lambda: read_toml(ENDLESS),
}


@pytest.mark.parametrize("name", READERS)
def test_an_endless_device_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="it is a device, not a file"):
        READERS[name]()


def test_it_is_no_zip() -> None:
    assert not is_inspect_zip(ENDLESS)


def test_nothing_a_file_and_a_missing_one(tmp_path: Path) -> None:
    (file := tmp_path / "a").write_bytes(b"text\r\n")
    assert read_named(file) == b"text\r\n"
    assert read_named(Path("/dev/null")) == b""
    with pytest.raises(FileNotFoundError):
        open_named(tmp_path / "missing")
