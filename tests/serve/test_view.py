"""The pages of the log behind the keys of `adaptive serve`."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from adaptive.cli import cli
from adaptive.solve_log import SolveLog
from tests.serve.serving import QUESTION, chat, serving
from tests.view.logged import Page

ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"


@pytest.mark.slow  # a server of its own
def test_a_key_with_view_opens_the_log_of_what_was_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, keys = tmp_path / "solves.db", tmp_path / "keys.toml"
    monkeypatch.setenv("ADAPTIVE_LOG", str(log))
    keys.write_text(f'[alice]\nkey = "{ALICE}"\nview = true\n[bob]\nkey = "{BOB}"\n')
    with serving("--view", "--keys", str(keys)) as server, httpx.Client(base_url=server.address) as client:
        for path in ("/view", "/view/", "/view/solve?id=1"):
            refused = client.get(path)
            assert (refused.status_code, refused.headers["WWW-Authenticate"][:5]) == (401, "Basic")
            assert client.get(path, auth=("", "wrong" * 5)).status_code == 401
            refused = client.get(path, auth=("anybody", BOB))
            assert (refused.status_code, "view = true" in refused.json()["error"]["message"]) == (403, True)
        assert client.get("/view/", headers={"Authorization": "Basic %%%"}).status_code == 401
        assert client.get("/v1/models", auth=("", ALICE)).status_code == 401  # a password is for pages alone
        reply = server.client(BOB).chat.completions.create(model="embedded", messages=chat())
        page = Page(client.get("/view/", auth=("anybody", ALICE)).text)
        assert "1 solve." in page.text
        assert QUESTION in page.text
        text = Page(client.get("/view/solve?id=1", headers={"Authorization": f"Bearer {ALICE}"}).text).text
        assert QUESTION in text
        assert client.get("/view", auth=("", ALICE), follow_redirects=True).status_code == 200
        with SolveLog(log) as store:
            [solve] = store.list_recent()
        assert solve.result["text"] == reply.choices[0].message.content
        log.write_bytes(b"no log at all" * 100)  # a reply that was paid for is sent all the same
        assert server.client(BOB).chat.completions.create(model="embedded", messages=chat()).choices


def test_the_log_is_not_shown_without_keys() -> None:
    made = CliRunner().invoke(cli, ["serve", "--view", "--port", "0"], prog_name="adaptive")
    assert (made.exit_code, "--view shows everybody's solves: give --keys" in made.stderr) == (2, True)
