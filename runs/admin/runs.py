"""Runs and what happened in them: to be read, stopped and run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from runs.admin.common import BoundedPaginator, EnvironmentFilter, ReadOnlyAdmin, person
from runs.connectors import masked_value
from runs.errors import InvalidInput, NotAllowed
from runs.filters import NOT_LISTED, mentions
from runs.models import (
    Action,
    FurtherRequest,
    RecordError,
    RunEvent,
    RunStep,
    RunTrigger,
    SeenRecord,
    StagedParent,
    SyncJobRun,
)
from runs.run_fields import id_begins_with
from runs.services import request_stop, rerun

MOST_AT_ONCE = 100
REACH = BoundedPaginator.at_most


def newest(runs: QuerySet[Any]) -> QuerySet[Any]:
    """The newest `REACH` of these: what no index finds is looked for among them, and not in a million rows."""
    edge = runs.order_by("-created_at", "-id").values_list("created_at", flat=True)[REACH - 1 : REACH].first()
    return runs if edge is None else runs.filter(created_at__gte=edge)


class RecentFilter(admin.ChoicesFieldListFilter):
    """By the choices of a field that has no index."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = gettext("{field}, of the newest {reach}").format(field=self.title, reach=f"{REACH:,}")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        return super().queryset(request, newest(queryset) if self.used_parameters else queryset)


class StepInline(admin.TabularInline):
    """One line per entry of the run's resources."""

    model = RunStep
    fields = readonly_fields = (
        "name",
        "method",
        "parent",
        "status",
        "fetched",
        "persisted",
        "error_count",
        "previous_run_date",
        "started_at",
        "finished_at",
    )
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RunStep]:
        return super().get_queryset(request).select_related("parent")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SyncJobRun)
class SyncJobRunAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "status",
        "sync_job",
        "integrated_account",
        "trigger",
        "created_by",
        "created_at",
        "fetched",
        "persisted",
        "error_text",
    )
    list_filter = (
        EnvironmentFilter,
        "status",
        ("trigger", RecentFilter),
        ("error_handling", RecentFilter),
        "created_at",
    )
    list_select_related = ("sync_job", "integrated_account")
    search_fields = ("id",)
    search_help_text = format_lazy(
        _("An id or the start of one; or, of the newest {reach}, an account, a job, or a part of an error."),
        reach=f"{REACH:,}",
    )
    actions = ("stop_runs", "rerun_runs", "rerun_runs_from_the_beginning")
    inlines = (StepInline,)
    exclude = ("lease_token", "args", "args_hash", "forced")
    readonly_fields = ("arguments", "timeline")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer(*(path for path in NOT_LISTED if "integration__" not in path))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        called_so = queryset.filter(id_begins_with(search_term))
        return (called_so if called_so.exists() else newest(queryset).filter(mentions(search_term))), False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return person(request).can_operate

    @admin.display(description=_("Args"))
    def arguments(self, run: SyncJobRun) -> str:
        """Without what is named like a credential: arguments are a program's own."""
        return json.dumps(masked_value(run.args), ensure_ascii=False)

    @admin.display(description=_("What happened"))
    def timeline(self, run: SyncJobRun) -> str:
        """Links to the lists, which have pages: a run may have any number of events and errors."""
        events, errors = (reverse(f"admin:runs_{name}_changelist") for name in ("runevent", "recorderror"))
        query = f"?run__id__exact={run.id}"
        links = ((events, query, gettext("Events")), (errors, query, gettext("Errors")))
        return format_html_join(", ", '<a href="{}{}">{}</a>', links)

    @admin.action(description=_("Stop selected runs"), permissions=["operate"])
    def stop_runs(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        def stop(run: SyncJobRun) -> str:
            stopped = request_stop(run, actor=person(request).get_username())
            asked, ended = gettext("Run {run} is asked to stop."), gettext("Run {run} is {status}.")
            return (asked if stopped.is_live else ended).format(run=run.id, status=stopped.status)

        self._each(request, queryset, Action.STOP, stop)

    @admin.action(description=_("Rerun selected runs"), permissions=["operate"])
    def rerun_runs(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._rerun(request, queryset, ignore_previous_run=False)

    @admin.action(description=_("Rerun ignoring the previous run date"), permissions=["operate"])
    def rerun_runs_from_the_beginning(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._rerun(request, queryset, ignore_previous_run=True)

    def _rerun(self, request: HttpRequest, queryset: QuerySet[Any], *, ignore_previous_run: bool) -> None:
        actor = person(request).get_username()

        def run_again(run: SyncJobRun) -> str:
            new = rerun(run, actor=actor, trigger=RunTrigger.ADMIN, ignore_previous_run=ignore_previous_run)
            address = reverse("admin:runs_syncjobrun_change", args=[new.id])
            return format_html(gettext('Run {} runs again as <a href="{}">{}</a>.'), run.id, address, new.id)

        self._each(request, queryset, Action.RERUN, run_again)

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        action: Action,
        carry_out: Callable[[SyncJobRun], str],
    ) -> None:
        """Carry the action out on each run that allows it, and tell of every run what became of it."""
        selected = list(queryset[: MOST_AT_ONCE + 1])
        if len(selected) > MOST_AT_ONCE:
            too_many = gettext("Select at most {most} runs at once; nothing was done.")
            messages.error(request, too_many.format(most=MOST_AT_ONCE))
            return
        legal = set(queryset.that_can(action).values_list("id", flat=True))  # type: ignore[attr-defined]
        for run in selected:
            if run.id not in legal:
                illegal = gettext("Run {run} is {status}: {action} is not possible.")
                messages.warning(request, illegal.format(run=run.id, status=run.status, action=action))
                continue
            try:
                messages.success(request, carry_out(run))
            except (NotAllowed, InvalidInput) as refused:
                messages.warning(request, gettext("Run {run}: {why}").format(run=run.id, why=refused))


class WithinRunAdmin(ReadOnlyAdmin):
    """Rows of one run, reached from it."""

    environment_path = "run__environment"

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(RunEvent)
class RunEventAdmin(WithinRunAdmin):
    list_display = ("created_at", "kind", "message", "actor", "run")
    list_filter = (("kind", admin.ChoicesFieldListFilter),)
    list_select_related = ("run",)


@admin.register(RecordError)
class RecordErrorAdmin(WithinRunAdmin):
    list_display = ("created_at", "resource", "method", "code", "message", "status_code", "run")
    list_filter = ("is_quarantine",)
    list_select_related = ("run",)


@admin.register(RunStep)
class RunStepAdmin(WithinRunAdmin):
    list_display = ("name", "status", "fetched", "persisted", "error_count", "run")
    list_filter = ("status",)
    list_select_related = ("run",)
    ordering = ("-created_at",)


class WithinStepAdmin(ReadOnlyAdmin):
    """What a step keeps while its run is live."""

    environment_path = "step__run__environment"
    list_select_related = ("step",)
    ordering = ("-id",)


@admin.register(StagedParent)
class StagedParentAdmin(WithinStepAdmin):
    list_display = ("sequence", "batch", "step")


@admin.register(FurtherRequest)
class FurtherRequestAdmin(WithinStepAdmin):
    list_display = ("sequence", "depth", "step")


@admin.register(SeenRecord)
class SeenRecordAdmin(WithinStepAdmin):
    list_display = ("record_id", "step")
