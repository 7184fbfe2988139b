"""One account: its page, the test of its connection, its credentials, and a run of a job for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.account_page import AccountPage
from dashboard.credentials_form import CredentialsForm
from dashboard.pages.access import PageRequest, go_to, operator_page, page_with, staff_page, visible, visible_job
from runs.errors import InvalidInput
from runs.models import AccountStatus, IntegratedAccount
from runs.services import advice, check_connection, consent_of, credential_fields, give_credentials

BAD_REQUEST = 400
HIDDEN = ("context", "unified_model_override")


@staff_page
@require_safe
def account_detail(request: PageRequest, account_id: UUID) -> HttpResponse:
    """The account; also one that was deleted, for its runs are history."""
    return _page(request, _account(request, account_id))


@operator_page
@require_POST
def account_test(request: PageRequest, account_id: UUID) -> HttpResponse:
    """What came of the test, as a part of the page where HTMX asks, else the page with it."""
    account = living_account(request, account_id)
    tested = check_connection(account)
    told = {"tested": tested, "advice": advice(tested)}
    if request.htmx:
        return render(request, "accounts/_tested.html", told)
    return _page(request, account, **told)


@page_with("runs.change_integratedaccount", _("You may look at accounts, but not change them."))
@require_http_methods(["GET", "HEAD", "POST"])
def account_credentials(request: PageRequest, account_id: UUID) -> HttpResponse:
    account = living_account(request, account_id)
    form = CredentialsForm(credential_fields(account.integration), request.POST or None)
    if form.is_valid():
        try:
            account = give_credentials(account, form.values())
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            return _after_credentials(request, account)
    status = BAD_REQUEST if form.errors else 200
    context = {"account": account, "form": form, "connects": consent_of(account.integration) is not None}
    return render(request, "accounts/credentials.html", context, status=status)


def _after_credentials(request: PageRequest, account: IntegratedAccount) -> HttpResponse:
    if account.status != AccountStatus.ACTIVE and consent_of(account.integration):
        messages.success(request, gettext("The new credentials are stored. What is left is to connect the account."))
        return go_to(request, reverse("account_connect", args=[account.pk]))
    messages.success(request, gettext("The new credentials are stored. Test the connection to be sure of them."))
    return go_to(request, reverse("account_detail", args=[account.pk]))


@operator_page
@require_safe
def account_run(request: PageRequest, account_id: UUID) -> HttpResponse:
    """The page's choice of a job leads to the job's own form, with the account chosen."""
    account = living_account(request, account_id)
    try:
        job = visible_job(request, UUID(request.GET.get("job", "")))
    except ValueError:
        return go_to(request, reverse("account_detail", args=[account.pk]))
    return go_to(request, f"{reverse('run_start', args=[job.pk])}?account={account.pk}")


def _page(request: PageRequest, account: IntegratedAccount, **more: Any) -> HttpResponse:
    page = AccountPage.of(account, request.user, request.GET.get("kind", ""), request.GET.get("cursor"))
    timeline = page.timeline
    newer, older = (_query(request, cursor) for cursor in (timeline.previous_cursor, timeline.next_cursor))
    context = {"page": page, "account": account, "newer": newer, "older": older, **more}
    return render(request, "accounts/detail.html", context)


def _query(request: PageRequest, cursor: str | None) -> str:
    if cursor is None:
        return ""
    params = request.GET.copy()
    params["cursor"] = cursor
    return params.urlencode()


def _account(request: PageRequest, account_id: UUID) -> IntegratedAccount:
    """404 outside the person's environments."""
    accounts = visible(IntegratedAccount.objects.all(), request.user)
    related = ("environment", "integration", "freshness")
    return get_object_or_404(accounts.select_related(*related).defer(*HIDDEN), pk=account_id)


def living_account(request: PageRequest, account_id: UUID) -> IntegratedAccount:
    """404 too for one that was deleted."""
    accounts = visible(IntegratedAccount.objects.live(), request.user)
    return get_object_or_404(accounts.select_related("environment", "integration", "freshness"), pk=account_id)
