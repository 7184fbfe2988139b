"""The admin: everything may be looked at, and only what has no history behind it is edited directly."""

from django.contrib import admin

<<<<<<< HEAD
from runs.admin import bulk, daemons, definitions, errors, people, records, runs, tokens, webhooks
=======
from runs.admin import bulk, daemons, definitions, habits, people, records, runs, tokens, webhooks
>>>>>>> habits

admin.site.site_header = admin.site.site_title = "Syncdeck"
admin.site.index_title = "Administration"

<<<<<<< HEAD
__all__ = ["bulk", "daemons", "definitions", "errors", "people", "records", "runs", "tokens", "webhooks"]
=======
__all__ = ["bulk", "daemons", "definitions", "habits", "people", "records", "runs", "tokens", "webhooks"]
>>>>>>> habits
