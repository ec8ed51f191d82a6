"""The configuration of a model folder of ONNX Runtime GenAI, as far as an engine needs it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive._util.files import read_json
from adaptive.errors import AdaptiveError, InputError, to_single_line

CONFIG = "genai_config.json"


@dataclass(frozen=True)
class OnnxConfig:
    """What `genai_config.json` says.

    Attributes:
        folder: The model's folder.
        kind: The model's type.
        window: The most ids of a sequence.
        vocabulary: All ids are below this.
        layers: The layers that have keys and values.
        heads: The heads of keys and values.
        size: The size of a head.
        decoder: The part about the decoder.
        shares_buffer: Whether the graph writes new keys and values into the array of the old ones.
    """

    folder: Path
    kind: str
    window: int
    vocabulary: int
    layers: int
    heads: int
    size: int
    decoder: dict[str, Any]
    shares_buffer: bool

    @classmethod
    def read(cls, folder: Path) -> OnnxConfig:
        """Read the configuration of the model in `folder`.

        Raises:
            InputError: There is none.
            AdaptiveError: It is broken.
        """
        if not folder.is_dir():
            raise InputError(f"model folder {folder} does not exist: give a folder that holds {CONFIG}.")
        config = read_json(folder / CONFIG)
        model, search = _get_part(folder, config, "model"), _get_part(folder, config, "search")
        decoder = _get_part(folder, model, "decoder")
        return cls(
            folder,
            kind=str(model.get("type")),
            window=_get_count(folder, model, "context_length"),
            vocabulary=_get_count(folder, model, "vocab_size"),
            layers=_get_count(folder, decoder, "num_hidden_layers", 1),
            heads=_get_count(folder, decoder, "num_key_value_heads", 1),
            size=_get_count(folder, decoder, "head_size", 1),
            decoder=decoder,
            shares_buffer=search.get("past_present_share_buffer") is True,
        )

    @property
    def bytes_per_id(self) -> int:
        """Bytes that the keys and values of one id take."""
        return 2 * 4 * self.layers * self.heads * self.size

    @property
    def own_options(self) -> dict[str, Any]:
        """The session options that the folder sets."""
        options: dict[str, Any] = self.decoder.get("session_options", {})
        return options

    @property
    def default_options(self) -> dict[str, Any]:
        """The session options that the folder does not set."""
        cores = os.cpu_count() or 1
        defaults = {
            # Left alone the runtime takes half of the cores, which of two is one.
            "intra_op_num_threads": max(min(cores, 2), cores // 2),
            # Measured with 8 M parameters on two cores, against one thread (470 tokens a second): two that spin
            # while they wait 1.7 times as fast, two that sleep 1.4; with other work on the cores 0.5 and 0.9.
            "session.intra_op.allow_spinning": "0",
            # Errors are raised, and reported once, by us.
            "log_severity_level": 4,
        }
        return {name: value for name, value in defaults.items() if name not in self.own_options}

    def build_error(self, error: Exception | str) -> AdaptiveError:
        """Return the error that the model does not load."""
        return _build_error(self.folder, error)


def _get_part(folder: Path, config: dict[str, Any], name: str) -> dict[str, Any]:
    part = config.get(name, {})
    if not isinstance(part, dict):
        raise _build_error(folder, f"{name!r} in {CONFIG} is no object")
    return part


def _get_count(folder: Path, config: dict[str, Any], name: str, default: int | None = None) -> int:
    count = config.get(name, default)
    if type(count) is not int or count < 1:
        raise _build_error(folder, f"{name!r} in {CONFIG} is {count!r} and no number above 0")
    return count


def _build_error(folder: Path, error: Exception | str) -> AdaptiveError:
    reason = to_single_line(error)
    return AdaptiveError(f"the model in {folder} does not load, get its files again ({reason}).")
