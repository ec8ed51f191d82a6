"""The TOML file of `adaptive serve --config`: the server's settings, and a table for each model that it serves.

Values are read as the options of the command line that they are named after, so they have the same checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from adaptive._util.files import read_toml
from adaptive.errors import InputError

SERVER_KEYS = ("host", "port", "keys", "concurrency", "queue", "body_limit", "drain", "view")
"""Options of the command that the file may set; the command line comes before it."""
MODELS = "models"
CHECKS = "checks"


def read_config(file: str | Path) -> dict[str, Any]:
    """Return the tables of a file; raise `InputError` if it cannot be read, or has an unknown key."""
    data = read_toml(file)
    if other := next((key for key in data if key not in (*SERVER_KEYS, CHECKS, MODELS)), None):
        keys = ", ".join(SERVER_KEYS)
        raise InputError(
            f"{file} has the unknown key {other!r}: it takes {keys}, a table [checks] and tables [models.NAME]."
        )
    checks = data.setdefault(CHECKS, {})
    if not isinstance(checks, dict) or not all(isinstance(check, str) for check in checks.values()):
        raise InputError(f'[checks] in {file} must name checks as text: write form = "schema:form.json".')
    models = data.get(MODELS)
    if not isinstance(models, dict) or not models:
        raise InputError(f'{file} names no model: write a table such as [models.small] with model = "...".')
    for name, table in models.items():
        if not isinstance(table, dict) or "model" not in table:
            raise InputError(f'[models.{name}] in {file} names no model: write model = "embedded", for example.')
    return data


def parse_model_table(
    name: str, table: Mapping[str, Any], file: str | Path, options: Sequence[click.Parameter]
) -> dict[str, Any]:
    """Return the settings of a model: the parameters of these options, by name.

    Args:
        name: The model's name.
        table: Its table.
        file: The file, for errors.
        options: The options that a table may have.

    Raises:
        InputError: The table has an unknown key or a wrong value.
    """
    where = f"[models.{name}] in {file}"
    command = click.Command("serve", params=list(options))
    arguments = [
        argument for key, value in table.items() for argument in _to_arguments(key, value, options, where)
    ]
    try:
        return command.make_context("serve", arguments, auto_envvar_prefix="ADAPTIVE").params
    except click.UsageError as error:
        raise InputError(f"{where}: {error.format_message().rstrip('.')}.") from error


def _to_arguments(key: str, value: Any, options: Sequence[click.Parameter], where: str) -> list[str]:
    """Return a key as the command line would have it."""
    names = {_to_key(flag): (option, flag) for option in options for flag in option.opts if flag.startswith("--")}
    if key not in names:
        raise InputError(f"{where} has the unknown key {key!r}: it takes {', '.join(names)}.")
    option, flag = names[key]
    if isinstance(value, bool):
        if not getattr(option, "is_flag", False):
            raise InputError(f"{where}: {key} cannot be {str(value).lower()}.")
        return [flag] if value else []
    values = value if isinstance(value, list) and option.multiple else [value]
    if isinstance(value, dict) and option.multiple:
        values = [f"{one}={_to_text(given)}" for one, given in value.items()]
    if not all(isinstance(one, str | int | float) for one in values) or getattr(option, "is_flag", False):
        raise InputError(f"{where}: {key} cannot be {value!r}.")
    return [f"{flag}={_to_text(one)}" for one in values]


def _to_key(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
