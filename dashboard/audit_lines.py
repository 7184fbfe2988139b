"""A line of the audit list in words, and where what it is about can be looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from dashboard.templatetags.syncdeck import moment
from runs.models import AuditEntry, BulkAction, CronTrigger, IntegratedAccount, SyncJob, SyncJobRun, User, Webhook

SYNCDECK = "Syncdeck"
UUID_LENGTH = 36
_NOUNS = {
    "run": _("run"),
    "bulk": _("bulk action"),
    "account": _("account"),
    "job": _("job"),
    "schedule": _("schedule"),
    "integration": _("integration"),
    "mapping": _("unified mapping"),
    "webhook": _("webhook"),
    "token": _("API token"),
    "environment": _("environment"),
    "member": _("membership"),
    "person": _("person"),
    "group": _("group"),
    "view": _("view"),
    "error_group": _("error group"),
    "records": _("records"),
    "audit": _("audit"),
    "keys": _("keys of credentials"),
}
# Each stands before one of the nouns.
_VERBS = {
    "create": pgettext_lazy("audit", "Created"),
    "save": pgettext_lazy("audit", "Saved"),
    "rename": pgettext_lazy("audit", "Renamed"),
    "move": pgettext_lazy("audit", "Moved"),
    "change": pgettext_lazy("audit", "Changed"),
    "delete": pgettext_lazy("audit", "Deleted"),
    "arm": pgettext_lazy("audit", "Armed"),
    "disarm": pgettext_lazy("audit", "Disarmed"),
    "activate": pgettext_lazy("audit", "Switched on"),
    "deactivate": pgettext_lazy("audit", "Switched off"),
    "issue": pgettext_lazy("audit", "Issued"),
    "revoke": pgettext_lazy("audit", "Revoked"),
    "stop": pgettext_lazy("audit", "Stopped"),
    "force_stop": pgettext_lazy("audit", "Forced to stop"),
    "test": pgettext_lazy("audit", "Tested"),
    "export": pgettext_lazy("audit", "Exported"),
    "acknowledge": pgettext_lazy("audit", "Acknowledged"),
    "reopen": pgettext_lazy("audit", "Kept open"),
}
_WHOLE = {
    "run.create": _("Started run"),
    "run.rerun": _("Ran again"),
    "run.prune": _("Pruned old runs"),
    "webhook.resend": _("Sent an event again to webhook"),
    "account.credentials": _("Gave new credentials to account"),
    "account.credentials_drop": _("Took its credentials, which would have gone to another address, from account"),
    "account.connect": _("Connected account"),
    "account.connect_refused": _("Was refused when connecting account"),
    "account.test": _("Tested the connection of account"),
    "keys.rotate": _("Encrypted what is secret with the new key"),
    "audit.export": _("Exported the audit list"),
    "bulk.stop": _("Ordered bulk action"),
    "bulk.rerun": _("Ordered bulk action"),
    "bulk.rerun_ignoring": _("Ordered bulk action"),
    "bulk.cancel": _("Cancelled bulk action"),
    "error_group.note": _("Noted the cause of error"),
    "member.add": _("Added a member to environment"),
    "member.remove": _("Removed a member from environment"),
    "person.login": _("Logged in"),
    "person.login_failed": _("Failed to log in"),
    "person.lock_out": _("Was locked out"),
    "person.activate": pgettext_lazy("what somebody did", "Let in again"),
    "person.deactivate": pgettext_lazy("what somebody did", "Shut out"),
    "person.end_sessions": _("Ended all sessions of"),
    "person.password": _("Set the password of"),
    "person.password_link": _("Made a password link for"),
    "person.preferences": _("Changed preferences of"),
    "person.role": _("Changed the role of"),
    "view.default": _("Chose the first view:"),
}


def _living(model: Any) -> Callable[[User], QuerySet[Any]]:
    return lambda reader: model.objects.live().filter(environment__in=reader.visible_environments())


def _runs(reader: User) -> QuerySet[Any]:
    return SyncJobRun.objects.filter(environment__in=reader.visible_environments())


# What can be looked at, by the model's name: those that are the reader's, and where the page of one is. Others have
# none, or none that everybody may open.
_PAGES: dict[str, tuple[Callable[[User], QuerySet[Any]], str]] = {
    "syncjobrun": (_runs, "run_detail"),
    "bulkaction": (BulkAction.objects.seen_by, "bulk_detail"),
    "integratedaccount": (_living(IntegratedAccount), "account_detail"),
    "webhook": (_living(Webhook), "webhook_detail"),
    "syncjob": (_living(SyncJob), "job_detail"),
    "crontrigger": (_living(CronTrigger), "schedule_edit"),
}
_FOR_OPERATORS = ("crontrigger",)
_UNTOLD = ("changes", "set_hash")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class AuditLine:
    """`address` is where the target can be looked at: empty if it is gone, has no page, or is not the reader's."""

    entry: AuditEntry
    words: str
    address: str

    @property
    def actor(self) -> str:
        return self.entry.actor or SYNCDECK

    @property
    def target(self) -> str:
        """What it was done to; empty where that is nothing, or the person who did it."""
        entry = self.entry
        return "" if entry.target_label == entry.actor else entry.target_label or entry.target_id

    @property
    def target_id(self) -> str:
        """The id, where it tells two things of the same name apart."""
        return self.entry.target_id if self.target and len(self.entry.target_id) == UUID_LENGTH else ""

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """The fields with their old and new values; both None where it is only said that they changed."""
        found: dict[str, Any] = self.entry.details.get("changes") or {}
        return [
            (name.replace("_", " "), *(change if isinstance(change, list) else (None, None)))
            for name, change in found.items()
        ]

    @property
    def more(self) -> list[tuple[str, Any]]:
        """What else is known of it; the files have also what tells people nothing."""
        others = {name: value for name, value in self.entry.details.items() if name not in _UNTOLD}
        told = {name: value for name, value in others.items() if value not in (None, "", []) and value is not False}
        return [(name.replace("_", " "), _told(value)) for name, value in told.items()]


