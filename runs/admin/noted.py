"""Admin pages of what no service writes: people, groups, environments. Their changes are in the audit list too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from runs.services import changes_between, note


class NotedAdmin(admin.ModelAdmin):
    """Writes a line for each row that is made, changed or deleted here, in the transaction that does it."""

    noun: ClassVar[str]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """By now the row and all that belongs to it are written."""
        super().save_related(request, form, formsets, change)
        if not change:
            note(f"{self.noun}.create", form.instance)
        elif changes := _changes(form):
            note(f"{self.noun}.change", form.instance, changes=changes)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        note(f"{self.noun}.delete", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            note(f"{self.noun}.delete", row)
        super().delete_queryset(request, queryset)


def _changes(form: Any) -> dict[str, Any]:
    """The fields that differ from what the page has shown."""
    names = [name for name in form.changed_data if name in form.cleaned_data]
    before = {name: _plain(form.initial.get(name)) for name in names}
    return changes_between(before, {name: _plain(form.cleaned_data[name]) for name in names})


def _plain(value: Any) -> Any:
    """Rows by their names."""
    if isinstance(value, Model):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, str | dict):
        return sorted(str(one) for one in value)
    return value
