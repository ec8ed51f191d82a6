"""The keys of clients, each with its own limits, from a TOML file.

A limit of money needs the price of every model that a client may name: what a solve without a price cost is not
known, and after it nothing can be said of the limit. `adaptive serve` refuses to start without them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from adaptive._util.files import read_toml
from adaptive.errors import InputError
from adaptive.policy.limits import find_spending_limit
from adaptive.serve.errors import ApiError
from adaptive.types.from_json import dataclass_from_json
from adaptive.types.options import Options
from adaptive.types.setting import Setting
from adaptive.types.usage import Usage

SHORTEST_KEY = 16
"""Characters of a key: a shorter one can be guessed."""


@dataclass(frozen=True)
class KeyEntry:
    """A table of the file.

    Args:
        key: What the client sends as `Authorization: Bearer KEY`.
        max_tokens: All tokens that its solves may spend until the server ends.
        max_cost: The same in dollars.
        view: Whether it opens the pages of the log, which show everybody's solves.
    """

    key: str
    max_tokens: Annotated[int | None, Setting("Tokens of all solves.", ge=1)] = None
    max_cost: Annotated[float | None, Setting("Dollars of all solves.", gt=0)] = None
    view: bool = False

    def __post_init__(self) -> None:
        if len(self.key) < SHORTEST_KEY or not self.key.isascii() or not self.key.isprintable() or " " in self.key:
            raise InputError(
                f"a key has {SHORTEST_KEY} or more ASCII characters without blanks, this one has {len(self.key)}."
            )


@dataclass
class Client:
    """Who sends requests, and what their solves have spent since the server started."""

    name: str = ""
    limits: Options = field(default_factory=Options)
    spent: Usage = field(default_factory=lambda: Usage(cost=0.0))
    may_view: bool = False

    def check_limits(self) -> None:
        """Raise `ApiError` if nothing is left. What runs is finished, so a limit is exceeded by that at most."""
        if reached := find_spending_limit(self.spent, self.limits):
            raise ApiError(
                429,
                f"the key of {self.name!r} is used up ({reached}): ask the server's owner for more.",
                "insufficient_quota",
                code="insufficient_quota",
                headers={"x-should-retry": "false"},
            )


class Keyring:
    """The clients that may send requests; with no keys, anybody who reaches the server."""

    def __init__(self, entries: Mapping[str, KeyEntry] | None = None) -> None:
        # By digest: the time that a look-up takes says nothing about a key.
        self._clients = {
            _digest(entry.key): Client(
                name, Options(max_tokens=entry.max_tokens, max_cost=entry.max_cost), may_view=entry.view
            )
            for name, entry in (entries or {}).items()
        }
        self._anybody = Client() if entries is None else None

    @classmethod
    def load(cls, file: str | Path) -> Keyring:
        """Read `[NAME]` tables of `key`, `max_tokens`, `max_cost` and `view`.

        Raises:
            InputError: The file cannot be read, names no key, names one twice or holds a wrong value.
        """
        entries = {
            name: dataclass_from_json(KeyEntry, table, f"[{name}] in {file}")
            for name, table in read_toml(file).items()
        }
        if not entries:
            raise InputError(f'{file} names no key: write a table such as [alice] with key = "...".')
        keys = [entry.key for entry in entries.values()]
        if len(set(keys)) < len(keys):
            raise InputError(f"two names in {file} have the same key: give each its own.")
        return cls(entries)

    @property
    def is_open(self) -> bool:
        """Whether no key is needed."""
        return self._anybody is not None

    @property
    def money_limits(self) -> list[float]:
        """The dollars of those keys that have a limit of money."""
        limits = (client.limits.max_cost for client in self._clients.values())
        return [limit for limit in limits if limit is not None]

    def find_client(self, authorization: Sequence[str]) -> Client:
        """Return who sent a request.

        Args:
            authorization: The values of its `Authorization` headers.

        Raises:
            ApiError: It has no key, or one that is not in the file.
        """
        if self._anybody is not None:
            return self._anybody
        kind, _, key = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        client = self._clients.get(_digest(key.strip())) if kind.lower() == "bearer" else None
        if client is None:
            why = "is not one of this server's" if key else "is missing: send Authorization: Bearer KEY"
            raise ApiError(
                401, f"the API key {why}.", code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"}
            )
        return client

    def find_viewer(self, authorization: Sequence[str]) -> Client:
        """Return who opens the pages of the log: with a key as in `find_client`, or as a browser's password.

        Raises:
            ApiError: There is no such key, or it does not open them.
        """
        try:
            client = self.find_client([_read_password(one) for one in authorization])
        except ApiError as error:
            error.headers["WWW-Authenticate"] = 'Basic realm="adaptive: any name, and a key as the password"'
            raise
        if not client.may_view:
            raise ApiError(403, f"the key of {client.name!r} does not open this page: view = true lets it.")
        return client


def _read_password(authorization: str) -> str:
    """Return what a browser sends after asking for a name and a password as a key; all else stays."""
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "basic":
        return authorization
    try:
        return f"Bearer {base64.b64decode(text, validate=True).decode('utf-8').partition(':')[2]}"
    except ValueError:
        return authorization


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
