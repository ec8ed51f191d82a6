"""How many cases a property gets whose every case is dear."""

from __future__ import annotations

from hypothesis import settings

WHOLE_SOLVES = settings(max_examples=max(10, settings.default.max_examples // 5))  # type: ignore[union-attr]
"""Of properties whose case is a solve or several, 50 ms each and more: 40 where others get 200."""
