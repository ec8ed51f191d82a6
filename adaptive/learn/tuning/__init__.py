"""Policies replayed on recorded outcomes, and chosen by risk control."""
