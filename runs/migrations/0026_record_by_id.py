from datetime import UTC, datetime, timedelta

import runs.models.fields
from django.db import migrations, models

SLACK = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def let_creation_follow_ids(apps, schema_editor):
    """Times of creation are looked for among the ids, which differ only where a clock was set back under a daemon."""
    records = apps.get_model('runs', 'Record').objects.using(schema_editor.connection.alias)
    for record_id, created_at in records.values_list('id', 'created_at').order_by().iterator(chunk_size=10_000):
        drawn = EPOCH + timedelta(milliseconds=record_id.int >> 80)
        if abs(created_at - drawn) > SLACK:
            records.filter(id=record_id).update(created_at=drawn)


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0025_live_runs'),
    ]

    operations = [
        migrations.RunPython(let_creation_follow_ids, migrations.RunPython.noop, elidable=True),
        migrations.AlterModelOptions(
            name='record',
            options={'ordering': ['-id']},
        ),
        migrations.RemoveIndex(
            model_name='record',
            name='record_list',
        ),
        migrations.RemoveIndex(
            model_name='record',
            name='record_of_all',
        ),
        migrations.AlterField(
            model_name='record',
            name='data',
            field=runs.models.fields.UncheckedJSONField(),
        ),
        migrations.AddIndex(
            model_name='record',
            index=models.Index(fields=['integrated_account', 'id'], name='record_list'),
        ),
    ]
