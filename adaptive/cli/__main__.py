"""`python -m adaptive.cli`, for when the console script is not on the path."""

from __future__ import annotations

from adaptive.cli import main

main()
