"""OrderHub's ground floor and project."""
