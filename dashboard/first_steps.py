"""What a new installation lacks until its first run, in the order in which it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.marks import Kind, Mark
from runs.models import CronTrigger, Environment, IntegratedAccount, Integration, SyncJob, SyncJobRun


@dataclass(frozen=True)
class FirstStep:
    """`is_next`: the first one that is not done."""

    name: str
    is_done: bool
    is_next: bool

    @property
    def mark(self) -> Mark:
        if self.is_done:
            return Mark(Kind.COMPLETED, _("Done"))
        return Mark(Kind.CREATED, pgettext("a step", "Next") if self.is_next else _("Later"))


def first_steps(environments: QuerySet[Environment]) -> list[FirstStep]:
    """The steps for those who see these environments; none once something has run in them, or is to run by itself."""
    if any(rows.filter(environment__in=environments).exists() for rows in (SyncJobRun.objects, CronTrigger.objects)):
        return []
    of_environments: dict[str, Any] = {"integration": Integration, "account": IntegratedAccount, "job": SyncJob}
    done = {"environment": environments.exists()}
    done |= {
        name: model.objects.live().filter(environment__in=environments).exists()
        for name, model in of_environments.items()
    }
    done["run"] = False
    upcoming = next(name for name, is_done in done.items() if not is_done)
    return [FirstStep(name, is_done, name == upcoming) for name, is_done in done.items()]
