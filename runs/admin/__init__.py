"""The admin: everything may be looked at, and only what has no history behind it is edited directly."""

from runs.admin import daemons, definitions, people, records, runs, tokens, webhooks

__all__ = ["daemons", "definitions", "people", "records", "runs", "tokens", "webhooks"]
