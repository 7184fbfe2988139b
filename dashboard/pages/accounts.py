"""The integrated accounts. Their credentials are not read here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.marks import Mark, account_mark, run_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.pages.listing import listed
from runs.models import IntegratedAccount, SyncJobRun


@dataclass(frozen=True)
class AccountLine:
    account: IntegratedAccount
    mark: Mark
    latest: SyncJobRun | None
    latest_mark: Mark | None


@staff_page
@require_safe
def account_list(request: PageRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip()
    accounts = _accounts(request)
    context = listed(request, accounts.filter(tenant_id__icontains=query) if query else accounts)
    return render(request, "accounts/list.html", {**context, "lines": _lines(context["rows"]), "query": query})


def _accounts(request: PageRequest) -> QuerySet[IntegratedAccount]:
    """With the id of its latest run, which an index finds for each."""
    runs = SyncJobRun.objects.filter(integrated_account=OuterRef("pk")).order_by("-created_at", "-id")
    accounts = visible(IntegratedAccount.objects.live(), request.user).select_related("integration")
    hidden = ("context", "unified_model_override", "integration__config")
    return accounts.defer(*hidden).annotate(latest_run_id=Subquery(runs.values("id")[:1]))


def _lines(accounts: list[Any]) -> list[AccountLine]:
    now = timezone.now()
    latest_ids = [account.latest_run_id for account in accounts]
    runs = SyncJobRun.objects.select_related("sync_job").defer("sync_job__resources", "sync_job__args_schema")
    latest = runs.in_bulk([run_id for run_id in latest_ids if run_id is not None])
    marks = {run_id: run_mark(run, now) for run_id, run in latest.items()}
    return [
        AccountLine(account, account_mark(account), latest.get(run_id), marks.get(run_id))
        for account, run_id in zip(accounts, latest_ids, strict=True)
    ]
