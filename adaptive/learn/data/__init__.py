"""Questions and recorded outcomes, read and written."""
