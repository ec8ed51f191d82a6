"""Chat models of any provider behind one small handle: the levers of a call, and what it brought."""
