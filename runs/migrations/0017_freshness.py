import datetime

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Count, Max, Q
from django.db.models.functions import TruncDate
from django.utils import timezone


DAYS = datetime.timedelta(days=14)  # as many as a strip shows
AT_ONCE = 1000


def fill(apps, schema_editor):
    """What the runs that have ended until now would have left: two passes over them, and rows in batches."""
    Run = apps.get_model("runs", "SyncJobRun")
    _fill_days(Run, apps.get_model("runs", "AccountDay"))
    ended = Run.objects.exclude(finished_at=None).order_by("integrated_account", "sync_job")
    completed = Max("finished_at", filter=Q(status="completed"))
    pairs = ended.values("integrated_account", "sync_job").annotate(completed=completed, ended=Max("finished_at"))
    of_jobs, of_accounts = [], {}
    for pair in pairs.iterator():
        account, job = pair["integrated_account"], pair["sync_job"]
        last = ended.filter(integrated_account=account, sync_job=job, finished_at=pair["ended"])
        run = last.only("id", "status", "error_count").latest("created_at")
        told = {
            "last_completed_at": pair["completed"], "last_ended_at": pair["ended"],
            "last_ending": _ending(run.status, run.error_count), "last_run_id": run.id,
        }
        of_jobs.append({"account_id": account, "sync_job_id": job, **told})
        of_accounts[account] = _later(of_accounts.get(account), {"account_id": account, **told})
    _insert(apps.get_model("runs", "JobFreshness"), of_jobs)
    _insert(apps.get_model("runs", "AccountFreshness"), of_accounts.values())


def _fill_days(Run, AccountDay):
    since = timezone.now() - DAYS
    recent = Run.objects.filter(finished_at__gte=since).order_by()
    day = TruncDate("finished_at", tzinfo=datetime.timezone.utc)
    warned = Count("pk", filter=Q(error_count__gt=0))
    rows = {}
    grouped = recent.values("integrated_account", "status", day=day).annotate(runs=Count("pk"), warned=warned)
    for group in grouped.iterator():
        key = (group["integrated_account"], group["day"])
        row = rows.setdefault(key, {"account_id": key[0], "day": key[1]})
        if group["status"] == "completed":
            row |= {"completed": group["runs"] - group["warned"], "warned": group["warned"]}
        else:
            row[group["status"]] = group["runs"]
    _insert(AccountDay, rows.values())


def _insert(model, rows):
    model.objects.bulk_create((model(**row) for row in rows), batch_size=AT_ONCE)


def _ending(status, error_count):
    return "warned" if status == "completed" and error_count else status


def _later(known, told):
    """Of an account's jobs: the run that ended last, and the time when one last completed."""
    if known is None:
        return told
    last = max(known, told, key=lambda row: row["last_ended_at"])
    completed = [row["last_completed_at"] for row in (known, told) if row["last_completed_at"]]
    return {**last, "last_completed_at": max(completed, default=None)}


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0016_habits_fill'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountFreshness',
            fields=[
                ('last_completed_at', models.DateTimeField(blank=True, null=True)),
                ('last_ended_at', models.DateTimeField(blank=True, null=True)),
                ('last_ending', models.CharField(blank=True, choices=[('completed', 'Completed'), ('warned', 'Completed with errors'), ('failed', 'Failed'), ('stopped', 'Stopped')], max_length=10)),
                ('last_run_id', models.UUIDField(blank=True, help_text='The run that ended last.', null=True)),
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='freshness', serialize=False, to='runs.integratedaccount')),
            ],
            options={
                'verbose_name_plural': 'account freshness',
            },
        ),
        migrations.AddField(
            model_name='crontrigger',
            name='earlier_slot_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='The one before that.', null=True),
        ),
        migrations.AddField(
            model_name='crontrigger',
            name='last_slot_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='The last slot that a run was due for, since it was armed.', null=True),
        ),
        migrations.CreateModel(
            name='AccountDay',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('completed', models.PositiveIntegerField(default=0)),
                ('warned', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('stopped', models.PositiveIntegerField(default=0)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='days', to='runs.integratedaccount')),
            ],
            options={
                'indexes': [models.Index(fields=['day'], name='account_day_age')],
                'constraints': [models.UniqueConstraint(fields=('account', 'day'), name='account_day_once')],
            },
        ),
        migrations.CreateModel(
            name='JobFreshness',
            fields=[
                ('last_completed_at', models.DateTimeField(blank=True, null=True)),
                ('last_ended_at', models.DateTimeField(blank=True, null=True)),
                ('last_ending', models.CharField(blank=True, choices=[('completed', 'Completed'), ('warned', 'Completed with errors'), ('failed', 'Failed'), ('stopped', 'Stopped')], max_length=10)),
                ('last_run_id', models.UUIDField(blank=True, help_text='The run that ended last.', null=True)),
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='job_freshness', to='runs.integratedaccount')),
                ('sync_job', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='freshness', to='runs.syncjob')),
            ],
            options={
                'verbose_name_plural': 'job freshness',
                'constraints': [models.UniqueConstraint(fields=('account', 'sync_job'), name='job_freshness_once')],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
