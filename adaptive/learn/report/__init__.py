"""What was learned, as tables, cards and plots."""
