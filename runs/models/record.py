"""The record store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.db import connection, models
from django.db.models import F, Func, Q

from runs.models.base import uuid7
from runs.models.fields import UncheckedJSONField
from runs.models.integration import IntegratedAccount
from runs.models.run import SyncJobRun

MOST_RESOURCES = 200
CLOCK_SLACK = timedelta(seconds=1)

# One step of the index per resource, however many records it has: `min` reads the first entry beyond the last one.
_RESOURCES = """
    WITH RECURSIVE named (resource) AS (
        SELECT min(resource) FROM runs_record WHERE integrated_account_id = %s
        UNION ALL
        SELECT (SELECT min(r.resource) FROM runs_record r
                WHERE r.integrated_account_id = %s AND r.resource > named.resource)
        FROM named WHERE named.resource IS NOT NULL
    )
    SELECT resource FROM named WHERE resource IS NOT NULL LIMIT %s"""


class StoredSize(Func):
    """How many bytes a column takes where it lies, without reading it where the database can say so."""

    function = "pg_column_size"
    output_field = models.IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="length", **extra)


class RecordQuerySet(models.QuerySet["Record"]):
    def with_size(self) -> Self:
        """Each with `stored_size`, and without its data, which may be large."""
        return self.annotate(stored_size=StoredSize(F("data"))).defer("data", "content_hash")

    def resources_of(self, account: IntegratedAccount) -> list[str]:
        """The resources of which the account has records, in order; at most `MOST_RESOURCES`."""
        account_id = Record._meta.get_field("integrated_account").get_db_prep_value(account.pk, connection)
        with connection.cursor() as cursor:
            cursor.execute(_RESOURCES, [account_id, account_id, MOST_RESOURCES])
            return [name for (name,) in cursor.fetchall()]


def id_begins_with(text: str) -> Q:
    """Records whose id begins with the text, as the index `record_once` finds them, in whatever locale it is.

    On SQLite texts compare by bytes, and its LIKE does not tell capitals from small letters.
    """
    if connection.vendor == "sqlite":
        return Q(record_id__gte=text, record_id__lt=f"{text}\U0010ffff")
    return Q(record_id__startswith=text)


class Record(models.Model):
    """The last state of one record of one account. Written by `runs.engine.sinks` only, in bulk.

    The account and the runs are named without a constraint in the database: each of millions of rows would pay for the
    check. A run may be pruned while its records stay; an account's row stays for good, and its deletion erases them.

    `created_at` is the time that the id was drawn at; of rows from before it was, it is away by `CLOCK_SLACK` at most.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    integrated_account = models.ForeignKey(
        IntegratedAccount, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="records"
    )
    resource = models.CharField(max_length=255)
    record_id = models.CharField(max_length=512)
    data = UncheckedJSONField()
    content_hash = models.BinaryField(max_length=16, help_text="BLAKE2b of the JSON as it came last.")
    first_run = models.ForeignKey(
        SyncJobRun, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    last_run = models.ForeignKey(
        SyncJobRun, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was found to be gone at the source (`delete_tracking: soft`)."
    )

    objects = RecordQuerySet.as_manager()
    stored_size: int  # of rows that were read `with_size`

    class Meta:
        ordering = ["-id"]
        constraints = [
            # By patterns, so that the same index finds the ids that begin with something.
            models.UniqueConstraint(
                fields=["integrated_account", "resource", "record_id"],
                name="record_once",
                opclasses=["uuid_ops", "varchar_ops", "varchar_pattern_ops"],
            )
        ]
        # Each of them costs every record that is stored. Ids are drawn in the order of creation, so the list of all has
        # none of its own. Ascending, though the lists are read from their ends: what is new comes to the right, where
        # databases need not look for its place and leave full pages behind.
        indexes = [
            models.Index(
                fields=["integrated_account", "resource", "updated_at", "id"], name="record_of_resource"
            ),  # in place of the foreign key's own, which `record_once` begins with
            models.Index(fields=["integrated_account", "id"], name="record_list"),
            models.Index(fields=["integrated_account", "updated_at"], name="record_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.record_id}"
