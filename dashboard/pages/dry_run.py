"""A run of a job tried out: the first page of each entry, and nothing stored."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from dashboard.dry_run_page import DryRunPage
from dashboard.forms import DryRunForm
from dashboard.pages.access import PageRequest, operator_page, visible_job
from runs.errors import InvalidInput
from runs.models import SyncJob
from runs.services import RunRequest, dry_run


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def job_dry_run(request: PageRequest, job_id: UUID) -> HttpResponse:
    """Ask for account and arguments, and show what a run would do with them."""
    job = visible_job(request, job_id)
    form = DryRunForm(job, request.POST or None)
    form.choose_account(request.GET.get("account", ""))
    page = _tried(job, form)
    template = "jobs/_dry_run.html" if request.htmx else "jobs/dry_run.html"
    return render(request, template, {"job": job, "form": form, "page": page}, status=400 if form.errors else 200)


def _tried(job: SyncJob, form: DryRunForm) -> DryRunPage | None:
    """None before the form is sent, and where it is refused."""
    if not form.is_valid():
        return None
    webhook, full = form.cleaned_data.get("webhook_id"), form.cleaned_data["ignore_previous_run"]
    to = webhook and webhook.pk
    request = RunRequest(job, form.cleaned_data["account"], form.args(), webhook_id=to, ignore_previous_run=full)
    try:
        return DryRunPage(dry_run(request))
    except InvalidInput as error:
        form.refuse(error.failures)
        return None
