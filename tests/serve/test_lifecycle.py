"""Keys, a full server, clients that hang up, and the end of the server."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import openai
import pytest

from adaptive.solve_log import SolveLog
from tests.serve.serving import LONG_SOLVES, Served, chat, serving, wait_until

pytestmark = pytest.mark.slow  # a server of its own
ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"


def wait_until_idle(server: Served) -> None:
    """Return once no solve runs."""
    wait_until(lambda: not server.metric("running"))


def is_closed(server: Served) -> bool:
    """Whether it takes no connection."""
    try:
        return not httpx.get(f"{server.address}/health").status_code
    except httpx.TransportError:
        return True


def test_keys_and_their_limits(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(f'[alice]\nkey = "{ALICE}"\n[bob]\nkey = "{BOB}"\nmax_tokens = 1\n')
    with serving("--keys", str(file)) as server:
        for path in ("/v1/models", "/metrics"):
            assert httpx.get(server.address + path).status_code == 401
            assert (
                httpx.get(server.address + path, headers={"Authorization": f"Bearer {ALICE}"}).status_code == 200
            )
        assert httpx.get(f"{server.address}/health").status_code == 200
        for key in (ALICE[:-1], "Ä" * 20):
            response = httpx.get(
                f"{server.address}/v1/models", headers={"Authorization": f"Bearer {key}".encode()}
            )
            assert response.json()["error"]["code"] == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError, match="is not one of this server's"):
            server.client("sk-wrong-wrong-wrong").models.list()
        bob = server.client(BOB).chat.completions
        assert bob.create(model="embedded", messages=chat()).choices[0].message.content  # the first may begin
        with pytest.raises(
            openai.RateLimitError, match=r"'bob' is used up .reached the limit of 1 tokens, \d+ spent"
        ) as caught:
            bob.create(model="embedded", messages=chat())
        assert caught.value.code == "insufficient_quota"
        assert server.client(ALICE).chat.completions.create(model="embedded", messages=chat()).choices


def test_a_full_server_turns_away_and_a_client_that_hangs_up_makes_room() -> None:
    with serving("--concurrency", "1", "--queue", "0", *LONG_SOLVES) as server:
        first = server.ask(stream=True)
        next(iter(first))
        with pytest.raises(openai.RateLimitError, match="the server is full: 1 solves run and 0 wait") as caught:
            server.ask()
        assert int(caught.value.response.headers["Retry-After"]) >= 1
        assert server.metric("running") == 1
        first.close()
        wait_until_idle(server)
        # Also one that waits for a whole reply, of which it has nothing yet.
        with pytest.raises(openai.APITimeoutError):
            server.ask(timeout=0.5)
        wait_until_idle(server)
        assert server.metric("requests_total", path="/v1/chat/completions", status="499") == 2
        assert server.metric("requests_total", path="/v1/chat/completions", status="200") == 0
        assert server.metric("verdicts_total") == 0  # neither solve went on to its end


def test_sigterm_finishes_what_is_accepted_and_takes_nothing_new() -> None:
    with serving() as server:
        running = iter(server.ask(stream=True, reasoning_effort="high", stream_options={"include_usage": True}))
        next(running)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_closed(server))
        *_, last = running
        assert last.usage is not None
        assert server.process.wait(60) == 0


@pytest.mark.parametrize("count", [1, 3])
def test_a_kill_loses_no_solve_that_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "log.db"))
    (keys := tmp_path / "keys.toml").write_text(f'[alice]\nkey = "{ALICE}"\nview = true\n')
    asked = [f"What is {number} + 2?" for number in range(count)]
    with serving("--view", "--keys", str(keys)) as server:
        create = server.client(ALICE).chat.completions.create
        for question in asked:
            assert create(model="embedded", messages=chat(question)).choices[0].message.content
        server.process.kill()
        server.process.wait()
    with SolveLog(tmp_path / "log.db") as log:
        assert [one.result["question"] for one in log.list_recent(0)] == asked


def test_a_second_signal_ends_it_at_once() -> None:
    with serving("--drain", "600", *LONG_SOLVES) as server, server.ask(stream=True) as running:
        next(iter(running))
        server.process.send_signal(signal.SIGINT)
        wait_until(lambda: is_closed(server))
        assert server.stop(signal.SIGINT) == 0
