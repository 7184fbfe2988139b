"""API tokens: what opens an environment to a program, for what, and until when."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.marks import token_mark
from dashboard.pages.access import PageRequest, go_to, page_with, visible
from dashboard.pages.listing import listed
from dashboard.pages.questions import ask
from dashboard.settings_forms import TokenForm
from runs.errors import InvalidInput
from runs.models import ApiToken
from runs.services import issue_token, revoke_token

CREATED = 201
BAD_REQUEST = 400

tokens_page = page_with("runs.change_apitoken", _("Tokens are the business of admins."))


@tokens_page
@require_safe
def token_list(request: PageRequest) -> HttpResponse:
    context = listed(request, _tokens(request))
    lines = [(token, token_mark(token)) for token in context["rows"]]
    return render(request, "settings/tokens.html", {**context, "lines": lines})


@never_cache
@tokens_page
@require_http_methods(["GET", "HEAD", "POST"])
def token_new(request: PageRequest) -> HttpResponse:
    """The answer to the POST is the only page that ever shows the secret, so it does not redirect."""
    form = TokenForm(request.user.visible_environments(), request.POST or None)
    if form.is_valid():
        try:
            token, secret = issue_token(
                form.cleaned_data["environment"],
                name=form.cleaned_data["name"],
                actor=request.user.get_username(),
                expires_at=form.expires_at,
                scopes=form.scopes,
            )
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            return render(request, "settings/token_created.html", {"token": token, "secret": secret}, status=CREATED)
    return render(request, "settings/token_form.html", {"form": form}, status=BAD_REQUEST if form.errors else 200)


@tokens_page
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: PageRequest, token_id: UUID) -> HttpResponse:
    token = get_object_or_404(_tokens(request), pk=token_id)
    if request.method != "POST":
        crumbs = [(reverse("settings"), gettext("Settings")), (reverse("token_list"), gettext("API tokens"))]
        return ask(request, "settings/_revoke.html", crumbs, token=token, mark=token_mark(token))
    if revoke_token(token):
        messages.success(request, gettext("Revoked: {token}. It opens nothing any more.").format(token=token))
    else:
        words = gettext("{token} had been revoked already; nothing was changed.").format(token=token)
        messages.info(request, words)
    return go_to(request, reverse("token_list"))


def _tokens(request: PageRequest) -> QuerySet[ApiToken]:
    return visible(ApiToken.objects.select_related("environment").defer("digest"), request.user)
