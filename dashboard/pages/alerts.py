"""Alert rules: who is told of what, what fails now in their eyes, and what they have sent."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.alert_form import MuteForm
from dashboard.marks import alert_message_mark, alert_rule_mark
from dashboard.pages.access import PageRequest, operator_page, staff_page, visible
from dashboard.pages.listing import listed
from runs.errors import InvalidInput, RemoteError
from runs.models import AlertChannel, AlertMessage, AlertRule, AlertState
from runs.services import mute_alert_rule, send_test_alert

MOST_FAILING = 50


@staff_page
@require_safe
def alert_list(request: PageRequest) -> HttpResponse:
    now = timezone.now()
    latest = AlertMessage.objects.filter(rule=OuterRef("pk")).order_by("-created_at", "-id")
    rules = _rules(request).annotate(last_message_at=Subquery(latest.values("created_at")[:1]))
    context = listed(request, rules)
    lines = [(rule, alert_rule_mark(rule, now)) for rule in context["rows"]]
    return render(request, "alerts/list.html", {**context, "lines": lines})


@staff_page
@require_safe
def alert_detail(request: PageRequest, rule_id: UUID) -> HttpResponse:
    rule = visible_rule(request, rule_id)
    context = listed(request, rule.messages.all())
    lines = [(message, alert_message_mark(message)) for message in context["rows"]]
    failing = list(_failing(rule)[: MOST_FAILING + 1])
    shown = {"failing": failing[:MOST_FAILING], "more_fail": len(failing) > MOST_FAILING}
    lacks_mail = rule.channel == AlertChannel.MAIL and not settings.EMAIL_HOST
    state = {"rule": rule, "mark": alert_rule_mark(rule, timezone.now()), "lacks_mail": lacks_mail}
    return render(request, "alerts/detail.html", {**context, **shown, **state, "lines": lines})


@operator_page
@require_POST
def alert_mute(request: PageRequest, rule_id: UUID) -> HttpResponse:
    rule, form = visible_rule(request, rule_id), MuteForm(request.POST)
    if form.is_valid():
        try:
            mute_alert_rule(rule, form.until(timezone.now()))
            said = _("{rule} is muted. Failures are counted, and nobody is told.")
            messages.success(request, said.format(rule=rule))
        except InvalidInput as error:
            messages.error(request, _("It was not muted. {why}").format(why=_said(error)))
    else:
        messages.error(request, _("It was not muted. {why}").format(why=form.faults))
    return redirect("alert_detail", rule.pk)


@operator_page
@require_POST
def alert_unmute(request: PageRequest, rule_id: UUID) -> HttpResponse:
    rule = visible_rule(request, rule_id)
    try:
        mute_alert_rule(rule, None)
        said = _("{rule} tells again, of what is new from the next run's end on.")
        messages.success(request, said.format(rule=rule))
    except InvalidInput as error:  # somebody was faster, and deleted it
        messages.error(request, _("Nothing was changed. {why}").format(why=_said(error)))
    return redirect("alert_detail", rule.pk)


@operator_page
@require_POST
def alert_test(request: PageRequest, rule_id: UUID) -> HttpResponse:
    rule = visible_rule(request, rule_id)
    try:
        send_test_alert(rule)
        messages.success(request, _("The test was taken by {target}.").format(target=rule.shown_target))
    except RemoteError as refused:
        messages.error(request, _("The test was not taken. {why}").format(why=refused))
    return redirect("alert_detail", rule.pk)


def visible_rule(request: PageRequest, rule_id: UUID) -> AlertRule:
    """The rule; 404 outside the person's environments, and once it has been deleted."""
    return get_object_or_404(_rules(request), pk=rule_id)


def _rules(request: PageRequest) -> QuerySet[AlertRule]:
    hidden = ("secret", "integrated_account__context", "integrated_account__unified_model_override")
    rules = AlertRule.objects.live().select_related("environment", "sync_job", "integrated_account").defer(*hidden)
    return visible(rules, request.user)


def _failing(rule: AlertRule) -> QuerySet[AlertState]:
    """What fails now, the latest first. A job or account that was deleted runs no more, so it will never recover."""
    hidden = ("integrated_account__context", "integrated_account__unified_model_override", "sync_job__resources")
    states = rule.states.filter(failures__gt=0, sync_job__deleted_at=None, integrated_account__deleted_at=None)
    return states.select_related("sync_job", "integrated_account").defer(*hidden).order_by("-failing_since")


def _said(error: InvalidInput) -> str:
    return " ".join(_("The time {fault}").format(fault=failure.message) for failure in error.failures)
