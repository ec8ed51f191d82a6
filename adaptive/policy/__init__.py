"""Pure functions of plain data: which rung first, what next, which attempt is kept."""
