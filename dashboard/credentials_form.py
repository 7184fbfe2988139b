"""The form that gives an account new credentials. It takes them and shows none, not even those just sent."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.http import QueryDict

from runs.errors import Failure
from runs.services import CredentialField


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
