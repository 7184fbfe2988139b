"""Definitions as files: what `manage.py apply` reads and `manage.py export` writes."""
