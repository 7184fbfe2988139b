"""Jobs as they are written: made, changed, checked while one types, and deleted."""

from __future__ import annotations

from copy import copy
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.job_form import JobForm
from dashboard.pages.access import PageRequest, go_to, page_with, staff_page, visible, visible_job
from dashboard.pages.questions import ask
from dashboard.verdict import Verdict, verdict_on_text
from runs.definition_text import body_text, comparable_text, definition_text
from runs.errors import ChangedMeanwhile, InvalidInput
from runs.models import Integration, SyncJob
from runs.services import delete_job, save_job
from runs.text_diff import diff_lines

CONFLICT = 409
BAD_REQUEST = 400
LONGEST_WHILE_TYPING = 100_000  # a second's work, which a person who types asks for every other second


@staff_page
@require_http_methods(["GET", "HEAD", "POST"])
def job_edit(request: PageRequest, job_id: UUID) -> HttpResponse:
    """The definition: to those who may not change it, to read."""
    if request.method == "POST" and not request.user.can_change_jobs:
        raise PermissionDenied(gettext("You may look at jobs, but not change them."))
    job = visible_job(request, job_id)
    if not request.user.can_change_jobs:
        return render(request, "jobs/definition.html", {"job": job, "text": definition_text(job)})
    if request.method == "POST":
        return _save(request, JobForm(_integrations(request), request.POST, job=job))
    verdict = verdict_on_text(body_text(job), {"integration": job.integration}, job)
    return _editor(request, JobForm(_integrations(request), job=job), verdict)


@page_with("runs.add_syncjob", _("You may look at jobs, but not make one."))
@require_http_methods(["GET", "HEAD", "POST"])
def job_new(request: PageRequest) -> HttpResponse:
    if request.method == "POST":
        return _save(request, JobForm(_integrations(request), request.POST))
    return _editor(request, JobForm(_integrations(request)))


@staff_page
@require_POST
def job_check(request: PageRequest) -> HttpResponse:
    """What saving would say, told while one types; as a whole page to browsers without scripts."""
    if not (request.user.can_change_jobs or request.user.can_add_jobs):
        raise PermissionDenied(gettext("You may look at jobs, but not write one."))
    form = JobForm(_integrations(request), request.POST, job=_job_of(request))
    if request.htmx and len(request.POST.get("definition", "")) > LONGEST_WHILE_TYPING:
        return render(request, "jobs/_verdict_later.html")
    verdict = _verdict(form)
    return (
        render(request, "jobs/_verdict.html", {"verdict": verdict}) if request.htmx else _editor(request, form, verdict)
    )


@page_with("runs.delete_syncjob", _("You may look at jobs, but not delete them."))
@require_http_methods(["GET", "HEAD", "POST"])
def job_delete(request: PageRequest, job_id: UUID) -> HttpResponse:
    job = visible_job(request, job_id)
    if request.method != "POST":
        return _ask_to_delete(request, job)
    try:
        delete_job(job)
    except InvalidInput:
        live = job.runs.live().first()
        return _ask_to_delete(request, job, BAD_REQUEST, live_run_id=live and live.pk, refused=True)
    messages.success(request, gettext("Deleted: {job}. Its runs stay.").format(job=job.label))
    return go_to(request, reverse("job_list"))


def _save(request: PageRequest, form: JobForm) -> HttpResponse:
    verdict = _verdict(form)
    if verdict.faults:
        return _editor(request, form, verdict, BAD_REQUEST)
    try:
        saved = _saved(form, verdict)
    except InvalidInput as error:  # what no check sees: somebody was faster, and deleted it
        return _editor(request, form, _verdict(form, error), BAD_REQUEST)
    if saved is None:
        return _conflict(request, form, verdict)
    done = gettext("Changed: {job}.") if form.job else gettext("Made: {job}.")
    messages.success(request, done.format(job=saved.label))
    return go_to(request, reverse("job_detail", args=[saved.pk]))


def _saved(form: JobForm, verdict: Verdict) -> SyncJob | None:
    """The job as it is stored now; None if somebody else has changed it since the form was made."""
    values = {**verdict.values, **form.values()}
    if form.job is None:
        return save_job(values["integration"].environment, values)
    try:
        return save_job(form.job.environment, values, form.job, unchanged_since=form.seen_at)
    except ChangedMeanwhile:
        return None


def _verdict(form: JobForm, error: InvalidInput | None = None) -> Verdict:
    form.full_clean()
    others = [*form.failures(), *(error.failures if error else [])]
    return verdict_on_text(form.cleaned_data.get("definition", ""), form.values(), form.job, others)


def _conflict(request: PageRequest, form: JobForm, verdict: Verdict) -> HttpResponse:
    """Both versions: what was typed stays in the form, what is stored stands above it. Saving again replaces it."""
    job = cast(SyncJob, form.job)  # which the attempt to save has read again
    mine = copy(job)
    for name, value in {**verdict.values, **form.values()}.items():
        setattr(mine, name, value)
    diff = diff_lines(comparable_text(job), comparable_text(mine))
    return _editor(request, form.renewed(), verdict, CONFLICT, stored=definition_text(job), diff=diff)


def _editor(
    request: PageRequest, form: JobForm, verdict: Verdict | None = None, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"form": form, "job": form.job, "verdict": verdict}
    return render(request, "jobs/edit.html", context, status=status)


def _ask_to_delete(request: PageRequest, job: SyncJob, status: int = 200, **context: Any) -> HttpResponse:
    crumbs = [(reverse("job_list"), gettext("Jobs")), (reverse("job_detail", args=[job.pk]), job.label)]
    armed = job.cron_triggers.filter(deleted_at=None, is_active=True)[:1].exists()
    return ask(request, "jobs/_delete.html", crumbs, status, job=job, armed=armed, **context)


def _integrations(request: PageRequest) -> QuerySet[Integration]:
    return visible(Integration.objects.live(), request.user).select_related("environment").order_by("name", "id")


def _job_of(request: PageRequest) -> SyncJob | None:
    """The job that is being edited; None for one that is being made."""
    try:
        job_id = UUID(request.POST.get("job", ""))
    except ValueError:
        return None
    return visible_job(request, job_id)
