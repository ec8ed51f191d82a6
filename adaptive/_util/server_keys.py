"""The key for a model server, from the environment: sent to no host but the one that it is for."""

from __future__ import annotations

import os
import re

import httpx

from adaptive._util.redact import redact_address
from adaptive.errors import InputError

SERVER_KEY_VARIABLES = ("ADAPTIVE_API_KEY", "VLLM_API_KEY", "LLAMA_API_KEY")
"""The key of servers without one of their own is the first of these environment variables that is set."""


def parse_address(url: str) -> httpx.URL:
    """Return the parts of a server's address; raise `InputError` if it is none."""
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):  # what they say may quote a password
        address = httpx.URL()
    if not address.host or not 0 < (address.port or 1) < 1 << 16:
        raise InputError(f"the address {redact_address(url)} is not valid: write it as http://host:port/v1.")
    return address


def find_server_key(url: str) -> str | None:
    """Return the key for a server from the environment, if there is one.

    A key of its own comes first: ADAPTIVE_API_KEY_GPU_EXAMPLE_ORG is only sent to gpu.example.org, and
    ADAPTIVE_API_KEY_LOCALHOST_8000 only to port 8000 of localhost. The address must be one that the user named.
    """
    address = parse_address(url)
    host = re.sub(r"[^A-Z0-9]", "_", address.host.upper())
    own = [f"ADAPTIVE_API_KEY_{host}"]
    if address.port is not None:
        own.insert(0, f"{own[0]}_{address.port}")
    return next((os.environ[k] for k in (*own, *SERVER_KEY_VARIABLES) if os.environ.get(k)), None)
