"""Measurements behind the README's figures; each module is a command: `python -m bench.loop`, `python -m bench.times`."""
