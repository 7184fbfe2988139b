"""API tokens: issued, shown once, revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from runs.admin.common import EnvironmentFilter, ReadOnlyAdmin, ScopedAdmin, person
from runs.admin.noted import NotedAdmin
from runs.models import ApiToken, KeyedRequest, Scope
from runs.services import issue_token, revoke_token


class TokenForm(forms.ModelForm):
    read_only = forms.BooleanField(required=False, help_text=_("It may look at everything and change nothing."))

    class Meta:
        model = ApiToken
        fields = ("environment", "name", "expires_at")

    def clean_expires_at(self) -> datetime | None:
        end: datetime | None = self.cleaned_data["expires_at"]
        if end is not None and end <= timezone.now():
            raise ValidationError(gettext("This is past: revoke a token that is to open nothing."))
        return end


@admin.register(ApiToken)
class ApiTokenAdmin(NotedAdmin, ScopedAdmin):
    """Never deleted: a revoked token tells who made it and when it was last used."""

    noun = "token"
    form = TokenForm
    list_display = (
        "__str__",
        "environment",
        "scopes",
        "created_by",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = (EnvironmentFilter,)
    list_select_related = ("environment",)
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    fields = ("environment", "name", "expires_at")
    noted = ("scopes", "prefix", "created_by", "created_at", "last_used_at", "revoked_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fields, *self.noted) if obj else (*self.fields, "read_only")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("environment", *self.noted) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        issued, secret = issue_token(
            obj.environment,
            name=obj.name,
            actor=person(request).get_username(),
            expires_at=obj.expires_at,
            scopes=[Scope.READ] if form.cleaned_data["read_only"] else list(Scope),
        )
        obj.pk, obj.prefix = issued.pk, issued.prefix
        told = gettext("The token is {token} - copy it now, it is not shown again.")
        messages.warning(request, told.format(token=secret))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A new one is noted where it is issued."""
        if change:
            super().save_related(request, form, formsets, change)

    @admin.action(description=_("Revoke selected tokens"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            revoke_token(token)
            messages.success(request, gettext("{token} is revoked.").format(token=token))


@admin.register(KeyedRequest)
class KeyedRequestAdmin(ReadOnlyAdmin):
    """Without the answer, which may hold a secret."""

    environment_path = "token__environment"
    list_display = ("key", "token", "created_at", "claimed_at")
    list_select_related = ("token",)
    search_fields = ("key",)
    exclude = ("fingerprint", "claim", "answer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("answer")
