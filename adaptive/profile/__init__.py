"""What a solve reads of a model; numpy alone."""
