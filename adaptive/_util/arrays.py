"""Files of numpy arrays, which are never left half written, and from which nothing is unpickled.

A stranger's file may be anything: its size, the sizes in its directory and those in the header of each array are
checked before memory is taken for them.
"""

from __future__ import annotations

import io
import math
import struct
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from adaptive._util.files import read_file

MOST_UNPACKED = 12_000_000
"""No file of arrays that a solve reads has more bytes: a profile of 100,000 questions has 1 million."""
_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, RuntimeError, OverflowError,
    EOFError, KeyError, SyntaxError, TypeError,
)  # fmt: skip


def write_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays so that neither a reader nor a killed run ever sees or leaves half of the file."""
    part = file.with_name(f".{file.name}.part.npz")
    np.savez_compressed(part, **arrays)  # type: ignore[arg-type]
    part.replace(file)


def read_arrays(file: Path, most: int = MOST_UNPACKED) -> dict[str, NDArray[Any]]:
    """Return the arrays by name.

    Args:
        file: The file.
        most: The most bytes of the file, and of its arrays.

    Raises:
        OSError: It cannot be read, or is no regular file.
        ValueError: It is damaged or too large.
    """
    data = read_file(file, most)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > most:
                raise ValueError(f"it unpacks to more than {most // 1_000_000} MB")
            return {
                entry.filename.removesuffix(".npy"): _read_array(archive, entry) for entry in archive.infolist()
            }
    except _DAMAGE as error:
        raise ValueError(str(error) or "it is damaged") from error


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{entry.filename} is compressed in a way that is not known")
    with archive.open(entry) as raw:
        shape, by_column, dtype = _read_header(raw)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or min(shape, default=0) < 0 or size > entry.file_size:
            raise ValueError(f"{entry.filename} is not the array that its header tells of")
        content = raw.read(size)
        if raw.read(1):  # reaching the end checks the sum of the content, too
            raise ValueError(f"{entry.filename} is larger than its header tells")
    if dtype.kind == "U" and (np.frombuffer(content, f"{dtype.byteorder}u4") > sys.maxunicode).any():
        raise ValueError(f"{entry.filename} holds letters that do not exist")
    array = np.frombuffer(content, dtype, count=math.prod(shape)) if size else np.empty(shape, dtype)
    return array.reshape(shape[::-1]).transpose() if by_column else array.reshape(shape)


def _read_header(raw: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(raw)
    if version not in _READ_HEADER:
        raise ValueError(f"its arrays have the format {version}, which is not known")
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = _READ_HEADER[version](raw)
    return header
