"""What the admin's pages share: whose rows they show, and lists that never count a million rows."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import JSONField, Model, QuerySet
from django.db.models.fields.related import RelatedField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.translation import gettext

from runs.admin.forms import JsonField
from runs.errors import InvalidInput
from runs.models import Environment, User


class AtLeast(int):
    """A count that was broken off, and says so where it is shown."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class BoundedPaginator(Paginator):
    """Counts so far and no farther: an exact count of a large table would take longer than the page it heads."""

    at_most = 5000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: self.at_most + 1].count()
        return counted if counted <= self.at_most else AtLeast(self.at_most)


class EnvironmentFilter(admin.SimpleListFilter):
    """By environment, of those that the reader may see."""

    title = "environment"
    parameter_name = "environment"

    def __init__(self, request: HttpRequest, params: Any, model: type[Model], model_admin: admin.ModelAdmin) -> None:
        super().__init__(request, params, model, model_admin)
        self.path = getattr(model_admin, "environment_path", "environment")

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(environment.name, environment.name) for environment in visible_environments(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = self.value() in dict(self.lookup_choices)
        return queryset.filter(**{f"{self.path}__name": self.value()}) if known else queryset


class ScopedAdmin(admin.ModelAdmin):
    """Shows the rows of the environments that the reader is a member of; a superuser sees all.

    `environment_path` leads from the row to its environment.
    """

    environment_path = "environment"
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    formfield_overrides = {JSONField: {"form_class": JsonField}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible(super().get_queryset(request), self.environment_path, request)

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        """A selection of what is no id selects nothing; Django would fail on it."""
        try:
            return super().response_action(request, *args, **kwargs)
        except ValidationError as not_an_id:
            messages.error(request, gettext("Nothing was done. {why}").format(why=" ".join(not_an_id.messages)))
            return HttpResponseRedirect(request.get_full_path())

    def get_field_queryset(
        self, db: str | None, db_field: RelatedField[Any, Any], request: HttpRequest
    ) -> QuerySet[Any] | None:
        """A select offers what its reader may see, so that no row is tied to a foreign environment."""
        related: Any = db_field.related_model
        if related is Environment:
            return visible_environments(request)
        if any(field.name == "environment" for field in related._meta.get_fields()):
            return visible(related._default_manager.all(), "environment", request)
        return super().get_field_queryset(db, db_field, request)


class ReadOnlyAdmin(ScopedAdmin):
    """For what only the system writes. Columns are not sortable: few of them have an index."""

    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RemovedByService(ScopedAdmin):
    """Deleting goes through the service, which keeps history and may refuse. All of a selection go, or none."""

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Call the service. Raises InvalidInput if the row is still in use."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(deleted_at=None)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """The rows alone: nothing cascades, and collecting an account's records would load every one of them."""
        return [str(row) for row in objs], {self.opts.verbose_name_plural: len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                self.remove(request, row)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except InvalidInput as refused:
            return _refused(request, refused)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changelist_view(request, *args, **kwargs)
        except InvalidInput as refused:
            return _refused(request, refused)


def person(request: HttpRequest) -> User:
    """Who is logged in; the admin lets nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101 - for the type checker
    return request.user


def visible_environments(request: HttpRequest) -> QuerySet[Environment]:
    return person(request).visible_environments()


def visible(rows: QuerySet[Any], path: str, request: HttpRequest) -> QuerySet[Any]:
    """The rows whose environment, at the path, the reader may see."""
    return rows.filter(**{f"{path}__in": visible_environments(request)})


def _refused(request: HttpRequest, refused: InvalidInput) -> HttpResponse:
    messages.error(request, gettext("Nothing was deleted. {why}").format(why=refused))
    return HttpResponseRedirect(request.path)
