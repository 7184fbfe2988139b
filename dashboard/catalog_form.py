"""The form that loads an entry of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from dashboard.forms import only_one
from runs.models import Environment


class LoadForm(forms.Form):
    """Where to load to, and how. Overwriting is offered only after it has been told what would be lost."""

    with_jobs = forms.BooleanField(label=_("Also make its example jobs"), required=False)
    force = forms.BooleanField(label=_("Overwrite what was changed by hand"), required=False)

    def __init__(
        self, environments: QuerySet[Environment], data: Mapping[str, Any] | None = None, *, asks_to_force: bool = False
    ) -> None:
        super().__init__(data, auto_id="field-%s", label_suffix="")
        self.environments, self.asks_to_force = environments, asks_to_force
        self.fields["environment"] = forms.ModelChoiceField(environments, label=_("Environment"), empty_label=None)
        self.order_fields(["environment"])

    @classmethod
    def asking_to_force(cls, form: LoadForm) -> LoadForm:
        """The same form again, with the question whether to overwrite."""
        return cls(form.environments, form.data, asks_to_force=True)

    @property
    def only_environment(self) -> Environment | None:
        return only_one(self.environments)
