from __future__ import annotations

import asyncio
import gc
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from adaptive._util.files import find_artifact
from adaptive.cli import cli
from adaptive.engines.onnx import OnnxEngine
from tests.cli.conftest import Run
from tests.engines.backends import vllm_server


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """The shipped model. What is tested of it holds for any weights."""
    return find_artifact("abacus") / "onnx"


@pytest.fixture(scope="session")
def engine(model_folder: Path) -> Iterator[OnnxEngine]:
    """One engine for all tests: each uses sessions named by itself."""
    engine = OnnxEngine(model_folder, name="embedded")
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def vllm_url() -> Iterator[str]:
    """A vLLM server of the embedded reasoner's weights."""
    if find_spec("vllm") is None:
        pytest.skip("vllm is not installed: .ci/run runs this where it is")
    # This parser goes by ids: the markers are special tokens here, which vLLM leaves out of its texts.
    with vllm_server("--reasoning-parser", "qwen3", "--enforce-eager") as address:
        yield address
    gc.collect()  # engines that are left open close their sockets here, where warnings of it are let pass


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command, with no variables of the user's and a log of its own."""
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "solves.db"))
    return lambda *args, **more: CliRunner().invoke(cli, args, prog_name="adaptive", **more)


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    return str(request.node.nodeid)


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model folder that a test may spoil; the weights are links."""
    copy = tmp_path / "model"
    copy.mkdir()
    for file in model_folder.iterdir():
        place = os.symlink if file.name.startswith("model.onnx") else shutil.copy
        place(file, copy / file.name)
    return copy
