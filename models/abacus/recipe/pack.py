"""Packs documents into rows for training: `pack` writes one shard, `Shard` reads it.

A document is a list of `(text, train)` pieces. Each piece is tokenised on its own, so that a token never
spans two pieces; tokens of pieces with `train=False` carry no loss. Rows hold whole documents and end in
padding. A document goes to a row of the least width that takes it (attention costs the square of the width);
one too long for the widest is dropped. A shard is a folder with, for each width, a folder of `ids.npy`
(uint16), `loss.npy` (bool) and `documents.npy` (int16: 1, 2, ... in a row, 0 for padding).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

WIDTHS = (256, 512)
BATCH = 20_000

Pieces = list[tuple[str, bool]]
Encoded = tuple[list[int], list[bool]]


@dataclass(frozen=True)
class Shard:
    """Arrays of shape (rows, width)."""

    ids: NDArray[np.uint16]
    loss: NDArray[np.bool_]
    documents: NDArray[np.int16]

    @classmethod
    def load(cls, folder: Path) -> Shard:
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("ids", "loss", "documents")))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("ids", "loss", "documents"):
            np.save(folder / f"{name}.npy", getattr(self, name))


def shards(folder: Path) -> list[Shard]:
    """All finished shards of a folder, mapped from disk."""
    return [
        Shard.load(shard / str(width))
        for shard in sorted(folder.iterdir())
        if shard.suffix != ".partial"
        for width in WIDTHS
        if (shard / str(width)).exists()
    ]


def encode(tokenizer: Tokenizer, documents: list[Pieces]) -> Iterator[Encoded]:
    """Token ids of documents and which of them are trained on; each distinct piece of the batch is encoded
    once.
    """
    texts = list({text for pieces in documents for text, _ in pieces})
    ids = dict(zip(texts, (one.ids for one in tokenizer.encode_batch_fast(texts)), strict=True))
    for pieces in documents:
        tokens: list[int] = []
        loss: list[bool] = []
        for text, train in pieces:
            tokens += ids[text]
            loss += [train] * len(ids[text])
        yield tokens, loss


class Bins:
    """Best fit: each document goes to the fullest row that still takes it."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: list[list[Encoded]] = []
        self._by_room: list[list[int]] = [[] for _ in range(width + 1)]
        self._rooms = 0  # bit r is set while some row has exactly r tokens of room

    def add(self, document: Encoded) -> None:
        size = len(document[0])
        fitting = self._rooms >> size
        if fitting:
            room = size + (fitting & -fitting).bit_length() - 1
            row = self._by_room[room].pop()
            self._rooms ^= 0 if self._by_room[room] else 1 << room
        else:
            room, row = self.width, len(self.rows)
            self.rows.append([])
        self.rows[row].append(document)
        self._by_room[room - size].append(row)
        self._rooms |= 1 << (room - size)

    def shard(self) -> Shard:
        """The packed documents as padded arrays."""
        shape = (len(self.rows), self.width)
        shard = Shard(np.zeros(shape, np.uint16), np.zeros(shape, np.bool_), np.zeros(shape, np.int16))
        for number, row in enumerate(self.rows):
            start = 0
            for document, (tokens, loss) in enumerate(row, 1):
                here = slice(start, start := start + len(tokens))
                shard.ids[number, here], shard.loss[number, here] = tokens, loss
                shard.documents[number, here] = document
        return shard


def pack(documents: Iterator[Pieces], tokenizer: Tokenizer, folder: Path) -> None:
    """Tokenise and pack a finite run of documents into the shard `folder`, which appears only when whole."""
    bins = [Bins(width) for width in WIDTHS]
    while some := list(islice(documents, BATCH)):
        for document in sorted(encode(tokenizer, some), key=lambda one: -len(one[0])):
            fitting = [one for one in bins if len(document[0]) <= one.width]
            if fitting:
                fitting[0].add(document)
    partial = folder.with_name(folder.name + ".partial")
    for one in bins:
        one.shard().save(partial / str(one.width))
    os.replace(partial, folder)
