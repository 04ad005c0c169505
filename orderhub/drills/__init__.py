"""Failure drills: each breaks something on purpose and counts, outside our tables where it can, what came of it."""
