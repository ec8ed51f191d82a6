"""What vLLM loads into itself: budget forcing inside a request."""
