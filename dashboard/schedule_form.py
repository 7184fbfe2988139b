"""The form that makes a schedule: that of a run, and when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms import StartRunForm
from runs.models import CronTrigger, SyncJob
from runs.models.run_state import DEFAULT_GROUP

EXAMPLES = _(
    "Minute, hour, day of the month, month, day of the week, in UTC: <code>0 * * * *</code> hourly, "
    "<code>30 6 * * 1-5</code> at 06:30 on weekdays, <code>0 0 1 * *</code> monthly."
)


class ScheduleForm(StartRunForm):
    """What a trigger of one job is made of. The service alone judges the values; `refuse` shows its verdict."""

    def __init__(self, job: SyncJob, data: QueryDict | None = None, *, trigger: CronTrigger | None = None) -> None:
        super().__init__(job, data, webhook=trigger.webhook if trigger else None)
        expression = forms.CharField(label=_("When"), max_length=100, required=False, help_text=EXAMPLES)
        expression.widget.attrs.update(
            required=True, placeholder="30 6 * * 1-5", spellcheck="false", autocomplete="off", **{"class": "mono"}
        )
        self.fields = {"account": self.fields.pop("account"), "cron_expression": expression, **self.fields}
        self.unasked: dict[str, Any] = {}
        if trigger:
            self._begin_with(trigger)

    def _begin_with(self, trigger: CronTrigger) -> None:
        """Show what the schedule has. Arguments that the job does not declare have no field, and are kept."""
        self.offer_first(trigger.integrated_account)
        self.initial = {
            "account": trigger.integrated_account_id,
            "cron_expression": trigger.cron_expression,
            "error_handling": trigger.error_handling,
            "webhook_id": trigger.webhook_id,
            "daemon_group_key": trigger.daemon_group_key or DEFAULT_GROUP,
            "ignore_previous_run": trigger.ignore_previous_run,
            **self.shown_args(trigger.args),
        }
        if self.declared:
            names = {field.name for field in self.declared.values()}
            self.unasked = {name: value for name, value in trigger.args.items() if name not in names}

    def values(self) -> dict[str, Any]:
        """What `save_trigger` takes, beside the job. A webhook takes the group's place."""
        given = self.cleaned_data
        webhook = given.get("webhook_id")
        return {
            "integrated_account": given["account"],
            "cron_expression": given["cron_expression"],
            "args": {**self.unasked, **self.args()},
            "webhook_id": webhook and webhook.pk,
            "daemon_group_key": None if webhook else given["daemon_group_key"],
            "error_handling": given["error_handling"],
            "ignore_previous_run": given["ignore_previous_run"],
        }
