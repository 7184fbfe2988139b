"""The form that makes or changes a webhook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms import only_one, refuse_fields
from runs.errors import Failure
from runs.models import Environment, Webhook, WebhookEvent

_WORDS = {
    WebhookEvent.CREATED: _("A run is created"),
    WebhookEvent.STARTED: _("A run starts"),
    WebhookEvent.RECORD: _("Records, of runs that send them here"),
    WebhookEvent.RECORD_ERROR: _("A request or a record fails"),
    WebhookEvent.RATE_LIMITED: _("A source asks a run to wait"),
    WebhookEvent.UPDATED: _("A run gets on"),
    WebhookEvent.COMPLETED: _("A run completes"),
    WebhookEvent.FAILED: _("A run fails"),
    WebhookEvent.STOPPED: _("A run is stopped"),
}


class WebhookForm(forms.Form):
    """Where events go, and which. The service alone judges the address; `refuse` shows its verdict."""

    target_url = forms.CharField(label=_("Address"), required=False)
    all_events = forms.BooleanField(label=_("Everything, with the kinds that are yet to come"), required=False)
    event_types = forms.MultipleChoiceField(
        label=_("Else only of these"),
        required=False,
        choices=[(event.value, words) for event, words in _WORDS.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A run that sends its records here tells of its start, its records and its errors in any case."),
    )

    def __init__(self, data: QueryDict | None = None, *, webhook: Webhook | None = None) -> None:
        super().__init__(data, auto_id="field-%s", label_suffix="", initial=_initial(webhook))
        self.fields["target_url"].widget.attrs.update(
            required=True, inputmode="url", placeholder="https://", spellcheck="false", autocomplete="off"
        )

    def values(self) -> dict[str, Any]:
        """What `save_webhook` takes."""
        given = self.cleaned_data
        told_of = None if given["all_events"] else given["event_types"]
        return {"target_url": given["target_url"], "event_types": told_of}

    def refuse(self, failures: list[Failure]) -> None:
        refuse_fields(self, failures)


class NewWebhookForm(WebhookForm):
    """Also asks for the environment, where there is a choice."""

    def __init__(self, environments: QuerySet[Environment], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.fields["environment"] = forms.ModelChoiceField(environments, label=_("Environment"), empty_label=None)
        if only := only_one(environments):
            self.fields["environment"].widget = forms.HiddenInput()
            self.initial["environment"] = only.pk


def _initial(webhook: Webhook | None) -> dict[str, Any]:
    if webhook is None:
        return {"all_events": True}
    told_of = webhook.event_types
    return {"target_url": webhook.target_url, "all_events": told_of is None, "event_types": told_of or []}
