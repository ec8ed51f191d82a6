"""Files of arrays that a stranger made: a damaged, forged or too large one is a `ValueError`, without memory."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.files import read_file, unpack

ARRAYS: dict[str, Any] = {
    "words": np.array(["a", "bcd"]),
    "numbers": np.arange(60.0).reshape(3, 20),
    "by_column": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "none": np.empty((0, 4)),
    "one": np.asarray("x"),
    "bits": np.frombuffer(b"abc", np.uint8),
}


def make_header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    raw = io.BytesIO()
    np.lib.format.write_array_header_1_0(raw, {"descr": kind, "fortran_order": False, "shape": shape})
    return raw.getvalue()


def forge(file: Path, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(file, "w", how) as archive:
        archive.writestr("numbers.npy", content)
    return file


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    write_arrays(file, ARRAYS)
    read = read_arrays(file)
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (read[name].dtype, read[name].tolist()) == (array.dtype, array.tolist())


@pytest.mark.parametrize(
    ("content", "how"),
    [
        (make_header((10**12,)), zipfile.ZIP_DEFLATED),
        (make_header((2**62, 2**62)), zipfile.ZIP_DEFLATED),
        (make_header((-1,)), zipfile.ZIP_DEFLATED),
        (make_header((3,), "|O") + b"x" * 24, zipfile.ZIP_DEFLATED),
        (make_header((1,)) + bytes(9), zipfile.ZIP_DEFLATED),
        (make_header((1,)) + bytes(8), zipfile.ZIP_BZIP2),
        (b"\x93NUMPY\x01\x00\x05\x00{(((\n", zipfile.ZIP_DEFLATED),
        (b"no array", zipfile.ZIP_DEFLATED),
        (make_header((30_000_000,), "|u1") + bytes(30_000_000), zipfile.ZIP_DEFLATED),
        (make_header((1,), "<U1") + b"\xff" * 4, zipfile.ZIP_DEFLATED),
        (make_header((1,), ">U1") + b"\x00\x11\x00\x00", zipfile.ZIP_DEFLATED),
    ],
    ids=[
        "huge",
        "overflow",
        "negative",
        "objects",
        "more",
        "bzip2",
        "header",
        "no array",
        "bomb",
        "no letter",
        "big",
    ],
)
def test_forged_arrays_take_no_memory(tmp_path: Path, content: bytes, how: int) -> None:
    file = forge(tmp_path / "a.npz", content, how)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"\w"):
            read_arrays(file, 20_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_flipped_bit_or_a_cut_is_a_value_error_or_harmless(
    tmp_path: Path, place: float, bit: int, cut: bool
) -> None:
    file = tmp_path / "a.npz"
    write_arrays(file, ARRAYS)
    data = bytearray(file.read_bytes())
    at = int(place * len(data))
    data[at] ^= 1 << bit
    file.write_bytes(bytes(data[:at] if cut else data))
    try:
        read = read_arrays(file)
    except ValueError:
        return
    assert all(array.tolist() == ARRAYS[name].tolist() for name, array in read.items() if name in ARRAYS)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"regular file|directory"):
            read_file(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 10**12)
    with pytest.raises(OSError, match="it has more than 100 MB"):
        read_file(tmp_path / "sparse")


def test_what_unpacks_to_more_is_not_unpacked() -> None:
    import zlib

    packed = zlib.compress(bytes(3_000_000))
    assert len(unpack(packed)) == 3_000_000
    for data in (packed[:-5], b"garbage"):
        with pytest.raises(ValueError, match=r"\w"):
            unpack(data)
    with pytest.raises(ValueError, match="more than 1 MB"):
        unpack(packed, 1_000_000)
