"""Models by ID or folder: where the files of a tokenizer and chat template are."""

from __future__ import annotations

from pathlib import Path

from adaptive.errors import InputError, on_one_line
from adaptive.extras import imported

FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json", "config.json")


def tokenizer_folder(model: str) -> Path:
    """The folder of a model given by folder or by ID; what of an ID is not in the hub's cache is fetched.

    Raises `InputError` where there is neither, or no network to ask.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    hub = imported("huggingface_hub", "transformers")
    try:
        return Path(hub.snapshot_download(model, allow_patterns=list(FILES)))
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        said = on_one_line(error).partition(". ")[0][:160]
        raise InputError(
            f"model {model!r} is no folder and could not be had from the Hugging Face hub ({said}): "
            f"check the name, or fetch it where there is a network with 'hf download {model}'."
        ) from error
