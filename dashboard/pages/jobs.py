"""The jobs, and the form that starts a run of one."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.forms import StartRunForm
from dashboard.pages.access import PageRequest, go_to, operator_page, staff_page, visible, visible_job
from dashboard.pages.listing import listed
from runs.errors import InvalidInput, LiveRunExists
from runs.models import RunTrigger, SyncJob, SyncJobRun
from runs.services import Origin, RunRequest, create_run


@staff_page
@require_safe
def job_list(request: PageRequest) -> HttpResponse:
    jobs = visible(SyncJob.objects.live(), request.user).select_related("integration", "environment")
    return render(request, "jobs/list.html", listed(request, jobs.defer("integration__config")))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def run_start(request: PageRequest, job_id: UUID) -> HttpResponse:
    job = visible_job(request, job_id)
    form = StartRunForm(job, request.POST or None, may_force="force" in request.POST)
    live_run_id = None
    if form.is_valid():
        try:
            return go_to(request, reverse("run_detail", args=[_start(request, job, form).pk]))
        except InvalidInput as error:
            form.refuse(error.failures)
        except LiveRunExists as error:
            live_run_id = error.live_run_id
            form = StartRunForm(job, request.POST, may_force=True)
    status = 409 if live_run_id else 400 if form.errors else 200
    return render(request, "jobs/start.html", {"job": job, "form": form, "live_run_id": live_run_id}, status=status)


def _start(request: PageRequest, job: SyncJob, form: StartRunForm) -> SyncJobRun:
    values = form.cleaned_data
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
