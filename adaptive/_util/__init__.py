"""Tools that know nothing of questions."""
