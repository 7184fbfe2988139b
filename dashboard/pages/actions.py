"""Stop and rerun. A GET tells what will happen, a POST does it; as a dialog or as a page of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard.marks import run_mark
from dashboard.pages.access import PageRequest, go_to, operator_page, visible_run
from dashboard.pages.questions import ask
from dashboard.templatetags.syncdeck import short_id
from runs.errors import InvalidInput, LiveRunExists, NotAllowed
from runs.models import Action, SyncJobRun
from runs.services import request_stop, rerun, rerun_window

CONFLICT = 409
BAD_REQUEST = 400


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def run_stop(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    if request.method != "POST":
        return _ask(request, "runs/_stop.html", run)
    after = request_stop(run, actor=request.user.get_username())
    _tell_stop(request, run, after)
    return go_to(request, _address(run))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def run_rerun(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    ignore = "ignore_previous_run" in (request.POST or request.GET)
    if request.method != "POST":
        window = rerun_window(run) if run.can(Action.RERUN) and not ignore else None
        return _ask(request, "runs/_rerun.html", run, ignore_previous_run=ignore, window=window)
    try:
        new = rerun(run, actor=request.user.get_username(), ignore_previous_run=ignore)
    except LiveRunExists as error:
        return _refused(request, run, str(error), live_run_id=error.live_run_id)
    except NotAllowed as error:
        return _refused(request, run, str(error), live_run_id=run.pk)
    except InvalidInput as error:
        return _refused(request, run, str(error), status=BAD_REQUEST)
    return go_to(request, _address(new))


def _address(run: SyncJobRun) -> str:
    return reverse("run_detail", args=[run.pk])


def _ask(request: PageRequest, question: str, run: SyncJobRun, status: int = 200, **context: Any) -> HttpResponse:
    crumbs = [(reverse("run_list"), "Runs"), (_address(run), short_id(run.pk))]
    return ask(request, question, crumbs, status, run=run, mark=run_mark(run, timezone.now()), **context)


def _refused(
    request: PageRequest, run: SyncJobRun, why: str, status: int = CONFLICT, live_run_id: UUID | None = None
) -> HttpResponse:
    return _ask(request, "runs/_refused.html", run, status, why=why, live_run_id=live_run_id)


def _tell_stop(request: PageRequest, before: SyncJobRun, after: SyncJobRun) -> None:
    if not before.can(Action.STOP):
        messages.info(request, f"The run had already {_ENDED[after.status]}; nothing was changed.")
    elif after.is_live:
        messages.success(request, "Stop asked for. The run ends at its next page, request or wait.")
    else:
        messages.success(request, "The run is stopped.")


_ENDED = {"completed": "completed", "failed": "failed", "stopped": "been stopped"}
