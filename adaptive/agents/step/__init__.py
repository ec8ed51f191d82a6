"""One model call of an agent: its settings, its cost, its verdict."""
