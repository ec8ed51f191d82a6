from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adaptive._util import files
from adaptive._util.files import find_artifact, read_json
from adaptive.engines.registry import open_engine
from adaptive.errors import InputError


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("openai:o4-mini", "is a chat model, whose tokens are out of reach: this needs an engine"),
        ("hf:", "model 'hf:' is not known"),
        ("http://", "model 'http://' is not known"),
        ("abacus", "model 'abacus' is not known: use embedded"),
        ("", "model '' is not known: use embedded"),
        ("onnx:", "model 'onnx:' is not known"),
        ("embedded:", "is not known"),
        ("onnx:/no/such/folder", "/no/such/folder"),
    ],
)
def test_what_is_not_there_is_refused_in_one_sentence(spec: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        open_engine(spec)
    said = str(caught.value)
    assert part in said
    assert said.endswith(".")
    assert "\n" not in said


async def test_both_specs_open_the_shipped_model(model_folder: Path) -> None:
    for spec in ("embedded", f"onnx:{model_folder}"):
        engine = open_engine(spec)
        assert engine.name == spec
        assert engine.context_window > 0
        await engine.close()


def test_naming_an_engine_loads_no_runtime() -> None:
    heavy = "onnxruntime_genai tokenizers jinja2 numpy"
    code = f"import sys, adaptive.engines.registry; sys.exit(any(m in sys.modules for m in '{heavy}'.split()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_artifact_is_found_in_the_package_before_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, repository = tmp_path / "package", tmp_path / "repository"
    monkeypatch.setattr(files, "_SEARCH_FOLDERS", (package, repository))
    (repository / "abacus").mkdir(parents=True)
    assert find_artifact("abacus") == repository / "abacus"
    (package / "abacus").mkdir(parents=True)
    assert find_artifact("abacus") == package / "abacus"


@pytest.mark.parametrize("name", ["nothing", "", "README.md"])
def test_a_missing_artifact_is_one_sentence(name: str) -> None:
    with pytest.raises(InputError, match=r"there is no artifact .* reinstall"):
        find_artifact(name)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "cannot be read"),
        (b"{", "is not valid JSON"),
        (b"[]", "holds no JSON object"),
        (b"\xff", "JSON"),
    ],
)
def test_a_broken_json_file_is_one_sentence(tmp_path: Path, content: bytes | None, part: str) -> None:
    path = tmp_path / "file.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=part) as caught:
        read_json(path)
    assert str(path) in str(caught.value)
