"""The package has no such name, although it imports its names lazily."""

from adaptive import build_slover

build_slover()