def audit_lines(entries: Iterable[AuditEntry], reader: User) -> list[AuditLine]:
    """The lines for this reader, with one query for each kind of target among them that has a page."""
    entries = list(entries)
    there = _there(entries, reader)
    return [AuditLine(entry, in_words(entry.action), _address(entry, there)) for entry in entries]


def in_words(action: str) -> str:
    """`job.change` is "Changed job". An action that is not known here is told by its own words."""
    if action in _WHOLE:
        return str(_WHOLE[action])
    noun, _dot, verb = action.partition(".")
    done = _VERBS.get(verb, verb.replace("_", " ").capitalize())
    return pgettext("audit", "{done} {thing}").format(done=done, thing=_NOUNS.get(noun, noun.replace("_", " ")))


def kinds() -> list[tuple[str, str]]:
    """What the list can be narrowed to: the nouns of actions, in words."""
    return [(noun, str(words)) for noun, words in _NOUNS.items()]


def _there(entries: list[AuditEntry], reader: User) -> set[tuple[str, str]]:
    """The targets that exist in the reader's environments, as kind and id."""
    found: set[tuple[str, str]] = set()
    for kind, (rows_of, _page) in _PAGES.items():
        ids = {UUID(entry.target_id) for entry in entries if entry.target_type == kind and entry.target_id}
        if ids and (reader.can_operate or kind not in _FOR_OPERATORS):
            found |= {(kind, str(pk)) for pk in rows_of(reader).filter(pk__in=ids).values_list("pk", flat=True)}
    return found


def _address(entry: AuditEntry, there: set[tuple[str, str]]) -> str:
    key = (entry.target_type, entry.target_id)
    return reverse(_PAGES[key[0]][1], args=[key[1]]) if key in there else ""


def _told(value: Any) -> str:
    if value is True:
        return gettext("yes")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _in_zone(value) if isinstance(value, str) and _TIME.fullmatch(value) else str(value)


def _in_zone(text: str) -> str:
    """A moment as the reader's clock has it; what only looks like one stays as it is."""
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text
