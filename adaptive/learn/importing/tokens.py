"""Counts tokens of texts with a tokenizer that the user names, for logs without counts."""

from __future__ import annotations

from collections.abc import Callable

from adaptive.errors import InputError


def open_token_counter(name: str) -> Callable[[str], int]:
    """Return what counts the tokens of a text.

    Args:
        name: A folder with tokenizer.json, or an ID of the Hugging Face hub.

    Raises:
        InputError: There is no such tokenizer.
    """
    from tokenizers import Tokenizer

    from adaptive.engines.tokenizer import find_tokenizer_folder

    file = find_tokenizer_folder(name) / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:
        raise InputError(
            f"{file} is no tokenizer that can be read ({error}): name another --tokenizer."
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
