"""Statements that are built once and executed often.

Django builds the SQL of a query anew each time, which takes some four times as long as having it executed. What every
run does is worth building once: a run of one page is little else than statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from types import SimpleNamespace
from typing import Any

from django.db import connection, transaction
from django.db.models import Expression, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql import InsertQuery, UpdateQuery


class Given(Expression):
    """A place in a statement for a value of this field, which is given when the statement is executed."""

    def __init__(self, name: str, field: Any) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The value as the database takes it."""
        return self.output_field.get_db_prep_save(values[self.name], connection=connection)


class _Prepared:
    """The SQL, made at the first use: then the database's kind is known."""

    def __init__(self, build: Callable[[], QuerySet[Any]]) -> None:
        self._build = build

    @cached_property
    def _compiled(self) -> Any:
        """The compiler, and the statement with its parameters, of which some are given later."""
        compiler = self._query().get_compiler(connection=connection)
        return (compiler, *compiler.as_sql())

    @property
    def statement(self) -> tuple[str, Sequence[Any]]:
        """The SQL, and its parameters in their order; among them those that are given."""
        _, text, parameters = self._compiled
        return text, parameters

    def _query(self) -> Any:
        return self._build().query

    def _execute(self, cursor: Any, given: Mapping[str, Any]) -> None:
        _, statement, parameters = self._compiled
        cursor.execute(statement, [_bound(parameter, given) for parameter in parameters])


class PreparedRead(_Prepared):
    """A query of `values_list`."""

    def rows(self, **given: Any) -> list[Any]:
        """The rows, each a list of values as the fields have them."""
        with connection.cursor() as cursor:
            self._execute(cursor, given)
            found = cursor.fetchall()
        return list(self._compiled[0].apply_converters(found, self._converters)) if self._converters else found

    def first(self, **given: Any) -> Any | None:
        return next(iter(self.rows(**given)), None)

    @cached_property
    def _converters(self) -> Any:
        compiler = self._compiled[0]
        return compiler.get_converters([column for column, *_ in compiler.select])


class PreparedModels(PreparedRead):
    """A query of whole rows, with what it annotates and the related rows that it selects."""

    def rows(self, **given: Any) -> list[Any]:
        """The rows, as instances of the model."""
        return [self._instance(values) for values in map(list, super().rows(**given))]

    def _instance(self, values: list[Any]) -> Any:
        compiler = self._compiled[0]
        first, names, related = self._form
        row = values[first : first + len(names)]
        found = compiler.klass_info["model"].from_db(connection.alias, names, row)
        for populator in related:
            populator.populate(values, found)
        for name, place in compiler.annotation_col_map.items():
            setattr(found, name, values[place])
        return found

    @cached_property
    def _form(self) -> Any:
        """Where the model's own columns begin, their names, and who fills in the related rows: as Django has it."""
        compiler = self._compiled[0]
        places = compiler.klass_info["select_fields"]
        names = [compiler.select[place][0].target.attname for place in places]
        of: Any = get_related_populators  # the types are those of another version
        return places[0], names, of(compiler.klass_info, compiler.select, connection.alias)


class PreparedUpdate(_Prepared):
    """A query and what is changed in its rows: expressions, among them those that are given."""

    def __init__(self, build: Callable[[], QuerySet[Any]], **changes: Any) -> None:
        super().__init__(build)
        self._changes = changes

    def __call__(self, **given: Any) -> int:
        """How many rows were changed."""
        with connection.cursor() as cursor:
            self._execute(cursor, given)
            return int(cursor.rowcount)

    def _query(self) -> Any:
        query: Any = self._build().order_by().query.chain(UpdateQuery)
        query.add_update_values(self._changes)
        return query


class PreparedInsert(_Prepared):
    """One row of a model. Every column of it is given, by its attribute's name."""

    def __init__(self, model: type[Model]) -> None:
        self._model = model

    def __call__(self, **given: Any) -> None:
        with connection.cursor() as cursor:
            self._execute(cursor, given)

    @cached_property
    def _compiled(self) -> Any:
        fields = self._model._meta.concrete_fields
        row = SimpleNamespace(**{field.attname: Given(field.attname, field) for field in fields})
        query: Any = InsertQuery(self._model)
        query.insert_values(fields, [row], raw=True)
        compiler = query.get_compiler(connection=connection)
        [(statement, parameters)] = compiler.as_sql()
        return compiler, statement, parameters


class PreparedTogether:
    """An update, and what is written to other rows if it has changed one: all of it or nothing.

    PostgreSQL does it in one statement, which is its own transaction; SQLite takes one for each.
    """

    def __init__(self, first: PreparedUpdate, *others: PreparedUpdate | PreparedInsert) -> None:
        self._first = first
        self._others = others

    def __call__(self, **given: Any) -> int:
        """How many rows the first update has changed."""
        if connection.vendor == "postgresql":
            return self._at_once(given)
        with transaction.atomic(savepoint=False):
            changed = self._first(**given)
            for other in self._others if changed else ():
                other(**given)
        return changed

    def _at_once(self, given: Mapping[str, Any]) -> int:
        statement, parameters = self._joined
        with connection.cursor() as cursor:
            cursor.execute(statement, [_bound(parameter, given) for parameter in parameters])
            return int(cursor.fetchone()[0])

    @cached_property
    def _joined(self) -> tuple[str, list[Any]]:
        first, *others = [part.statement for part in (self._first, *self._others)]
        parts = [f"first AS ({first[0]} RETURNING 1)"]
        parts += [f"other_{place} AS ({_if_first(text)})" for place, (text, _) in enumerate(others)]
        text = f"WITH {', '.join(parts)} SELECT count(*) FROM first"  # noqa: S608 - of Django's own statements
        return text, [*first[1], *chain(*(of for _, of in others))]


def _if_first(text: str) -> str:
    """Django's statement, so that it does something only if the first one has. An insert gives its values."""
    did = "EXISTS (SELECT FROM first)"
    if text.startswith("INSERT"):
        return f"{text.replace(' VALUES (', ' SELECT ', 1).removesuffix(')')} WHERE {did}"
    return f"{text} AND {did}"


def _bound(parameter: Any, given: Mapping[str, Any]) -> Any:
    return parameter.bound(given) if isinstance(parameter, Given) else parameter
