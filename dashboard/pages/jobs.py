"""The jobs, one job, and the form that starts a run of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboard import live
from dashboard.forms import StartRunForm
from dashboard.job_lines import entry_names, job_lines, jobs_named
from dashboard.job_page import JobPage
from dashboard.pages.access import PageRequest, go_to, operator_page, staff_page, visible, visible_job
from dashboard.pages.listing import listed
from runs.errors import InvalidInput, LiveRunExists
from runs.models import RunTrigger, SyncJob, SyncJobRun
from runs.services import Origin, RunRequest, create_run


@staff_page
@require_safe
def job_list(request: PageRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip()[:200]
    jobs = visible(SyncJob.objects.live(), request.user)
    context = listed(request, jobs_named(jobs, query))
    lines = job_lines(context["rows"], timezone.now())
    several = len({line.job.environment_id for line in lines}) > 1
    return render(request, "jobs/list.html", {**context, "lines": lines, "query": query, "several": several})


@staff_page
@require_safe
def job_detail(request: PageRequest, job_id: UUID) -> HttpResponse:
    job = visible_job(request, job_id)
    return render(request, "jobs/detail.html", {"job": job, "page": JobPage.of(job, request.user)})


@staff_page
@require_safe
def job_live(request: PageRequest, job_id: UUID) -> HttpResponse:
    """The job's latest runs, if they have changed since the browser last asked."""
    if not request.htmx:
        return redirect("job_detail", job_id)
    job = visible_job(request, job_id)
    page = JobPage.of(job, request.user)
    changed = page.version != request.GET.get("v", "")
    context = {"job": job, "page": page, "oob": True}
    return live.answer(request, "jobs/_live.html", context, changed=changed, final=not page.is_live)


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def run_start(request: PageRequest, job_id: UUID) -> HttpResponse:
    """Ask for account and arguments, in a dialog or on a page of its own, and start the run."""
    job = visible_job(request, job_id)
    form = _start_form(request, job, may_force="force" in request.POST)
    live_run_id = None
    if form.is_valid():
        try:
            return go_to(request, reverse("run_detail", args=[_start(request, job, form).pk]))
        except InvalidInput as error:
            form.refuse(error.failures)
        except LiveRunExists as error:
            live_run_id = error.live_run_id
            form = _start_form(request, job, may_force=True)
    status = 409 if live_run_id else 400 if form.errors else 200
    template = "jobs/_start.html" if request.htmx else "jobs/start.html"
    context = {"job": job, "form": form, "live_run_id": live_run_id, "names": entry_names(job)}
    return render(request, template, context, status=status)


def _start_form(request: PageRequest, job: SyncJob, *, may_force: bool) -> StartRunForm:
    """The form; for one account, if the address names one."""
    form = StartRunForm(job, request.POST or None, may_force=may_force)
    form.choose_account(request.GET.get("account", ""))
    return form


def _start(request: PageRequest, job: SyncJob, form: StartRunForm) -> SyncJobRun:
    values: dict[str, Any] = form.cleaned_data
    webhook = values.get("webhook_id")
    wishes = RunRequest(
        job,
        values["account"],
        args=form.args(),
        webhook_id=webhook and webhook.pk,
        daemon_group_key=None if webhook else values["daemon_group_key"],
        error_handling=values["error_handling"],
        ignore_previous_run=values["ignore_previous_run"],
        force=values.get("force", False),
    )
    return create_run(wishes, Origin(RunTrigger.DASHBOARD, request.user.get_username()))
