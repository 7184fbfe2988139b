"""What older runs tell: whether they were incremental, whether a step persists, and which failures are settled.

In batches of their own transactions, so that neither a lock nor the write-ahead log grows with the table. Done twice it
does the same. Habits are not made up for: five runs fill one.
"""

from django.db import migrations
from django.db.models import Exists, OuterRef, Q, Subquery

BATCH = 2_000


def fill(apps, schema_editor):
    runs = apps.get_model("runs", "SyncJobRun").objects.using(schema_editor.connection.alias)
    steps = apps.get_model("runs", "RunStep").objects.using(schema_editor.connection.alias)
    dated = steps.filter(run=OuterRef("pk"), previous_run_date__isnull=False)
    later = runs.filter(
        sync_job=OuterRef("sync_job"),
        integrated_account=OuterRef("integrated_account"),
        args_hash=OuterRef("args_hash"),
        created_at__gt=OuterRef("created_at"),
        status__in=["completed", "failed"],
    ).order_by("created_at")
    for ids in batches(runs):
        batch = runs.filter(pk__in=ids)
        batch.filter(Exists(dated)).update(is_incremental=True)
        # An entry of which nothing was persisted although it fetched is one that is not to be.
        steps.filter(run__in=ids, fetched__gt=0, persisted=0, error_count=0).update(persists=False)
        failed = batch.filter(status="failed", superseded_at=None)
        superseded_at = Subquery(later.values("finished_at")[:1])
        failed.filter(Exists(later)).update(superseded_at=superseded_at)


def batches(runs):
    """All ids, some at a time by key."""
    rows, beyond = runs.order_by("pk").values_list("pk", flat=True), Q()
    while ids := list(rows.filter(beyond)[:BATCH]):
        yield ids
        beyond = Q(pk__gt=ids[-1])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [('runs', '0015_habits')]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
