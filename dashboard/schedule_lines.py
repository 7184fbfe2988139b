"""A cron trigger as a line of a list: when its slots are, and how the latest ones went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dashboard.marks import Mark, run_mark, trigger_mark
from runs import cron
from runs.models import CronTrigger

SLOTS = 3
_UNLISTED = (
    *("sync_job__args_schema", "sync_job__resources", "last_run__args", "last_run__resources"),
    *("integrated_account__context", "integrated_account__unified_model_override"),
    "integrated_account__integration__config",
)


@dataclass(frozen=True)
class ScheduleLine:
    """`gone`: what of its target was deleted, as a code; such a trigger can't be armed."""

    trigger: CronTrigger
    mark: Mark
    words: str
    slots: list[datetime]
    last_mark: Mark | None
    gone: str

    @property
    def skipped_since(self) -> bool:
        """Whether a slot was skipped after the last run was started."""
        skipped, last = self.trigger.last_skipped_at, self.trigger.last_run
        return skipped is not None and (last is None or last.created_at < skipped)


def triggers_named(triggers: QuerySet[CronTrigger]) -> QuerySet[CronTrigger]:
    """With what a line names, and without the columns that no line shows."""
    related = ("sync_job", "integrated_account__integration", "last_run")
    return triggers.select_related(*related).defer(*_UNLISTED)


def schedule_lines(triggers: Iterable[CronTrigger], now: datetime) -> list[ScheduleLine]:
    return [_line(trigger, now) for trigger in triggers]


def _line(trigger: CronTrigger, now: datetime) -> ScheduleLine:
    last = trigger.last_run
    return ScheduleLine(
        trigger=trigger,
        mark=trigger_mark(trigger, now),
        words=_words(trigger),
        slots=_slots(trigger),
        last_mark=None if last is None else run_mark(last, now),
        gone=_gone(trigger),
    )


def _words(trigger: CronTrigger) -> str:
    try:
        return cron.in_words(trigger.cron_expression)
    except cron.BadExpression:
        return _("Not a valid expression")


def _slots(trigger: CronTrigger) -> list[datetime]:
    """The next slot as the scheduler sees it, and those after it; none while disarmed."""
    if trigger.next_run_at is None:
        return []
    try:
        return [trigger.next_run_at, *cron.next_slots(trigger.cron_expression, trigger.next_run_at, SLOTS - 1)]
    except cron.BadExpression:
        return [trigger.next_run_at]


def _gone(trigger: CronTrigger) -> str:
    if trigger.integrated_account.deleted_at is not None:
        return "account"
    if trigger.sync_job.deleted_at is not None:
        return "job"
    return "integration" if trigger.integrated_account.integration.deleted_at is not None else ""
