"""Jobs that run by the clock: when, how it went, and the form that makes a schedule."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.job_lines import entry_names
from dashboard.pages.access import PageRequest, go_to, operator_page, staff_page, visible, visible_job
from dashboard.pages.listing import listed
from dashboard.pages.questions import ask
from dashboard.schedule_form import ScheduleForm
from dashboard.schedule_lines import schedule_lines, triggers_named
from runs.errors import InvalidInput, LiveRunExists
from runs.models import CronTrigger, SyncJob
from runs.punctuality import unfired
from runs.services import arm_trigger, delete_trigger, disarm_trigger, run_now, save_trigger

MOST_CHOICES = 200


@staff_page
@require_safe
def schedule_list(request: PageRequest) -> HttpResponse:
    now = timezone.now()
    triggers = visible(CronTrigger.objects.live(), request.user)
    of_job = _job_asked_for(request)
    shown = triggers.filter(sync_job=of_job) if of_job else triggers
    context = listed(request, triggers_named(shown))
    lines = schedule_lines(context["rows"], now)
    jobs = visible(SyncJob.objects.live(), request.user).order_by("label").values_list("id", "label")[:MOST_CHOICES]
    unfired_slots = triggers.filter(unfired(now)).exists()
    context |= {"lines": lines, "jobs": jobs, "unfired": unfired_slots, "of_job": of_job}
    return render(request, "schedules/list.html", context)


@operator_page
@require_safe
def schedule_new(request: PageRequest) -> HttpResponse:
    """The list's choice of a job leads to the job's own form."""
    job = _job_asked_for(request)
    return go_to(request, reverse("schedule_job", args=[job.pk]) if job else reverse("schedule_list"))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def schedule_job(request: PageRequest, job_id: UUID) -> HttpResponse:
    job = visible_job(request, job_id)
    form = ScheduleForm(job, request.POST or None)
    trigger = _saved(form, job)
    if trigger is None:
        return _form_page(request, form, {"job": job})
    messages.success(
        request, _("{job} is scheduled for {account}.").format(job=job.label, account=trigger.integrated_account)
    )
    return go_to(request, reverse("schedule_list"))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def schedule_edit(request: PageRequest, trigger_id: UUID) -> HttpResponse:
    """The same form with what the schedule has; what it does not show stays. It stays armed, or disarmed."""
    trigger = _trigger(request, trigger_id)
    job = visible_job(request, trigger.sync_job_id)
    form = ScheduleForm(job, request.POST or None, trigger=trigger)
    saved = _saved(form, job, trigger)
    if saved is None:
        return _form_page(request, form, {"job": job, "trigger": trigger})
    done = _("Changed: {schedule}, for {account}.")
    messages.success(request, done.format(schedule=saved, account=saved.integrated_account))
    return go_to(request, reverse("schedule_list"))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def schedule_delete(request: PageRequest, trigger_id: UUID) -> HttpResponse:
    trigger = _trigger(request, trigger_id)
    if request.method != "POST":
        [line] = schedule_lines([trigger], timezone.now())
        crumbs = [(reverse("schedule_list"), _("Schedules"))]
        return ask(request, "schedules/_delete.html", crumbs, trigger=trigger, mark=line.mark, words=line.words)
    delete_trigger(trigger)
    done = _("Deleted: {schedule}, for {account}.")
    messages.success(request, done.format(schedule=trigger, account=trigger.integrated_account))
    return go_to(request, reverse("schedule_list"))


@operator_page
@require_POST
def schedule_arm(request: PageRequest, trigger_id: UUID) -> HttpResponse:
    try:
        armed = arm_trigger(_trigger(request, trigger_id))
        messages.success(request, _("Armed: {schedule}.").format(schedule=armed))
    except InvalidInput as error:
        messages.error(request, _("It was not armed. {why}").format(why=error))
    return go_to(request, reverse("schedule_list"))


@operator_page
@require_POST
def schedule_disarm(request: PageRequest, trigger_id: UUID) -> HttpResponse:
    try:
        trigger = disarm_trigger(_trigger(request, trigger_id))
        done = _("Disarmed: {schedule}. A run that it has started goes on.")
        messages.success(request, done.format(schedule=trigger))
    except InvalidInput as error:  # somebody was faster, and deleted it
        messages.error(request, _("It was not disarmed. {why}").format(why=error))
    return go_to(request, reverse("schedule_list"))


@operator_page
@require_POST
def schedule_run(request: PageRequest, trigger_id: UUID) -> HttpResponse:
    """Start now what its next slot would start, and go there; or to the same run, if it is live already."""
    try:
        run_id = run_now(_trigger(request, trigger_id), actor=request.user.get_username()).pk
    except LiveRunExists as error:
        messages.info(request, _("The same run is live already: this is it. Nothing was started."))
        run_id = error.live_run_id
    except InvalidInput as error:
        messages.error(request, _("Nothing was started. {why}").format(why=error))
        return go_to(request, reverse("schedule_list"))
    return go_to(request, reverse("run_detail", args=[run_id]))


def _job_asked_for(request: PageRequest) -> SyncJob | None:
    """The job that the address names; None if it names none."""
    try:
        job_id = UUID(request.GET.get("job", ""))
    except ValueError:
        return None
    return visible_job(request, job_id)


def _saved(form: ScheduleForm, job: SyncJob, trigger: CronTrigger | None = None) -> CronTrigger | None:
    """What the form asks for, stored; None if it was not sent, or is refused and says why."""
    if not form.is_valid():
        return None
    try:
        return save_trigger(job.environment, {"sync_job": job, **form.values()}, trigger)
    except InvalidInput as error:
        form.refuse(error.failures)
        return None


def _form_page(request: PageRequest, form: ScheduleForm, context: dict[str, Any]) -> HttpResponse:
    status = 400 if form.errors else 200
    context |= {"form": form, "names": entry_names(context["job"])}
    return render(request, "schedules/form.html", context, status=status)


def _trigger(request: PageRequest, trigger_id: UUID) -> CronTrigger:
    triggers = visible(CronTrigger.objects.live(), request.user)
    related = ("environment", "sync_job__integration", "integrated_account__integration")
    return get_object_or_404(triggers.select_related(*related), pk=trigger_id)
