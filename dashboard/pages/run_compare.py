"""A run beside another one, by default the last good run of its account and job."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.marks import run_mark
from dashboard.pages.access import PageRequest, staff_page, visible_run
from dashboard.run_strip import Strip
from runs.comparison import COMPARED_ERRORS, Comparison, last_good_run
from runs.models import SyncJobRun


@staff_page
@require_safe
def run_compare(request: PageRequest, run_id: UUID, base_id: UUID | None = None) -> HttpResponse:
    """The comparison with `base_id`, with the run that the form's `with` names, or with the last good run."""
    run = visible_run(request, run_id)
    chosen = request.GET.get("with", "")
    if chosen:
        return _go_to_chosen(run, chosen)
    base = visible_run(request, base_id) if base_id else last_good_run(run)
    now = timezone.now()
    others = [(other, run_mark(other, now)) for other in reversed(Strip.around(run).runs) if other.pk != run.pk]
    context = {"run": run, "mark": run_mark(run, now), "others": others, "chosen": base}
    if base is not None and base.pk != run.pk:
        context |= {"base": base, "base_mark": run_mark(base, now), "comparison": Comparison(run, base)}
        context |= {"base_is_near": any(other.pk == base.pk for other, _ in others), "compared_errors": COMPARED_ERRORS}
    return render(request, "runs/compare.html", context)


def _go_to_chosen(run: SyncJobRun, chosen: str) -> HttpResponse:
    """To the comparison's own address; what is no id leads to the default."""
    try:
        return redirect("run_compare_with", run.pk, UUID(chosen.strip()))
    except ValueError:
        return redirect("run_compare", run.pk)
