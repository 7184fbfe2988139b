"""The record store, one account at a time."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.pages.listing import listed
from runs.lookups import parse_uuid
from runs.models import IntegratedAccount, Record, SyncJob

MOST_CHOICES = 200


@staff_page
@require_safe
def record_list(request: PageRequest) -> HttpResponse:
    """Records are looked at within an account: a list over all of them would have no index to follow."""
    accounts = _accounts(request)
    account = _chosen(request, accounts)
    wanted = {name: request.GET.get(name, "").replace("\0", "").strip() for name in ("resource", "record_id")}
    context: dict[str, Any] = {**wanted, "account": account, "accounts": accounts[:MOST_CHOICES]}
    if account is not None:
        given = {name: value for name, value in wanted.items() if value}
        context |= listed(request, Record.objects.filter(integrated_account=account, **given))
        context["resources"] = _resources(account)
    return render(request, "records/list.html", context)


def _accounts(request: PageRequest) -> QuerySet[IntegratedAccount]:
    accounts = visible(IntegratedAccount.objects.live(), request.user).select_related("integration")
    hidden = ("context", "unified_model_override", "integration__config")
    return accounts.defer(*hidden).order_by("tenant_id", "id")


def _chosen(request: PageRequest, accounts: QuerySet[IntegratedAccount]) -> IntegratedAccount | None:
    """The account that the address names; without one, the first."""
    text = request.GET.get("account", "")
    try:
        return accounts.filter(pk=parse_uuid(text)).first() if text else accounts.first()
    except ValueError:
        return None


def _resources(account: IntegratedAccount) -> list[str]:
    """The resources that the jobs of its integration name: to suggest, not to restrict."""
    jobs = SyncJob.objects.live().filter(integration=account.integration_id).values_list("resources", flat=True)
    entries = [entry for resources in jobs[:MOST_CHOICES] for entry in resources]
    named = {entry.get("resource") or entry.get("name") for entry in entries}  # a transform has but a name
    return sorted(filter(None, named))
