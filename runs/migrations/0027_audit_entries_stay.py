"""The audit list is only ever added to: the database itself refuses everything else.

SQLite loses a table's triggers when Django makes the table anew: a later migration that changes it has to set them again.
"""

from typing import Any

from django.db import migrations

REFUSAL = "An audit entry is neither changed nor removed."
GUARDS = {
    "postgresql": (
        f"""CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$""",
        """CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE ON runs_auditentry
            FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()""",
    ),
    "sqlite": (
        f"""CREATE TRIGGER audit_entry_stays BEFORE UPDATE ON runs_auditentry
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
        f"""CREATE TRIGGER audit_entry_remains BEFORE DELETE ON runs_auditentry
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    ),
}
NO_GUARDS = {
    "postgresql": (
        "DROP TRIGGER audit_entry_stays ON runs_auditentry",
        "DROP FUNCTION refuse_audit_change()",
    ),
    "sqlite": ("DROP TRIGGER audit_entry_stays", "DROP TRIGGER audit_entry_remains"),
}


def guard(apps: Any, schema_editor: Any) -> None:
    for statement in GUARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def unguard(apps: Any, schema_editor: Any) -> None:
    for statement in NO_GUARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("runs", "0026_record_by_id")]

    operations = [migrations.RunPython(guard, unguard)]
