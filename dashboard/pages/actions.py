"""Stop, force stop and rerun. A GET tells what will happen, a POST does it; as a dialog or as a page of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.marks import run_mark
from dashboard.pages.access import PageRequest, came_from, go_to, operator_page, visible_run
from dashboard.pages.questions import ask
from dashboard.previews import stop_preview
from dashboard.templatetags.syncdeck import short_id
from runs.errors import InvalidInput, LiveRunExists, NotAllowed
from runs.habits import usual_for
from runs.models import Action, SyncJobRun
from runs.models.run_state import LONGEST_REASON
from runs.services import force_stop, request_stop, rerun, rerun_plan

CONFLICT = 409
BAD_REQUEST = 400


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def run_stop(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    if request.method != "POST":
        return _ask_stop(request, run)
    if not run.can(Action.STOP):
        return _ask(request, "runs/_unchanged.html", run)
    try:
        after = request_stop(run, actor=_actor(request), reason=request.POST.get("reason", ""))
    except InvalidInput as error:
        return _ask_stop(request, run, BAD_REQUEST, why=str(error))
    _tell_stop(request, run, after)
    return go_to(request, came_from(request, _address(run)))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def run_force_stop(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    if request.method != "POST":
        return _ask(request, "runs/_force_stop.html", run, may_force=run.can(Action.FORCE_STOP), **_REASON)
    if not run.is_live:
        return _ask(request, "runs/_unchanged.html", run)
    try:
        force_stop(run, actor=_actor(request), reason=request.POST.get("reason", ""))
    except NotAllowed as error:
        heading = _("It was not stopped by force")
        return _ask(request, "runs/_refused.html", run, CONFLICT, heading=heading, why=str(error))
    except InvalidInput as error:
        return _ask(request, "runs/_force_stop.html", run, BAD_REQUEST, may_force=True, why=str(error), **_REASON)
    messages.success(request, _("The run is stopped. Its daemon will find that it came too late."))
    return go_to(request, came_from(request, _address(run)))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def run_rerun(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    ignore = "ignore_previous_run" in (request.POST or request.GET)
    if request.method != "POST":
        return _ask_rerun(request, run, ignore)
    reason = request.POST.get("reason", "")
    try:
        new = rerun(run, actor=_actor(request), ignore_previous_run=ignore, reason=reason)
    except LiveRunExists as error:
        return _not_again(request, run, str(error), live_run_id=error.live_run_id)
    except InvalidInput as error:
        return _not_again(request, run, str(error), BAD_REQUEST)
    return _go_on_after_rerun(request, run, new)


_REASON = {"longest_reason": LONGEST_REASON}


def _actor(request: PageRequest) -> str:
    return request.user.get_username()


def _address(run: SyncJobRun) -> str:
    return reverse("run_detail", args=[run.pk])


def _ask(request: PageRequest, question: str, run: SyncJobRun, status: int = 200, **context: Any) -> HttpResponse:
    crumbs = [(reverse("run_list"), _("Runs")), (_address(run), short_id(run.pk))]
    return ask(request, question, crumbs, status, run=run, mark=run_mark(run, timezone.now()), **context)


def _ask_stop(request: PageRequest, run: SyncJobRun, status: int = 200, **context: Any) -> HttpResponse:
    return _ask(request, "runs/_stop.html", run, status, preview=stop_preview(run), **_REASON, **context)


def _ask_rerun(request: PageRequest, run: SyncJobRun, ignore: bool) -> HttpResponse:
    plan = rerun_plan(run, ignore_previous_run=ignore) if run.can(Action.RERUN) else None
    usual = plan and usual_for(run.sync_job_id, run.integrated_account_id, plan.mode)
    told: dict[str, Any] = {"ignore_previous_run": ignore, "plan": plan, "usual": usual}
    return _ask(request, "runs/_rerun.html", run, **_REASON, **told)


def _not_again(
    request: PageRequest, run: SyncJobRun, why: str, status: int = CONFLICT, live_run_id: UUID | None = None
) -> HttpResponse:
    told: dict[str, Any] = {"heading": _("It was not run again"), "why": why, "live_run_id": live_run_id}
    return _ask(request, "runs/_refused.html", run, status, **told)


def _go_on_after_rerun(request: PageRequest, run: SyncJobRun, new: SyncJobRun) -> HttpResponse:
    """To the new run from its predecessor's page; a list stays where it is, and names the new run."""
    back = came_from(request, _address(run))
    if back == _address(run):
        return go_to(request, _address(new))
    link = format_html('<a href="{}">{}</a>', _address(new), _("Open the new run"))
    messages.success(request, format_html(_("{account} runs again. {link}"), account=run.integrated_account, link=link))
    return go_to(request, back)


def _tell_stop(request: PageRequest, before: SyncJobRun, after: SyncJobRun) -> None:
    asker = after.stop_requested_by
    if before.is_stopping or asker != _actor(request):
        told = _("{name} had asked it to stop before; nothing was changed.").format(name=asker)
        messages.info(request, told if asker else _("Somebody had asked it to stop before; nothing was changed."))
    elif after.is_live:
        messages.success(request, _("Stop asked for. The run ends at its next page, request or wait."))
    else:
        messages.success(request, _("The run is stopped."))
