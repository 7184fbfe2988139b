"""Which steps of a migration the code of before it would stumble over, while both are at work on one database."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection, migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field
from django.db.models.fields import NOT_PROVIDED

GONE = (migrations.DeleteModel, migrations.RemoveField)
RENAMED = (migrations.RenameModel, migrations.RenameField, migrations.AlterModelTable)
# A rule that rows of the code of before may break, and steps that nobody but a reader can judge.
TO_BE_READ = (
    migrations.AddConstraint,
    migrations.AlterUniqueTogether,
    migrations.AlterIndexTogether,
    migrations.AlterOrderWithRespectTo,
    migrations.RunPython,
    migrations.RunSQL,
)
HARMLESS = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.RemoveConstraint,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.AlterModelTableComment,
)


def stumbling_blocks(operation: Operation, app: str, before: ProjectState, after: ProjectState) -> Iterator[str]:
    """Each in a sentence. The states are those ahead of the operation and behind it."""
    name = f"{type(operation).__name__} {operation.describe()}"
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        for part in operation.database_operations:
            yield from stumbling_blocks(part, app, before, after)
    elif isinstance(operation, GONE):
        yield f"{name}: the code of before still names it."
    elif isinstance(operation, RENAMED):
        yield f"{name}: the code of before knows the old name alone."
    elif isinstance(operation, TO_BE_READ):
        yield f"{name}: whether the code of before can live with it, only its reader can tell."
    elif isinstance(operation, migrations.AddField):
        field = after.apps.get_model(app, operation.model_name)._meta.get_field(operation.name)
        if _is_demanded(field):
            yield f"{name}: rows that the code of before inserts don't name it, and it has no db_default."
    elif isinstance(operation, migrations.AlterField):
        models = [state.apps.get_model(app, operation.model_name) for state in (before, after)]
        old, new = (model._meta.get_field(operation.name) for model in models)
        if _is_demanded(new) and not _is_demanded(old):
            yield f"{name}: rows that the code of before inserts may lack it."
        if (old.column, old.db_type(connection)) != (new.column, new.db_type(connection)):
            yield f"{name}: the column has another name or type."
        if new.unique and not old.unique:
            yield f"{name}: rows of the code of before may break the rule that it is unique."
    elif not isinstance(operation, HARMLESS):
        yield f"{name}: tests/upgrade/rolling.py does not know it."


def _is_demanded(field: Field[object, object]) -> bool:
    """Whether a row that does not name the column is refused."""
    is_column = field.concrete and not field.many_to_many and not getattr(field, "generated", False)
    return bool(is_column and not field.null and field.db_default is NOT_PROVIDED)
