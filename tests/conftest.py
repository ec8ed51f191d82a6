"""How much of the suite runs: cases of properties by HYPOTHESIS_PROFILE, and what is slow.

`dev`, the default profile, has few cases; `ci` has ten times as many, and `many` (`make many`) a hundred times.
A test that is marked `crossed` runs with a part of its cases in the README's command, such that each value of each
parameter comes; its other cases are slow.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections import defaultdict

import pytest
from hypothesis import settings

from adaptive.chat import capabilities
from adaptive.reason import token_stream
from tests.support.clock import LeapingClock

# Of the user's own log and stored profiles no test may know, nor may the processes that tests start.
DATA_HOME = tempfile.TemporaryDirectory(prefix="adaptive-tests-")
os.environ["XDG_DATA_HOME"] = DATA_HOME.name

# Each HTTP client reads a hundred certificates, which takes 50 ms; no test leaves this machine.
ssl.SSLContext.load_verify_locations = lambda *_, **__: None  # type: ignore[method-assign]

if "PYTEST_XDIST_WORKER" in os.environ:
    import skops.io  # noqa: F401  # it looks through all modules that are loaded: 4 s once the providers' are

# Without a deadline: a busy machine is slow at times, and how long things take is measured in benchmarks/.
settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, print_blob=True)
settings.register_profile("many", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(autouse=True)
def _untaught() -> None:
    """What one test teaches of a model is not known in the next: a process remembers it."""
    capabilities._CAPABILITIES.clear()


@pytest.fixture(autouse=True)
def _each_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text is emitted token by token in this process: what comes as one event must not depend on the machine."""
    monkeypatch.setattr(token_stream, "CHUNK_SECONDS", 0.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> LeapingClock:
    """The clock of time limits in this test."""
    return LeapingClock(monkeypatch)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow the cases of crossed tests whose values others have: of 5 providers in 4 ways, 15 of 20."""
    cases = defaultdict[str, list[tuple[set[tuple[str, int]], pytest.Item]]](list)
    for item in items:
        if item.get_closest_marker("crossed") and hasattr(item, "callspec"):
            values = {(name, id(value)) for name, value in item.callspec.params.items()}
            cases[item.nodeid.partition("[")[0]].append((values, item))
    for left in cases.values():
        missing = set[tuple[str, int]]().union(*(values for values, _ in left))
        while missing:
            best = max(left, key=lambda case: len(case[0] & missing))
            missing -= best[0]
            left.remove(best)
        for _, item in left:
            item.add_marker("slow")
