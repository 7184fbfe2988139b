"""The worker processes, and what each is at."""

from __future__ import annotations

from collections import defaultdict

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.marks import daemon_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.pages.listing import listed
from runs.models import Daemon, SyncJobRun

MOST_RUNS = 200


@staff_page
@require_safe
def daemon_list(request: PageRequest) -> HttpResponse:
    """Daemons serve all environments; of their runs, the reader sees those of their own."""
    now = timezone.now()
    context = listed(request, Daemon.objects.all())
    runs = _live_runs(request, context["rows"])
    lines = [(daemon, daemon_mark(daemon, now), runs[daemon.daemon_id]) for daemon in context["rows"]]
    return render(request, "daemons/list.html", {**context, "lines": lines})


def _live_runs(request: PageRequest, daemons: list[Daemon]) -> dict[str, list[SyncJobRun]]:
    runs = visible(SyncJobRun.objects.live(), request.user).filter(
        daemon_id__in=[daemon.daemon_id for daemon in daemons], lease_token__isnull=False
    )
    by_daemon: dict[str, list[SyncJobRun]] = defaultdict(list)
    for run in runs.select_related("sync_job", "integrated_account").only(
        "id", "daemon_id", "sync_job__label", "integrated_account__tenant_id"
    )[:MOST_RUNS]:
        by_daemon[run.daemon_id or ""].append(run)
    return by_daemon
