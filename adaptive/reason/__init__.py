"""Turns a question and a rung into an attempt inside exactly the rung's budget. LangGraph is unknown here."""
