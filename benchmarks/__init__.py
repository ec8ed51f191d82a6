"""Measurements behind the README's figures; each module is a command, as `python -m benchmarks.loop`."""
