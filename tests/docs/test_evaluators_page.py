"""docs/evaluators.md: a judge for openevals and deepeval, and LangSmith's `evaluate` without LangSmith."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.hosted.script import Asked, Spoken
from tests.hosted.server import Hosted

PAGE = ROOT / "docs" / "evaluators.md"
OPENEVALS, LANGSMITH = (code for _, code in blocks(PAGE))
(DEEPEVAL,) = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def judge(asked: Asked) -> Spoken:
    """Fills in the form that it is given: all is right."""
    schema = asked.body["response_format"]["json_schema"]["schema"]
    right: dict[str, Any] = {"boolean": True, "integer": 10, "number": 10, "string": "It is the same number."}
    return Spoken(json.dumps({name: right[one["type"]] for name, one in schema["properties"].items()}), thought=20)


@pytest.fixture
def hosted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    with Hosted(judge) as server:
        monkeypatch.setenv("OPENAI_API_KEY", server.key)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        yield server


class LangSmith(BaseHTTPRequestHandler):
    """LangSmith's server, which may be asked what it is; what is posted is kept."""

    posted: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self.posted.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self._reply()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _reply(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")


def run(*code: str) -> dict[str, Any]:
    """Run examples one after the other; their names."""
    names: dict[str, Any] = {"__name__": "example"}
    for one in code:
        exec(compile(one, str(PAGE), "exec", dont_inherit=True), names)
    return names


def test_openevals(hosted: Hosted, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openevals")
    run(OPENEVALS)
    assert capsys.readouterr().out == "correct True\n"
    assert [asked.model for asked in hosted.asked] == ["gpt-5-mini"]


@pytest.mark.filterwarnings("ignore:'upload_runs' parameter is in beta")
def test_langsmith_offline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("LANGSMITH_API_KEY", "LANGSMITH_TRACING", "LANGCHAIN_API_KEY", "LANGCHAIN_TRACING_V2"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), LangSmith) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        monkeypatch.setenv("LANGSMITH_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        run(LANGSMITH)
        server.shutdown()
    assert LangSmith.posted == []
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert sorted(re.findall(r"'answer': '(\d+)'", "".join(lines))) == ["4", "73"]
    assert all("'is_right': 1" in line or "'is_right': True" in line for line in lines)
    assert all(re.search(r"'tokens': [1-9]", line) for line in lines)


def test_deepeval(hosted: Hosted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DEEPEVAL_TELEMETRY_OPT_OUT", "YES")
    pytest.importorskip("deepeval", reason="deepeval is not installed: .ci/run runs this where it is")
    from adaptive.agents import ChatAdaptive

    names: dict[str, Any] = {"__name__": "example", "judge": ChatAdaptive(model="openai:gpt-5-mini")}
    exec(compile(DEEPEVAL, str(PAGE), "exec", dont_inherit=True), names)
    assert names["metric"].score == 1.0
    assert {asked.model for asked in hosted.asked} == {"gpt-5-mini"}
