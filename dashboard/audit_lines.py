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

from dashboard.templatetags.syncdeck import moment
from runs.models import AuditEntry, BulkAction, CronTrigger, IntegratedAccount, SyncJob, SyncJobRun, User, Webhook

SYNCDECK = "Syncdeck"
UUID_LENGTH = 36
NOUNS = (
    *("run", "bulk", "account", "job", "schedule", "integration", "mapping", "webhook"),
    *("token", "environment", "member", "person", "group", "view", "error_group", "records", "audit", "keys"),
)
_NOUNS = {
    "mapping": "unified mapping",
    "keys": "keys of credentials",
    "token": "API token",
    "member": "membership",
    "bulk": "bulk action",
}
_VERBS = {
    "create": "Created",
    "save": "Saved",
    "rename": "Renamed",
    "move": "Moved",
    "change": "Changed",
    "delete": "Deleted",
    "arm": "Armed",
    "disarm": "Disarmed",
    "activate": "Switched on",
    "deactivate": "Switched off",
    "issue": "Issued",
    "revoke": "Revoked",
    "stop": "Stopped",
    "force_stop": "Forced to stop",
    "test": "Tested",
    "export": "Exported",
    "acknowledge": "Acknowledged",
    "reopen": "Kept open",
}
_WHOLE = {
    "run.create": "Started run",
    "run.rerun": "Ran again",
    "run.prune": "Pruned old runs",
    "webhook.resend": "Sent an event again to webhook",
    "account.credentials": "Gave new credentials to account",
    "account.credentials_drop": "Took its credentials, which would have gone to another address, from account",
    "account.connect": "Connected account",
    "account.connect_refused": "Was refused when connecting account",
    "account.test": "Tested the connection of account",
    "keys.rotate": "Encrypted what is secret with the new key",
    "audit.export": "Exported the audit list",
    "bulk.stop": "Ordered bulk action",
    "bulk.rerun": "Ordered bulk action",
    "bulk.rerun_ignoring": "Ordered bulk action",
    "bulk.cancel": "Cancelled bulk action",
    "error_group.note": "Noted the cause of error",
    "member.add": "Added a member to environment",
    "member.remove": "Removed a member from environment",
    "person.login": "Logged in",
    "person.login_failed": "Failed to log in",
    "person.lock_out": "Was locked out",
    "person.activate": "Let in again",
    "person.deactivate": "Shut out",
    "person.end_sessions": "Ended all sessions of",
    "person.password": "Set the password of",
    "person.password_link": "Made a password link for",
    "person.preferences": "Changed preferences of",
    "person.role": "Changed the role of",
    "view.default": "Chose the first view:",
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
    noun, _, verb = action.partition(".")
    name = _NOUNS.get(noun, noun.replace("_", " "))
    return _WHOLE.get(action) or f"{_VERBS.get(verb, verb.replace('_', ' ').capitalize())} {name}"


def kinds() -> list[tuple[str, str]]:
    """What the list can be narrowed to: the nouns of actions, in words."""
    return [(noun, _NOUNS.get(noun, noun)) for noun in NOUNS]


def _there(entries: list[AuditEntry], reader: User) -> set[tuple[str, str]]:
    """The targets that exist in the reader's environments, as kind and id."""
    found: set[tuple[str, str]] = set()
    for kind, (rows_of, _) in _PAGES.items():
        ids = {UUID(entry.target_id) for entry in entries if entry.target_type == kind and entry.target_id}
        if ids and (reader.can_operate or kind not in _FOR_OPERATORS):
            found |= {(kind, str(pk)) for pk in rows_of(reader).filter(pk__in=ids).values_list("pk", flat=True)}
    return found


def _address(entry: AuditEntry, there: set[tuple[str, str]]) -> str:
    key = (entry.target_type, entry.target_id)
    return reverse(_PAGES[key[0]][1], args=[key[1]]) if key in there else ""


def _told(value: Any) -> str:
    if value is True:
        return "yes"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _in_zone(value) if isinstance(value, str) and _TIME.fullmatch(value) else str(value)


def _in_zone(text: str) -> str:
    """A moment as the reader's clock has it; what only looks like one stays as it is."""
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text
