"""The integrated accounts. Their credentials are not read here."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.marks import account_mark, run_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.pages.listing import listed
from runs.models import IntegratedAccount, SyncJobRun


@staff_page
@require_safe
def account_list(request: PageRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip()
    accounts = _accounts(request)
    context = listed(request, accounts.filter(tenant_id__icontains=query) if query else accounts)
    latest = _latest_runs(context["rows"])
    lines = [(account, account_mark(account), latest.get(account.latest_run_id)) for account in context["rows"]]
    return render(request, "accounts/list.html", {**context, "lines": lines, "query": query})


def _accounts(request: PageRequest) -> QuerySet[IntegratedAccount]:
    runs = SyncJobRun.objects.filter(integrated_account=OuterRef("pk")).order_by("-created_at", "-id")
    accounts = visible(IntegratedAccount.objects.live(), request.user).select_related("integration")
    hidden = ("context", "unified_model_override", "integration__config")
    return accounts.defer(*hidden).annotate(latest_run_id=Subquery(runs.values("id")[:1]))


def _latest_runs(accounts: list) -> dict:
    now = timezone.now()
    runs = SyncJobRun.objects.filter(id__in=[account.latest_run_id for account in accounts])
    return {run.pk: (run, run_mark(run, now)) for run in runs.select_related("sync_job").defer("sync_job__resources")}
