"""Rows made inside the database, from numbers: the same size gives the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

# A version-7 UUID of the moment {at} and the number {i} (RFC 9562, section 5.7).
UUID7 = """(lpad(to_hex((extract(epoch from {at}) * 1000)::bigint), 12, '0') || '7'
    || substr(md5('{salt}' || {i}), 1, 3) || '8' || substr(md5('{salt}' || {i}), 4, 15))::uuid"""


def numbered(salt: str, i: str) -> str:
    """A UUID that another table's row can name from its number alone; `salt` is a hexadecimal digit."""
    return f"('{salt * 4}0000-0000-7000-8000-' || lpad(to_hex(({i})::bigint), 12, '0'))::uuid"


def one_of(names: tuple[str, ...], i: str) -> str:
    """The name of this number, counted round and round."""
    return f"(ARRAY[{', '.join(repr(name) for name in names)}])[1 + ({i}) % {len(names)}]"


def fill(model: type[models.Model], count: int, columns: Mapping[str, str], *, source: str = "") -> None:
    """Insert `count` rows, numbered `i`, or one for each row of `source`; the columns are SQL expressions.

    Columns that are not given take the field's default, so that a new one needs no change; required ones without a
    default must be given. What the database itself fills in is left to it.
    """
    rest: dict[str, Any] = {
        field.column: field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.local_concrete_fields
        if field.column not in columns and not field.db_returning
    }
    names = ", ".join(f'"{name}"' for name in [*columns, *rest])
    values = ", ".join([*columns.values(), *("%s" for _ in rest)]).replace("%", "%%").replace("%%s", "%s")
    rows = (source or f"generate_series(0, {count - 1}) i").replace("%", "%%")
    with _without_indexes(model), connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {values} FROM {rows}', list(rest.values())
        )


@contextmanager
def _without_indexes(model: type[models.Model]) -> Iterator[None]:
    """The indexes that are no constraints are made after the rows, which is several times faster."""
    find = """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = %s::regclass AND NOT indisunique"""
    with connection.cursor() as cursor:
        cursor.execute(find, [model._meta.db_table])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, definition in indexes:
            cursor.execute(definition)
