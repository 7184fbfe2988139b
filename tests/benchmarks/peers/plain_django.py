"""What one writes in an afternoon: requests, and one `bulk_create` with `update_conflicts` per page."""

from __future__ import annotations

import sys
import time
from urllib.parse import urlsplit

import django
import requests
from django.conf import settings

url, dsn, page_size, _ = sys.argv[1:]
at = urlsplit(dsn)
database = {"HOST": at.hostname, "PORT": at.port or 5432, "USER": at.username, "NAME": at.path[1:]}
settings.configure(
    INSTALLED_APPS=[],
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "PASSWORD": at.password or "", **database}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.db import connection, models, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402


class Record(models.Model):  # noqa: DJ008 - nobody reads it
    account = models.IntegerField()
    resource = models.CharField(max_length=255)
    record_id = models.CharField(max_length=255)
    data = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "peers"
        db_table = "plain_django"
        constraints = [models.UniqueConstraint(fields=["account", "resource", "record_id"], name="plain_django_once")]


if Record._meta.db_table not in connection.introspection.table_names():
    with connection.schema_editor() as editor:
        editor.create_model(Record)

begun = time.perf_counter()
session, page = requests.Session(), 1
while page:
    answer = session.get(f"{url}/records", params={"page": page, "per_page": page_size}, timeout=30)
    answer.raise_for_status()
    body = answer.json()
    rows = [Record(account=1, resource="records", record_id=str(one["id"]), data=one) for one in body["data"]]
    with transaction.atomic():
        Record.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "resource", "record_id"],
            update_fields=["data", "updated_at"],
        )
    page = body["next_page"]
print(time.perf_counter() - begun)
