"""What the engines of models on this machine do beyond the protocol: options, and an end without orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from adaptive._util.files import find_artifact
from adaptive.engines.registry import open_engine
from adaptive.errors import AdaptiveError, InputError
from tests.engines.backends import CPU

HF = str(find_artifact("abacus") / "hf")
pytestmark = pytest.mark.filterwarnings("default")
with_torch = pytest.mark.skipif(
    find_spec("transformers") is None or find_spec("torch") is None, reason="transformers is not installed"
)
with_vllm = pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: .ci/run runs this")


@with_torch
@pytest.mark.parametrize(
    ("spec", "options", "said"),
    [
        (f"hf:{HF}", {"dtype": "float31"}, "dtype 'float31' is not known"),
        (f"hf:{HF}", {"device": "cuda:99"}, "device 'cuda:99' cannot be used"),
        (f"hf:{HF}", {"colour": 1}, "takes no option 'colour': it takes dtype, device, sessions, markers"),
        ("hf:no-such/model-at-all", {}, "hf download no-such/model-at-all"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(
    spec: str, options: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(AdaptiveError) as caught:
        open_engine(spec, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@with_torch
def test_a_folder_without_weights_is_one_sentence(tmp_path: Path) -> None:
    for file in Path(HF).iterdir():
        if not file.name.endswith(".safetensors"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(AdaptiveError, match="does not load"):
        open_engine(f"hf:{tmp_path}")


@pytest.mark.parametrize(("spec", "extra"), [("hf:any/model", "transformers"), ("vllm:any/model", "vllm")])
def test_a_missing_extra_is_one_sentence(spec: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, extra, None)
    with pytest.raises(InputError, match=rf"pip install 'adaptive-thinking\[{extra}\]'"):
        open_engine(spec)


@with_vllm
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(how: signal.Signals, tmp_path: Path) -> None:
    """Interrupted or killed in the middle of a solve: vLLM's own process ends with ours."""
    command = [sys.executable, "-m", "adaptive.cli", "solve", "What is 12 + 34?", "-m", f"vllm:{HF}", "--no-log"]
    command += ["--waits", "50", "--no-adapt", "--budget", "900", "--show-thinking", "-o", "dtype=float32"]
    # Both processes hold the pipe: it ends when the last one has.
    ours = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=CPU | os.environ,
        start_new_session=True,
    )  # fmt: skip
    assert ours.stderr is not None
    for line in ours.stderr:
        if "attempt 1" in line:
            break
    ours.send_signal(how)
    _, said = ours.communicate(timeout=60)
    assert ours.returncode in (130, -signal.SIGKILL)
    assert "Traceback" not in (said or "")
