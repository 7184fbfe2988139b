"""The people who may log in, and the environments that they may see."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext

from runs.admin.common import ScopedAdmin, person
from runs.admin.noted import NotedAdmin
from runs.models import Environment, User
from runs.services import may_manage, note, people_of

PASSWORD_PAGE = "auth_user_password_change"  # noqa: S105 - a page's name
POWERS = ("is_superuser", "is_staff", "groups", "user_permissions", "environments")


class PersonForm(UserChangeForm):
    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise ValidationError(gettext("This is not the name of a time zone."))
        return name


@admin.register(User)
class PersonAdmin(NotedAdmin, UserAdmin):
    """Whoever is no superuser hands out no powers here, and changes only people whom they manage.

    A password is a power too: of somebody who also belongs elsewhere, it would open what its finder does not see.
    """

    noun = "person"
    form = PersonForm
    list_display = ("username", "email", "is_staff", "is_superuser", "is_active", "last_login")
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        ("Syncdeck", {"fields": ("environments", "time_zone")}),
    )
    filter_horizontal = (*UserAdmin.filter_horizontal, "environments")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(pk__in=people_of(person(request)).values("pk"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Others let people in by the settings, into an environment; here they would lose them at once."""
        return person(request).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_manage(person(request), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = ("last_login", "date_joined")
        return fixed if person(request).is_superuser else (*fixed, *POWERS)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The page that sets a password saves by itself, and calls nothing else of ours."""
        if request.resolver_match and request.resolver_match.url_name == PASSWORD_PAGE:
            note("person.password", obj)
        return super().log_change(request, obj, message)


admin.site.unregister(Group)


@admin.register(Group)
class PowersAdmin(NotedAdmin, GroupAdmin):
    """Groups, which hand out permissions."""

    noun = "group"


@admin.register(Environment)
class EnvironmentAdmin(NotedAdmin, ScopedAdmin):
    """Never deleted here: with it would go its whole history."""

    noun = "environment"

    environment_path = "pk"
    list_display = ("name", "created_at")
    search_fields = ("name",)
    fields = ("name", "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
