"""Definitions of jobs as files: exported, and imported after a look at what that would change."""

from __future__ import annotations

from copy import copy
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.job_form import ImportForm, moment
from dashboard.pages.access import PageRequest, page_with, staff_page, visible_job
from dashboard.verdict import Verdict, unreadable, verdict_on
from runs.definition_text import INTEGRATION, DefinitionText, comparable_text, definition_text, read_definition
from runs.errors import ChangedMeanwhile, Failure, InvalidInput
from runs.models import Environment, Integration, SyncJob
from runs.plain_yaml import NotPlain
from runs.services import job_labelled, save_job
from runs.text_diff import diff_lines

CONFLICT = 409
BAD_REQUEST = 400


@staff_page
@require_safe
def job_definition(request: PageRequest, job_id: UUID) -> HttpResponse:
    """The definition as a file, from which an import makes the same job."""
    job = visible_job(request, job_id)
    name = slugify(job.label)[:80] or "job"
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return HttpResponse(definition_text(job), content_type="application/yaml; charset=utf-8", headers=headers)


@page_with("runs.add_syncjob", _("You may look at jobs, but not import them."))
@require_http_methods(["GET", "HEAD", "POST"])
def job_import(request: PageRequest) -> HttpResponse:
    """Read the definition, show what it would make or change, and do that once it has been confirmed."""
    environments = request.user.visible_environments()
    if request.method != "POST":
        return _page(request, ImportForm(environments))
    form = ImportForm(environments, request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=BAD_REQUEST)
    try:
        read = read_definition(form.cleaned_data["text"])
    except NotPlain as error:
        return _page(request, form, unreadable(error), status=BAD_REQUEST)
    return _imported(request, form, read)


def _imported(request: PageRequest, form: ImportForm, read: DefinitionText) -> HttpResponse:
    integration = _integration(form.cleaned_data["environment"], read)
    beside = {} if integration is None else {"integration": integration}
    present = job_labelled(integration, read.values["label"]) if integration and not read.failures else None
    verdict = verdict_on(read, beside, present, _unknown(integration, read))
    if verdict.faults:
        return _page(request, form, verdict, status=BAD_REQUEST)
    if present and not request.user.can_change_jobs:
        raise PermissionDenied(gettext("A job of this integration and label is there, and you may not change it."))
    values = {**_fields(verdict), **beside}
    if not form.cleaned_data["confirmed"]:
        return _preview(request, form, verdict, values, present)
    if (present is not None) != bool(form.cleaned_data["seen"]):
        return _preview(request, form, verdict, values, present, CONFLICT)
    return _stored(request, form, verdict, values, present)


def _stored(
    request: PageRequest, form: ImportForm, verdict: Verdict, values: dict[str, Any], present: SyncJob | None
) -> HttpResponse:
    seen = moment(form.cleaned_data["seen"]) if present else None
    try:
        job = save_job(form.cleaned_data["environment"], values, present, unchanged_since=seen)
    except (ChangedMeanwhile, InvalidInput):
        present = job_labelled(values["integration"], values["label"])
        return _preview(request, form, verdict, values, present, CONFLICT)
    done = gettext("Changed: {job}.") if present else gettext("Made: {job}.")
    messages.success(request, done.format(job=job.label))
    return redirect("job_detail", job.pk)


def _preview(
    request: PageRequest,
    form: ImportForm,
    verdict: Verdict,
    values: dict[str, Any],
    present: SyncJob | None,
    status: int = 200,
) -> HttpResponse:
    """What the import would do, with the form that does it."""
    wanted = copy(present) if present else SyncJob()
    for name, value in values.items():
        setattr(wanted, name, value)
    before, after = comparable_text(present) if present else None, comparable_text(wanted)
    context = {
        "wanted": wanted,
        "present": present,
        "environment": form.cleaned_data["environment"],
        "text": form.cleaned_data["text"],
        "seen": present.updated_at.isoformat() if present else "",
        "diff": None if before is None else diff_lines(before, after),
        "is_same": before == after,
        "changed_meanwhile": status == CONFLICT,
    }
    return render(request, "jobs/import_preview.html", {**context, "verdict": verdict}, status=status)


def _page(request: PageRequest, form: ImportForm, verdict: Verdict | None = None, status: int = 200) -> HttpResponse:
    return render(request, "jobs/import.html", {"form": form, "verdict": verdict}, status=status)


def _integration(environment: Environment, read: DefinitionText) -> Integration | None:
    name = read.values.get(INTEGRATION)
    if not isinstance(name, str):
        return None
    return Integration.objects.live().filter(environment=environment, name=name).select_related("environment").first()


def _unknown(integration: Integration | None, read: DefinitionText) -> list[Failure]:
    if integration or any(failure.path == INTEGRATION for failure in read.failures):
        return []
    return [Failure(INTEGRATION, gettext("is not the name of an integration of this environment."))]


def _fields(verdict: Verdict) -> dict[str, Any]:
    return {name: value for name, value in verdict.values.items() if name != INTEGRATION}
