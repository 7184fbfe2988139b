"""The record store, one account at a time: its list, one record, and the files that others take away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.record_lines import record_table
from dashboard.record_page import RecordPage
from runs.lookups import parse_uuid
from runs.models import IntegratedAccount, Record
from runs.record_export import ExportFormat, exported
from runs.record_filter import RecordFilter
from runs.services import note
from runs.wire import record_payload, wire_bytes

MOST_CHOICES = 200
HIDDEN = ("context", "unified_model_override", "integration__config")
_CONTENT_TYPES = {ExportFormat.CSV: "text/csv; charset=utf-8", ExportFormat.JSON_LINES: "application/jsonl"}


@staff_page
@require_safe
def record_list(request: PageRequest) -> HttpResponse:
    """Records are looked at within an account: a list over all of them would have no index to follow."""
    wanted = request.GET.get("find", "").replace("\0", "").strip()[:200]
    accounts = list(_accounts(request).filter(tenant_id__icontains=wanted)[: MOST_CHOICES + 1])
    account = _chosen(request, accounts)
    context: dict[str, Any] = {"account": account, "find": wanted, "has_more": len(accounts) > MOST_CHOICES}
    context["accounts"] = _with(account, accounts[:MOST_CHOICES])
    if account is not None:
        context |= _listed(request, account)
    return render(request, "records/list.html", context)


@staff_page
@require_safe
def record_detail(request: PageRequest, record_id: UUID) -> HttpResponse:
    page = RecordPage.of(_visible_record(request, record_id), request.user)
    return render(request, "records/detail.html", {"page": page, "record": page.record})


@staff_page
@require_safe
def record_raw(request: PageRequest, record_id: UUID) -> HttpResponse:
    """The record as the API shows it, as a file."""
    record = _visible_record(request, record_id)
    response = HttpResponse(wire_bytes(record_payload(record)), content_type="application/json")
    return _as_file(response, f"record-{record.pk}.json")


@staff_page
@require_GET
def record_export(request: PageRequest, form: str) -> HttpResponseBase:
    """What the list's filters let through, as a file that is written while it is read."""
    if not request.GET.get("account"):
        return redirect("record_list")  # where one is chosen
    account = _chosen(request, [])
    if account is None or form not in list(ExportFormat):
        raise Http404(_("There is nothing to export."))
    wished = RecordFilter.from_params(request.GET, account)
    if wished.errors:  # a filter that cannot be read would let everything through
        return _listing(request, account, wished)
    note("records.export", account, format=form, filter=wished.as_json())
    response = StreamingHttpResponse(
        exported(wished.queryset(), ExportFormat(form)), content_type=_CONTENT_TYPES[ExportFormat(form)]
    )
    return _as_file(response, f"records-{timezone.now():%Y%m%d-%H%M%S}.{form}")


def _listing(request: PageRequest, account: IntegratedAccount, filters: RecordFilter) -> HttpResponse:
    context = {"account": account, "accounts": [account], **_listed(request, account)}
    return render(request, "records/list.html", {**context, "filters": filters})


def _listed(request: PageRequest, account: IntegratedAccount) -> dict[str, Any]:
    """The context of the account's list: its table, and the addresses of the pages beside it."""
    filters = RecordFilter.from_params(request.GET, account)
    page = filters.page(request.GET.get("cursor"))
    resources = Record.objects.resources_of(account)
    return {
        "filters": filters,
        "resources": resources,
        "table": record_table(page.rows),
        "newer": page.previous_cursor and filters.query_string(cursor=page.previous_cursor),
        "older": page.next_cursor and filters.query_string(cursor=page.next_cursor),
    }


def _accounts(request: PageRequest) -> QuerySet[IntegratedAccount]:
    accounts = visible(IntegratedAccount.objects.live(), request.user).select_related("integration")
    return accounts.defer(*HIDDEN).order_by("tenant_id", "id")


def _chosen(request: PageRequest, first: list[IntegratedAccount]) -> IntegratedAccount | None:
    """The account that the address names; without one, the first of these."""
    text = request.GET.get("account", "")
    if not text or request.GET.get("find"):
        return first[0] if first else None
    try:
        return _accounts(request).filter(pk=parse_uuid(text)).first()
    except ValueError:
        return None


def _with(account: IntegratedAccount | None, accounts: list[IntegratedAccount]) -> list[IntegratedAccount]:
    """The chosen one is always among them: else sending the form would lose it."""
    return [account, *accounts] if account and account not in accounts else accounts


def _visible_record(request: PageRequest, record_id: UUID) -> Record:
    """404 outside the person's environments, and once its account has been deleted."""
    accounts = visible(IntegratedAccount.objects.live(), request.user)
    records = Record.objects.filter(integrated_account__in=accounts).select_related("integrated_account__integration")
    hidden = [f"integrated_account__{name}" for name in HIDDEN]
    return get_object_or_404(records.defer("content_hash", *hidden), pk=record_id)


def _as_file(response: HttpResponseBase, name: str) -> Any:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
