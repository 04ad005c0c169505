"""Start-up checks: a misspelt dotted name fails `manage.py check`, not a night shift."""
