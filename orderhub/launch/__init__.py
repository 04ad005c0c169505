"""Starting, stopping and checking the house from nothing, with the standard library alone."""
