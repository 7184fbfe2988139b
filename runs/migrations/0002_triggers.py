import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='crontrigger',
            name='deleted_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='crontrigger',
            name='last_run',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='runs.syncjobrun'),
        ),
        migrations.AddField(
            model_name='crontrigger',
            name='last_skip_code',
            field=models.CharField(blank=True, choices=[('live_run', 'The same run was still live'), ('refused', 'The run would not have been accepted')], editable=False, max_length=10),
        ),
        migrations.AddField(
            model_name='crontrigger',
            name='last_skip_reason',
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name='crontrigger',
            name='last_skipped_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='runevent',
            name='kind',
            field=models.CharField(choices=[('created', 'Created'), ('started', 'Started'), ('step_started', 'Step Started'), ('step_finished', 'Step Finished'), ('rate_limited', 'Rate Limited'), ('worker_lost', 'Worker Lost'), ('late_worker', 'Late Worker'), ('slot_skipped', 'Slot Skipped'), ('stop_requested', 'Stop Requested'), ('completed', 'Completed'), ('failed', 'Failed'), ('stopped', 'Stopped')], max_length=20),
        ),
        migrations.AddConstraint(
            model_name='crontrigger',
            constraint=models.CheckConstraint(condition=models.Q(('last_skip_code__in', ['', 'live_run', 'refused'])), name='trigger_skip_known'),
        ),
    ]
