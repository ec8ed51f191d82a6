from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from adaptive.engines.protocol import TokenEngine
from tests.engines.backends import HF, local


@pytest.fixture(scope="session")
def vllm_engine() -> Iterator[TokenEngine]:
    """The embedded reasoner's weights on vLLM in this process."""
    if find_spec("vllm") is None:
        pytest.skip("vllm is not installed: .ci/run runs this where it is")
    import asyncio

    with local(f"vllm:{HF}", dtype="float32", block_size=32, enforce_eager=True) as engine:
        yield engine
        asyncio.run(engine.close())
