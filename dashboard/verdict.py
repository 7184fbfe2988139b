"""What is thought of a job's definition while it is being written: its faults with their lines, and its plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from dashboard.plan_lines import PlanView
from runs.definition_text import DefinitionText, read_body
from runs.errors import Failure
from runs.models import Integration, SyncJob
from runs.plain_yaml import NotPlain
from runs.services import job_failures, offered, plan_of

MOST_FAULTS = 100  # more are counted, not shown


@dataclass(frozen=True)
class Fault:
    path: str
    message: str
    line: int | None


@dataclass(frozen=True)
class Verdict:
    """`values`: what the text says. `plan` is drawn as far as it can be made out."""

    values: dict[str, Any]
    faults: list[Fault]
    plan: PlanView
    integration: Integration | None = None

    @cached_property
    def offers(self) -> dict[str, list[str]]:
        """What entries may name: the methods of each resource."""
        return offered(self.integration) if self.integration else {}

    @property
    def shown(self) -> list[Fault]:
        return self.faults[:MOST_FAULTS]

    @property
    def more(self) -> int:
        return len(self.faults) - len(self.shown)


def verdict_on_text(
    text: str, beside: Mapping[str, Any], job: SyncJob | None = None, others: Iterable[Failure] = ()
) -> Verdict:
    """On arguments and entries as a text, the values of the fields `beside` it, and the `others`' failures."""
    try:
        read = read_body(text)
    except NotPlain as error:
        return unreadable(error)
    return verdict_on(read, beside, job, others)


def verdict_on(
    read: DefinitionText, beside: Mapping[str, Any], job: SyncJob | None = None, others: Iterable[Failure] = ()
) -> Verdict:
    """The same of a text that has been read. Faults stand in the order of its lines."""
    integration: Integration | None = beside.get("integration")  # without one the entries can't be checked
    failures = [*others, *read.failures]
    if integration is not None:
        failures += job_failures(integration.environment, {**read.values, **beside}, job)
    faults = [Fault(failure.path, failure.message, read.line_of(failure)) for failure in dict.fromkeys(failures)]
    faults.sort(key=lambda fault: fault.line or 0)
    plan = PlanView.of(plan_of(read.values.get("resources"), integration))
    return Verdict(read.values, faults, plan, integration)


def unreadable(error: NotPlain) -> Verdict:
    told = _("This can't be read: {why}.").format(why=error)
    return Verdict({}, [Fault("", told, error.line)], PlanView.of(()))
