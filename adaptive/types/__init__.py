"""Plain data that flows between the rooms, JSON in and out."""
