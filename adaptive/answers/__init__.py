"""What is the answer, are two the same, is it right."""
