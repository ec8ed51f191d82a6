"""Chains on a graph of ONNX Runtime, many of which take their next token in one run of the graph.

In a run each chain has a row of its own: its length, its keys and values, its position. ONNX Runtime computes a
row the same way whatever the others are: a chain in a batch gets the logits that it gets alone, to the last bit.

A chain keeps its keys and values in a cache of its own, which can wait for the next call of its session. While it
is in a batch, it has a row in the batch's cache too. Only what one of the two lacks is copied, when it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, cast
from weakref import ReferenceType, ref

import numpy as np
from numpy.typing import NDArray

from adaptive.engines.chains import Chain
from adaptive.engines.onnx_config import OnnxConfig
from adaptive.errors import AdaptiveError

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

FEWEST_IDS = 128
"""Ids that a cache has room for at first."""
# The memory that the cache of a batch may take: chains that do not fit in it take turns.
_BATCH_BYTES = 1 << 30

_IDS, _MASK, _LOGITS = "input_ids", "attention_mask", "logits"
# Decoders whose attention takes the position of an id from the mask: other inputs are refused below.
_KINDS = ("llama", "mistral", "qwen2", "qwen3")
_OPTIONS = ("intra_op_num_threads", "log_severity_level")


class OnnxGraph:
    """A decoder in a session of ONNX Runtime.

    Args:
        runtime: The module `onnxruntime`.
        session: Its session.
        config: The model's configuration.
    """

    def __init__(self, runtime: Any, session: Any, config: OnnxConfig) -> None:
        self._session, self.config = session, config
        self.vocabulary = int(_find_logits(session).shape[-1])
        self.caches = _list_caches(config)
        state = runtime.capi.onnxruntime_pybind11_state
        self._errors = (state.Fail, state.InvalidArgument, state.RuntimeException, state.EPFail)

    def bind(self, caches: Sequence[Floats], ids: Integers, mask: Integers, logits: Floats) -> Any:
        """Return a binding of the graph to arrays, all in place: `caches` take the new keys and values too."""
        binding = self._session.io_binding()
        binding.bind_cpu_input(_IDS, ids)
        binding.bind_cpu_input(_MASK, mask)
        for (before, after), cache in zip(self.caches, caches, strict=True):
            where = ("cpu", 0, np.float32, cache.shape, cache.ctypes.data)
            binding.bind_input(before, *where)
            binding.bind_output(after, *where)
        binding.bind_output(_LOGITS, "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        return binding

    def run(self, binding: Any) -> None:
        """Run the graph; raise `RuntimeError` if that fails."""
        try:
            self._session.run_with_iobinding(binding)
        except self._errors as error:
            raise RuntimeError(str(error)) from error


def open_graph(config: OnnxConfig) -> OnnxGraph | None:
    """Load a model's graph; return None if it is not of the form that is run here.

    Raises:
        AdaptiveError: The graph does not load.
    """
    if not _is_known_form(config):
        return None
    # From 1.29 on ONNX Runtime reports to Microsoft unless this is set before it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise AdaptiveError(f"onnxruntime does not load ({error}): install it again.") from error
    options = onnxruntime.SessionOptions()
    for name, value in (config.default_options | config.own_options).items():
        if name in _OPTIONS:
            setattr(options, name, value)
        elif name.startswith("session."):
            options.add_session_config_entry(name, value)
    file = config.folder / str(config.decoder.get("filename", "model.onnx"))
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own kinds have no common base
        raise config.build_error(error) from error
    return OnnxGraph(onnxruntime, session, config) if _has_known_inputs(session, config) else None


def _is_known_form(config: OnnxConfig) -> bool:
    """Return whether a configuration is that of a decoder on the CPU whose caches are written in place."""
    plain = config.kind in _KINDS and config.shares_buffer and "sliding_window" not in config.decoder
    options = {name for name, value in config.own_options.items() if value not in ([], {})}
    return plain and options <= {*_OPTIONS, "log_id"}


def _has_known_inputs(session: Any, config: OnnxConfig) -> bool:
    """Return whether a graph takes ids, a mask and caches of 32-bit numbers, and nothing else."""
    caches = {before for before, _ in _list_caches(config)}
    kinds = {one.name: one.type for one in session.get_inputs()}
    vocabulary = _find_logits(session).shape[-1]
    expected = {_IDS: "tensor(int64)", _MASK: "tensor(int64)", **dict.fromkeys(caches, "tensor(float)")}
    return kinds == expected and isinstance(vocabulary, int)


def _find_logits(session: Any) -> Any:
    return next(one for one in session.get_outputs() if one.name == _LOGITS)


def _list_caches(config: OnnxConfig) -> list[tuple[str, str]]:
    """Return the names of the caches: the input and the output of the keys, and of the values, of each layer."""
    kinds, layers = ("key", "value"), range(config.layers)
    return [(f"past_key_values.{i}.{kind}", f"present.{i}.{kind}") for i in layers for kind in kinds]


class KeyValues:
    """Keys and values of `rows` chains of at most `room` ids, in arrays of shape (rows, heads, room, size)."""

    def __init__(self, graph: OnnxGraph, rows: int, room: int) -> None:
        config = graph.config
        self.rows, self.room = rows, room
        # Not zeros: the system gives memory to a page when something is written there.
        self._caches = [np.empty((rows, config.heads, room, config.size), np.float32) for _ in graph.caches]
        self._graph = graph
        self._ids = np.zeros((rows, 1), np.int64)
        self._mask = np.zeros((rows, room), np.int64)
        self._logits = np.empty((rows, 1, graph.vocabulary), np.float32)
        self._bindings: dict[int, Any] = {}

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return sum(cache.nbytes for cache in self._caches)

    def copy_from(self, other: KeyValues, source: int, target: int, places: slice) -> None:
        """Copy the keys and values at `places` of a row of another cache to a row of this one."""
        for mine, its in zip(self._caches, other._caches, strict=True):
            mine[target, :, places] = its[source, :, places]

    def append(self, ids: Sequence[int], length: int) -> Floats:
        """Append `ids` to the first row, which has `length` ids; return the logits after the last of them."""
        if len(ids) == 1:
            return cast(Floats, self.append_tokens(ids, [length])[0])
        mask = np.ones((1, length + len(ids)), np.int64)
        logits = np.empty((1, len(ids), self._graph.vocabulary), np.float32)
        self._graph.run(self._graph.bind(self._caches, np.array([ids], np.int64), mask, logits))
        return cast(Floats, logits[0, -1])

    def append_tokens(self, tokens: Sequence[int], lengths: Sequence[int]) -> Floats:
        """Append a token to each of the first rows, which have `lengths` ids.

        Returns:
            The logits after them, shape (rows, vocabulary), until the next call.
        """
        rows = len(tokens)
        self._ids[:rows, 0] = tokens
        self._mask[:rows] = np.arange(self.room) <= np.array(lengths)[:, None]
        if rows not in self._bindings:
            views = [cache[:rows] for cache in self._caches]
            ids, mask, logits = self._ids[:rows], self._mask[:rows], self._logits[:rows]
            self._bindings[rows] = self._graph.bind(views, ids, mask, logits)
        self._graph.run(self._bindings[rows])
        return self._logits[:rows, 0]


class GraphChain(Chain):
    """A chain on a graph. Only the thread that computes it may use it.

    `own` holds the keys and values of its first `own_length` ids, and the `row` of the batch's cache those of its
    first `row_length`. One of the two has all.
    """

    def __init__(self, batch: GraphBatch) -> None:
        super().__init__()
        self._batch = batch
        self.own: KeyValues | None = None
        self.own_length = 0
        self.row: int | None = None
        self.row_length = 0

    @property
    def nbytes(self) -> int:
        """The memory that it takes while it waits."""
        return 0 if self.own is None else self.own.nbytes

    def reserve(self, length: int) -> None:
        """Do nothing: the cache grows by itself."""

    def reserve_own(self, length: int) -> KeyValues:
        """Return the cache of its own, with room for `length` ids."""
        if self.own is None or self.own.room < length:
            grown = KeyValues(self._batch.graph, 1, self._batch.find_room(length))
            if self.own is not None:
                grown.copy_from(self.own, 0, 0, slice(self.own_length))
            self.own = grown
        return self.own

    def _compute(self, ids: Sequence[int]) -> Floats:
        length = len(self.ids)
        own = self.reserve_own(length + len(ids))
        self._batch.bring_home(self)
        logits = own.append(ids, length)
        self.own_length = length + len(ids)
        return logits.copy()

    def _crop(self, length: int) -> int:
        self.own_length = min(self.own_length, length)
        self.row_length = min(self.row_length, length)
        return length


class GraphBatch:
    """The cache of the chains that are computed together; makes chains.

    Args:
        graph: The graph.
        window: The most ids of a chain.
    """

    def __init__(self, graph: OnnxGraph, window: int) -> None:
        self.graph, self._window = graph, window
        self._cache = KeyValues(graph, 0, 0)
        self._holders: dict[int, ReferenceType[GraphChain]] = {}

    def new_chain(self) -> GraphChain:
        """Return an empty chain."""
        return GraphChain(self)

    def find_room(self, length: int) -> int:
        """Return the room of a cache for `length` ids."""
        return min(self._window, max(FEWEST_IDS, 1 << (length - 1).bit_length()))

    def append(self, chains: Sequence[Chain], tokens: Sequence[int]) -> None:
        """Append one token to each chain; those that do not fit in the batch's memory are computed alone."""
        ours = cast(Sequence[GraphChain], chains)  # the pool has no others
        pairs = sorted(zip(ours, tokens, strict=True), key=lambda pair: len(pair[0].ids))
        fit = self._count_fitting([chain for chain, _ in pairs])
        for chain, token in pairs[fit:]:
            chain.append((token,))
        if fit:
            self._append_together([chain for chain, _ in pairs[:fit]], [token for _, token in pairs[:fit]])

    def bring_home(self, chain: GraphChain) -> None:
        """Copy to the chain's own cache what only its row in the batch holds."""
        places = slice(chain.own_length, chain.row_length)
        if chain.row is not None and chain.own_length < chain.row_length:
            chain.reserve_own(chain.row_length).copy_from(self._cache, chain.row, 0, places)
            chain.own_length = chain.row_length

    def _count_fitting(self, chains: Sequence[GraphChain]) -> int:
        """Return how many of these chains, from short to long, are computed together: none if only one fits."""
        fit = len(chains)
        while fit and not self._fits(1 << (fit - 1).bit_length(), self.find_room(len(chains[fit - 1].ids) + 1)):
            fit -= 1
        return fit if fit > 1 else 0

    def _append_together(self, chains: Sequence[GraphChain], tokens: Sequence[int]) -> None:
        self._reserve(len(chains), len(chains[-1].ids) + 1)
        self._place(chains)
        by_row = sorted(zip(chains, tokens, strict=True), key=lambda pair: cast(int, pair[0].row))
        logits = self._cache.append_tokens([token for _, token in by_row], [len(chain.ids) for chain, _ in by_row])
        for place, (chain, token) in enumerate(by_row):
            chain.row_length = len(chain.ids) + 1
            chain.add((token,), logits[place].copy())

    def _reserve(self, rows: int, length: int) -> None:
        """Make room for so many rows of so many ids."""
        cache = self._cache
        if rows <= cache.rows and length <= cache.room:
            return
        for row in list(self._holders):
            self._vacate(row)
        rows, room = 1 << (rows - 1).bit_length(), self.find_room(length)
        grown = max(rows, cache.rows), max(room, cache.room)
        self._cache = KeyValues(self.graph, *(grown if self._fits(*grown) else (rows, room)))

    def _fits(self, rows: int, room: int) -> bool:
        return rows * room * self.graph.config.bytes_per_id <= _BATCH_BYTES

    def _place(self, chains: Sequence[GraphChain]) -> None:
        """Give the chains the first rows, and each row all keys and values of its chain."""
        moving = [chain for chain in chains if chain.row is None or chain.row >= len(chains)]
        free = sorted(set(range(len(chains))) - {chain.row for chain in chains})
        for chain, row in zip(moving, free, strict=True):
            for left in (chain.row, row):
                if left in self._holders:
                    self._vacate(left)
            chain.row, self._holders[row] = row, ref(chain)
        for chain in chains:
            if chain.row_length < len(chain.ids):
                places = slice(chain.row_length, len(chain.ids))
                self._cache.copy_from(cast(KeyValues, chain.own), 0, cast(int, chain.row), places)

    def _vacate(self, row: int) -> None:
        """Take a row away from the chain that has it."""
        chain = self._holders.pop(row)()
        if chain is not None:
            self.bring_home(chain)
            chain.row, chain.row_length = None, 0
