"""What admins do to alert rules: make, change, delete."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.alert_form import AlertForm
from dashboard.forms import only_one
from dashboard.marks import alert_rule_mark
from dashboard.pages.access import PageRequest, go_to, page_with
from dashboard.pages.alerts import visible_rule
from dashboard.pages.questions import ask
from runs.errors import InvalidInput
from runs.lookups import parse_uuid
from runs.models import AlertChannel, AlertRule, Environment
from runs.services import delete_alert_rule, save_alert_rule

CREATED = 201
BAD_REQUEST = 400

alerts_page = page_with("runs.change_alertrule", _("Who is told of failures is the business of admins."))


@never_cache
@alerts_page
@require_http_methods(["GET", "HEAD", "POST"])
def alert_new(request: PageRequest) -> HttpResponse:
    """First the environment, where there is a choice: the jobs and accounts to choose from are its own."""
    environment = _environment(request)
    if environment is None:
        return render(request, "alerts/environment.html", {"environments": request.user.visible_environments()})
    form = AlertForm(environment, request.POST or None)
    if rule := _saved(form, environment):
        return _told(request, rule, gettext("{rule} is made. Send a test to see that it arrives."), new_channel=True)
    return _form_page(request, form, environment)


@never_cache
@alerts_page
@require_http_methods(["GET", "HEAD", "POST"])
def alert_edit(request: PageRequest, rule_id: UUID) -> HttpResponse:
    rule = visible_rule(request, rule_id)
    channel = rule.channel
    form = AlertForm(rule.environment, request.POST or None, rule)
    if saved := _saved(form, rule.environment, rule):
        done = gettext("{rule} is changed. Send a test to see that it arrives.")
        return _told(request, saved, done, new_channel=saved.channel != channel)
    return _form_page(request, form, rule.environment, visible_rule(request, rule_id))


@alerts_page
@require_http_methods(["GET", "HEAD", "POST"])
def alert_delete(request: PageRequest, rule_id: UUID) -> HttpResponse:
    rule = visible_rule(request, rule_id)
    if request.method != "POST":
        crumbs = [(reverse("alert_list"), gettext("Alerts")), (reverse("alert_detail", args=[rule.pk]), rule.name)]
        return ask(request, "alerts/_delete.html", crumbs, rule=rule, mark=alert_rule_mark(rule, timezone.now()))
    try:
        delete_alert_rule(rule)
        messages.success(request, gettext("Deleted: {rule}.").format(rule=rule))
    except InvalidInput:  # somebody was faster
        messages.info(request, gettext("{rule} had been deleted already.").format(rule=rule))
    return go_to(request, reverse("alert_list"))


def _environment(request: PageRequest) -> Environment | None:
    """The one that the address names, or the only one there is; 404 for one of others."""
    mine = request.user.visible_environments()
    try:
        return get_object_or_404(mine, pk=parse_uuid(request.GET.get("environment", "")))
    except ValueError:
        return only_one(mine)


def _saved(form: AlertForm, environment: Environment, rule: AlertRule | None = None) -> AlertRule | None:
    """The rule as the form has it; None if there is something wrong with it, which the form then shows."""
    if not form.is_valid():
        return None
    try:
        return save_alert_rule(environment, form.values(), rule)
    except InvalidInput as error:
        form.refuse(error.failures)
    return None


def _told(request: PageRequest, rule: AlertRule, done: str, *, new_channel: bool) -> HttpResponse:
    """The only page that shows the signing secret does not redirect."""
    if new_channel and rule.channel == AlertChannel.WEBHOOK:
        return render(request, "alerts/secret.html", {"rule": rule}, status=CREATED)
    messages.success(request, done.format(rule=rule))
    return redirect("alert_detail", rule.pk)


def _form_page(
    request: PageRequest, form: AlertForm, environment: Environment, rule: AlertRule | None = None
) -> HttpResponse:
    context = {"form": form, "environment": environment, "rule": rule, "lacks_mail": not settings.EMAIL_HOST}
    return render(request, "alerts/form.html", context, status=BAD_REQUEST if form.errors else 200)
