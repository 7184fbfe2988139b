"""The start page: what needs a person, or that nothing does; and the failures that a person settles."""

from __future__ import annotations

from itertools import dropwhile
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard import live
from dashboard.attention import BADGE, COUNTED, Attention
from dashboard.attention import attention_count as count_of
from dashboard.causes import causes, open_failures
from dashboard.pages.access import PageRequest, go_to, next_of, operator_page, staff_page, visible_run
from runs.models import SyncJobRun
from runs.services import acknowledge_failure, acknowledge_failures, reopen_failure


@staff_page
@require_safe
def attention(request: PageRequest) -> HttpResponse:
    return render(request, "attention/page.html", _context(request))


@staff_page
@require_safe
def attention_live(request: PageRequest) -> HttpResponse:
    """The list anew, if it reads otherwise than the one that the browser has; `attention.js` lays it over that."""
    if not request.htmx:
        return redirect("attention")
    return live.shared(
        request,
        lambda: _changed(request),
        rights=lambda: request.user.can_operate,
        sees=list(request.user.visible_environments().values_list("id", flat=True)),
    )


@staff_page
@require_safe
def attention_count(request: PageRequest) -> HttpResponse:
    """The number in the navigation, asked for by each page after it has been shown, so that it holds none up."""
    if not request.htmx:
        return redirect("attention")
    count = count_of(request.user.visible_environments(), timezone.now())
    return render(request, "attention/_count.html", {"count": count, "most": BADGE})


@operator_page
@require_POST
def run_acknowledge(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    if acknowledge_failure(run, actor=request.user.get_username()):
        said = _("Acknowledged: {run} needs nobody now. Its page can open it again.")
        messages.success(request, said.format(run=_named(run)))
    else:
        said = _("{run} was settled already; nothing was changed.")
        messages.info(request, said.format(run=_named(run)))
    return go_to(request, _back(request, run))


@operator_page
@require_POST
def run_reopen(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    if reopen_failure(run, actor=request.user.get_username()):
        said = _("{run} needs attention until somebody acknowledges it.")
        messages.success(request, said.format(run=_named(run)))
    else:
        said = _("{run} is not settled; nothing was changed.")
        messages.info(request, said.format(run=_named(run)))
    return go_to(request, _back(request, run))


@operator_page
@require_POST
def cause_acknowledge(request: PageRequest) -> HttpResponse:
    """Settle the failures of one cause that were there when the page was made, none that came since."""
    found = causes(open_failures(request.user.visible_environments(), timezone.now()), COUNTED + 1)
    cause = next((cause for cause in found if cause.key == request.POST.get("cause")), None)
    if cause is None:
        raise Http404(_("No failures of this cause are open."))
    newest = request.POST.get("newest", "")
    seen = list(dropwhile(lambda run_id: run_id.hex != newest, (failure.run_id for failure in cause.failures)))
    if not seen:
        messages.info(request, _("The failures have changed since the page was made; nothing was acknowledged."))
        return go_to(request, reverse("attention"))
    count = acknowledge_failures(SyncJobRun.objects.filter(pk__in=seen), actor=request.user.get_username())
    said = ngettext(
        "Acknowledged: {count} failure needs nobody now.", "Acknowledged: {count} failures need nobody now.", count
    )
    messages.success(request, said.format(count=f"{count:,}"))
    return go_to(request, reverse("attention"))


def _changed(request: PageRequest) -> HttpResponse:
    context = _context(request)
    changed = context["attention"].version != request.GET.get("v")
    return live.answer(request, "attention/_live.html", {**context, "oob": True}, changed=changed, final=False)


def _context(request: PageRequest) -> dict[str, Any]:
    found = Attention(request.user.visible_environments(), timezone.now())
    return {"attention": found, "count": found.count, "most": BADGE, "counted": COUNTED}


def _named(run: SyncJobRun) -> str:
    return _("{job} for {account}").format(job=run.sync_job.label, account=run.integrated_account)


def _back(request: PageRequest, run: SyncJobRun) -> str:
    """To the page that the button was on."""
    return next_of(request, reverse("run_detail", args=[run.pk]))
