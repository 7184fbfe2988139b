"""The admin: everything may be looked at, and only what has no history behind it is edited directly."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from runs.admin import (
    alerts,
    audit,
    bulk,
    daemons,
    definitions,
    errors,
    freshness,
    habits,
    people,
    records,
    runs,
    tokens,
    views,
    webhooks,
)

admin.site.site_header = admin.site.site_title = "Syncdeck"
admin.site.index_title = _("Administration")

__all__ = [
    "alerts",
    "audit",
    "bulk",
    "daemons",
    "definitions",
    "errors",
    "freshness",
    "habits",
    "people",
    "records",
    "runs",
    "tokens",
    "views",
    "webhooks",
]
