"""What is the answer of a text, are two answers the same, and is an answer right."""
