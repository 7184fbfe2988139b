"""What a filter of the run list could be: the names that a field offers while somebody types into it."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from dashboard.pages.access import PageRequest, staff_page, visible
from runs.models import IntegratedAccount, RunStep, SyncJob, SyncJobRun

MOST_NAMES = 20
LATEST_RUNS = 100  # whose resources are offered


@staff_page
@require_safe
def run_names(request: PageRequest) -> HttpResponse:
    """The options of the field that asks: `of` names it, and its text comes under its own name."""
    if not request.htmx:
        return redirect("run_list")
    of = request.GET.get("of", "")
    text = request.GET.get(of, "").replace("\0", "")[:200]
    names = _FOUND[of](request, text) if of in _FOUND else []
    return render(request, "runs/_names.html", {"names": dict.fromkeys(names)})


def _accounts(request: PageRequest, text: str) -> Iterable[str]:
    accounts = visible(IntegratedAccount.objects.live(), request.user).exclude(tenant_id="")
    found = accounts.filter(tenant_id__icontains=text) if text else accounts
    return found.order_by("tenant_id").values_list("tenant_id", flat=True)[:MOST_NAMES]


def _jobs(request: PageRequest, text: str) -> Iterable[str]:
    jobs = visible(SyncJob.objects.live(), request.user).exclude(label="")
    found = jobs.filter(label__icontains=text) if text else jobs
    return found.order_by("label").values_list("label", flat=True)[:MOST_NAMES]


def _resources(request: PageRequest, text: str) -> Iterable[str]:
    """Of the latest runs: the resources of all would have to be searched for in all."""
    latest = visible(SyncJobRun.objects.all(), request.user).order_by("-created_at", "-id")[:LATEST_RUNS]
    steps = RunStep.objects.filter(run__in=list(latest.values_list("id", flat=True)), resource__icontains=text)
    return steps.order_by("resource").values_list("resource", flat=True).distinct()[:MOST_NAMES]


_FOUND = {"account": _accounts, "job": _jobs, "resource": _resources}
