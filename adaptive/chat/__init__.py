"""Chat models of any provider behind one small handle: the settings of a call, and its response."""
