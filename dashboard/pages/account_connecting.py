"""A new account, and the way to its provider and back, where it is connected in a browser.

The provider is reached by a link or by a script, never by the answer to a form: the content security policy forbids
forms to lead elsewhere, and browsers hold redirects to that as well. The page that people come back to shows nothing:
the code in its address must not become a Referer, nor stay where it can be read.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from dashboard.credentials_form import ChooseIntegrationForm, NewAccountForm
from dashboard.pages.access import PageRequest, go_to, page_with, visible
from dashboard.pages.account import BAD_REQUEST, living_account
from runs.errors import InvalidInput, NotConnected
from runs.models import IntegratedAccount, Integration
from runs.services import (
    AuthorizationAnswer,
    Consent,
    begin_authorization,
    consent,
    consent_of,
    create_account,
    credential_fields,
    finish_authorization,
)

FORBIDDEN = 403
CHANGE = "runs.change_integratedaccount"
REFUSAL = _("You may look at accounts, but not change them.")


@page_with("runs.add_integratedaccount", _("You may look at accounts, but not make new ones."))
@require_http_methods(["GET", "HEAD", "POST"])
def account_new(request: PageRequest) -> HttpResponse:
    """First the choice of the integration, by the address; then what an account of it needs."""
    integrations = visible(Integration.objects.live(), request.user).select_related("environment").order_by("label")
    choice = ChooseIntegrationForm(integrations, request.GET if "integration" in request.GET else None)
    if not choice.is_valid():
        status = BAD_REQUEST if choice.errors or request.method == "POST" else 200
        return render(request, "accounts/new.html", {"choice": choice, "integrations": integrations}, status=status)
    return _new_account_of(request, choice.cleaned_data["integration"])


def _new_account_of(request: PageRequest, integration: Integration) -> HttpResponse:
    form = NewAccountForm(credential_fields(integration), request.POST or None)
    if form.is_valid():
        try:
            account = create_account(integration, form.tenant_id, form.values())
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            return _after_creation(request, account)
    context = {"integration": integration, "form": form, "connects": consent_of(integration) is not None}
    return render(request, "accounts/new.html", context, status=BAD_REQUEST if form.errors else 200)


def _after_creation(request: PageRequest, account: IntegratedAccount) -> HttpResponse:
    if consent_of(account.integration) and request.user.has_perm(CHANGE):
        return go_to(request, reverse("account_connect", args=[account.pk]))
    messages.success(request, gettext("The account is stored. Test the connection to be sure of it."))
    return go_to(request, reverse("account_detail", args=[account.pk]))


@never_cache
@page_with(CHANGE, REFUSAL)
@require_http_methods(["GET", "HEAD", "POST"])
def account_connect(request: PageRequest, account_id: UUID) -> HttpResponse:
    """Says where the person is about to be sent; a POST makes the way, and a script or a link goes it."""
    account = living_account(request, account_id)
    try:
        asked = consent(account)
        if request.method != "POST":
            return _connect_page(request, account, asked)
        address = begin_authorization(account, request.user, _session_key(request), redirect_uri())
    except NotConnected as error:
        if request.htmx:
            return HttpResponseClientRedirect(request.path)  # the page itself tells why
        return _connect_page(request, account, problem=error)
    if request.htmx:
        return HttpResponseClientRedirect(address)
    return _connect_page(request, account, asked, address=address)


def _connect_page(
    request: PageRequest,
    account: IntegratedAccount,
    asked: Consent | None = None,
    *,
    problem: NotConnected | None = None,
    address: str = "",
) -> HttpResponse:
    context = {
        "account": account,
        "consent": asked,
        "problem": problem,
        "address": address,
        "redirect_uri": redirect_uri(),
        "lacks_values": problem is not None and problem.code == "missing_credential",
        "public_url": settings.PUBLIC_URL,
        "is_elsewhere": request.get_host() != urlsplit(settings.PUBLIC_URL).netloc,
    }
    return render(request, "accounts/connect.html", context, status=BAD_REQUEST if problem else 200)


@never_cache
def account_connected(request: PageRequest) -> HttpResponse:
    """Where the provider sends people back to. Whatever comes of it, the answer leads on, away from the code."""
    response = _came_back(request)
    response["Referrer-Policy"] = "no-referrer"
    return response


def _came_back(request: PageRequest) -> HttpResponse:
    """Somebody who has to log in first has lost the session that the way was made for: the address is not kept."""
    person = request.user
    if not person.is_authenticated:
        if "state" in request.GET:
            messages.error(
                request, gettext("You were logged out while you were at the provider. Connect the account again.")
            )
        return redirect_to_login(reverse("account_list"))
    if not (person.is_staff and person.has_perm(CHANGE)):
        # Not raised: the page that would then be shown has no Referrer-Policy of ours.
        base = "base.html" if person.is_staff else "bare.html"
        return render(request, "403.html", {"base": base, "why": REFUSAL}, status=FORBIDDEN)
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    answer = AuthorizationAnswer.read(dict(request.GET.lists()))
    try:
        connected = finish_authorization(answer, person, _session_key(request))
    except NotConnected as error:
        messages.error(request, gettext("The account was not connected. {why}").format(why=error))
        return redirect("account_detail", error.account_id) if error.account_id else redirect("account_list")
    messages.success(request, gettext("Connected. Test the connection to be sure of it."))
    if not connected.lasts:
        messages.warning(
            request, gettext("The provider gave no refresh token: when this access ends, connect it again.")
        )
    return redirect("account_detail", connected.account.pk)


def redirect_uri() -> str:
    """Where the provider sends people back to, to the letter: it has to be registered there."""
    return f"{settings.PUBLIC_URL}{reverse('account_connected')}"


def _session_key(request: PageRequest) -> str:
    return request.session.session_key or ""
