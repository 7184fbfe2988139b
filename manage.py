#!/usr/bin/env python
"""Django's command line for Syncdeck."""

import os
import sys

from runs.interpreter import expect_many_objects


def main() -> None:
    expect_many_objects()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python: run `make setup`, then use .venv/bin/python.")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Syncdeck is not configured: {error}")


if __name__ == "__main__":
    main()
