"""Measurements: each speed is a ratio to a floor of raw SQL, measured in the same run, in turns."""
