"""What is learned from a model's own answers: difficulty, thresholds, and how far to trust both."""
