"""The forms of an account: for a new one, and for new credentials. They take these and show none, not even those just
sent."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from dashboard.job_form import IntegrationField
from runs.errors import Failure
from runs.models import Integration
from runs.services import CredentialField

TENANT = "account:tenant"  # no value of a context is called so


class WriteOnly(forms.PasswordInput):
    """Never filled in by the page; nor by a browser, which would offer the reader's own password."""

    def __init__(self, *, is_secret: bool) -> None:
        super().__init__(attrs={"autocomplete": "new-password" if is_secret else "off", "spellcheck": "false"})
        if not is_secret:
            self.input_type = "text"


class CredentialsForm(forms.Form):
    """A field for each credential that the integration asks for; an empty one leaves what is stored."""

    def __init__(self, wanted: Sequence[CredentialField], data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="field-%s", label_suffix="")
        for field in wanted:
            self.fields[field.path] = forms.CharField(
                label=field.label, required=False, widget=WriteOnly(is_secret=field.is_secret), strip=False
            )
            self.fields[field.path].help_text = field.help

    def values(self) -> dict[str, str]:
        """What was given. A pasted line end belongs to no credential."""
        return {path: value.strip() for path, value in self.cleaned_data.items() if value.strip()}

    def refuse(self, failures: list[Failure]) -> None:
        """Show each fault beside its field, else above the form."""
        for failure in failures:
            path = failure.path.removeprefix("context.")
            self.add_error(path if path in self.fields else None, failure.message)


class NewAccountForm(CredentialsForm):
    """Also takes the customer's name; what the integration can't do without is marked."""

    def __init__(self, wanted: Sequence[CredentialField], data: QueryDict | None = None) -> None:
        super().__init__(wanted, data)
        for field in wanted:
            if field.is_required:
                self.fields[field.path].widget.attrs["required"] = True
        self.fields[TENANT] = forms.CharField(
            label=_("Tenant"), required=False, max_length=200, help_text=_("The customer's id in your own system.")
        )
        self.order_fields([TENANT])

    @property
    def tenant_id(self) -> str:
        return str(self.cleaned_data[TENANT])

    def values(self) -> dict[str, str]:
        return {path: value for path, value in super().values().items() if path != TENANT}

    def refuse(self, failures: list[Failure]) -> None:
        own = {"tenant_id": TENANT}
        super().refuse([Failure(own.get(failure.path, failure.path), failure.message) for failure in failures])


class ChooseIntegrationForm(forms.Form):
    """Of which integration a new account is."""

    def __init__(self, integrations: QuerySet[Integration], data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="field-%s", label_suffix="")
        self.fields["integration"] = IntegrationField(integrations, _("Choose one: it says what an account needs."))
