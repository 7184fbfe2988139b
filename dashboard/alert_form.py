"""The forms of alert rules: who is told of what, and for how long nobody is."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from dashboard.forms import AccountField, FirstRows
from dashboard.settings_forms import SettingsForm
from runs.models import AlertChannel, AlertRule, Environment, IntegratedAccount, SyncJob

_CHANNELS = {
    AlertChannel.MAIL: _("Mail"),
    AlertChannel.SLACK: _("A channel: an incoming webhook of Slack, Mattermost or another that takes the same"),
    AlertChannel.WEBHOOK: _("A program: a webhook that is signed as Standard Webhooks says"),
}
_MUTES = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


class JobField(forms.ModelChoiceField):
    iterator = FirstRows


class AlertForm(SettingsForm):
    """A rule of one environment. The service alone judges the values; `refuse` shows its verdict."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("For you: mails and the audit list name it."))
    sync_job = JobField(SyncJob.objects.none(), label=_("Job"), required=False, empty_label=_("Every job"))
    integrated_account = AccountField(
        IntegratedAccount.objects.none(), label=_("Account"), required=False, empty_label=_("Every account")
    )
    on_first_failure = forms.BooleanField(label=_("The first failure of a job for an account"), required=False)
    on_nth_failure = forms.IntegerField(
        label=_("And when this many have failed in a row"), required=False, widget=forms.NumberInput(attrs={"min": 2})
    )
    on_recovery = forms.BooleanField(label=_("The recovery, where a failure was told"), required=False)
    channel = forms.ChoiceField(
        label=pgettext_lazy("alert channel", "By"), choices=_CHANNELS.items(), widget=forms.RadioSelect
    )
    target = forms.CharField(label=pgettext_lazy("whom an alert tells", "To"), max_length=2000, required=False)
    is_active = forms.BooleanField(label=_("Switched on"), required=False)

    def __init__(self, environment: Environment, data: QueryDict | None = None, rule: AlertRule | None = None) -> None:
        super().__init__(data, initial=_initial(rule))
        self._keeps_target = rule is not None and rule.channel != AlertChannel.MAIL
        self._offer("sync_job", SyncJob.objects.all(), environment, rule and rule.sync_job_id, "label")
        accounts = IntegratedAccount.objects.defer("context", "unified_model_override")
        self._offer("integrated_account", accounts, environment, rule and rule.integrated_account_id, "tenant_id")
        target = self.fields["target"]
        target.widget.attrs.update(spellcheck="false", autocomplete="off", required=not self._keeps_target)
        target.help_text = gettext("Mail addresses, separated by commas; else the address that begins with https://")
        if rule and self._keeps_target:
            told = gettext("Empty: it stays {target}. The whole address is not shown, as it is a secret.")
            target.help_text = told.format(target=rule.shown_target)

    def values(self) -> dict[str, Any]:
        """What `save_alert_rule` takes."""
        given = dict(self.cleaned_data)
        if self._keeps_target and not given["target"]:
            del given["target"]
        return given

    def _offer(self, name: str, rows: QuerySet[Any], environment: Environment, chosen: Any, order: str) -> None:
        """The rows of the environment, of which the list shows the first. An older choice is among them in any case."""
        usable = rows.filter(Q(deleted_at=None) | Q(pk=chosen), environment=environment)
        others = Case(When(pk=chosen, then=Value(0)), default=Value(1), output_field=IntegerField())
        field: Any = self.fields[name]
        field.queryset = usable.order_by(others, order, "id")


class MuteForm(forms.Form):
    """For how long nobody is told."""

    span = forms.ChoiceField(choices=[("hour", _("1 hour")), ("day", _("1 day")), ("date", _("until a day"))])
    last_day = forms.DateField(required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("span") == "date" and not given.get("last_day") and not self.errors:
            raise forms.ValidationError(gettext("Choose the last day of the mute."))
        return given

    @property
    def faults(self) -> str:
        return " ".join(str(message) for messages in self.errors.values() for message in messages)

    def until(self, now: datetime) -> datetime:
        """The end of the mute; of a day, where its reader lives."""
        if span := _MUTES.get(self.cleaned_data["span"]):
            return now + span
        last_day: date = min(self.cleaned_data["last_day"], date.max - timedelta(days=2))
        return datetime.combine(last_day + timedelta(days=1), time.min, timezone.get_current_timezone())


def _initial(rule: AlertRule | None) -> dict[str, Any]:
    if rule is None:
        return {"on_first_failure": True, "on_recovery": True, "is_active": True, "channel": AlertChannel.MAIL}
    names = ("name", "on_first_failure", "on_nth_failure", "on_recovery", "channel", "is_active")
    target = rule.target if rule.channel == AlertChannel.MAIL else ""
    scope = {"sync_job": rule.sync_job_id, "integrated_account": rule.integrated_account_id}
    return {**{name: getattr(rule, name) for name in names}, **scope, "target": target}
