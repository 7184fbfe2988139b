"""How the host of `manage.py doctor` is set up: its folders, its address, its way to the database and to mail."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from smtplib import SMTPException
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.mail import get_connection
from django.db import connection
from django.http.request import validate_host
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.health_checks import BAD, GOOD, WORTH_A_LOOK, Check, Look
from runs.models import AlertChannel, AlertRule

MAIL_PATIENCE = 5  # seconds
SMTP = "django.core.mail.backends.smtp.EmailBackend"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LIMITS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")


def _database_settings(now: datetime) -> list[Check]:
    return [{"sqlite": _of_sqlite, "postgresql": _of_postgresql}[connection.vendor]()]


def _of_sqlite() -> Check:
    journal, keys = _answer("PRAGMA journal_mode"), _answer("PRAGMA foreign_keys")
    words = _("Journal: {journal}; foreign keys: off.")
    if keys == "1":
        words = _("Journal: {journal}; foreign keys: on.")
    words = words.format(journal=journal)
    if (journal, keys) != ("wal", "1"):
        advice = _(
            "Journal must be wal, foreign keys on. Keep the file on a local disk: no network file system does it."
        )
        return Check(_("Database settings"), BAD, words, advice)
    return Check(_("Database settings"), GOOD, words)


def _of_postgresql() -> Check:
    limits = {name: _answer(f"SHOW {name}") for name in _LIMITS}
    words = "; ".join(f"{name} {value}" for name, value in limits.items())
    if "0" in limits.values():
        advice = _(
            "Something between drops the options of connections: let the pooler pass them, or set them for the role."
        )
        return Check(_("Database settings"), WORTH_A_LOOK, _("{limits}. 0 is no limit.").format(limits=words), advice)
    if _answer("SHOW fsync") == "off":
        advice = _("Switch it on: after a power cut the database may be damaged beyond repair.")
        return Check(
            _("Database settings"), WORTH_A_LOOK, _("{limits}. The server's fsync is off.").format(limits=words), advice
        )
    return Check(_("Database settings"), GOOD, f"{words}.")


def _answer(question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return str(cursor.fetchone()[0])


def _folders(now: datetime) -> list[Check]:
    folders = [Path(settings.DATA_DIR)]
    if settings.EMBEDDED_BROKER:
        folders += [Path(settings.BROKER_DIR, name) for name in ("messages", "control", "tmp")]
    closed = [str(folder) for folder in folders if not os.access(folder, os.R_OK | os.W_OK | os.X_OK)]
    if closed:
        words = _("Not there, or not writable for this user: {folders}.").format(folders=", ".join(closed))
        return [
            Check(
                _("Folders"), BAD, words, _("Let the user of Syncdeck's processes own DATA_DIR and all that is in it.")
            )
        ]
    words = _("DATA_DIR can be written.")
    if settings.EMBEDDED_BROKER:
        words = _("DATA_DIR and the broker's folders can be written.")
    return [Check(_("Folders"), GOOD, words)]


def _static_files(now: datetime) -> list[Check]:
    if Path(settings.STATIC_ROOT, "staticfiles.json").is_file():
        return [Check(_("Static files"), GOOD, _("They are collected."))]
    advice = _("`python manage.py serve` collects them at its start; a host without a web process needs none.")
    return [Check(_("Static files"), WORTH_A_LOOK, _("They are not collected on this host."), advice)]


def _address(now: datetime) -> list[Check]:
    url = urlsplit(settings.PUBLIC_URL)
    faults = [fault for look in (_scheme, _host, _any_host, _proxy, _debug) if (fault := look(url))]
    words = _("{address} is open to people.").format(address=f"{url.scheme}://{_shown(url)}")
    return faults or [Check(_("Address"), GOOD, words)]


def _shown(url: SplitResult) -> str:
    return url.netloc.rpartition("@")[2]


def _scheme(url: SplitResult) -> Check | None:
    if url.scheme not in ("http", "https") or not url.hostname:
        advice = _("Set it to what people open, such as https://sync.example.com.")
        return Check(_("Address"), BAD, _("PUBLIC_URL is no address that begins with http:// or https://."), advice)
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        advice = _("Put a proxy that speaks TLS ahead, and set PUBLIC_URL to its https:// address.")
        return Check(_("Address"), WORTH_A_LOOK, _("Passwords and sessions travel by plain http."), advice)
    return None


def _host(url: SplitResult) -> Check | None:
    if url.hostname and not validate_host(url.hostname, settings.ALLOWED_HOSTS) and ":" not in url.hostname:
        words = _("ALLOWED_HOSTS lacks {host}, the host of PUBLIC_URL: each request to it is refused.")
        words = words.format(host=url.hostname)
        return Check(_("Address"), BAD, words, _("Add it to ALLOWED_HOSTS."))
    return None


def _any_host(url: SplitResult) -> Check | None:
    if "*" in settings.ALLOWED_HOSTS:
        words = _("ALLOWED_HOSTS takes any name: whoever sends a request chooses the host that links carry.")
        return Check(_("Address"), WORTH_A_LOOK, words, _("Name the hosts that people and probes use."))
    return None


def _proxy(url: SplitResult) -> Check | None:
    if url.scheme == "https" and not settings.BEHIND_PROXY:
        words = _(
            "PUBLIC_URL is https, and BEHIND_PROXY is off: `serve` speaks no TLS and redirects every request for ever."
        )
        advice = _("Set BEHIND_PROXY=true behind a proxy that sets X-Forwarded-Proto and X-Forwarded-For.")
        return Check(_("Address"), WORTH_A_LOOK, words, advice)
    return None


def _debug(url: SplitResult) -> Check | None:
    if settings.DEBUG:
        words = _("DEBUG is on: pages of errors show code and settings to anybody.")
        return Check(_("Address"), WORTH_A_LOOK, words, _("Leave it out in production."))
    return None


def _mail(now: datetime) -> list[Check]:
    if not settings.EMAIL_HOST:
        return [_no_mail()]
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        with get_connection(SMTP, timeout=MAIL_PATIENCE):
            words = _("{server} answers and knows the user.") if settings.EMAIL_HOST_USER else _("{server} answers.")
            return [Check(_("Mail"), GOOD, words.format(server=server))]
    except (OSError, SMTPException) as error:
        words = _("{server} does not take mail from here ({error}).").format(server=server, error=type(error).__name__)
        return [Check(_("Mail"), BAD, words, _("Look at EMAIL_URL and at the way there: alerts by mail don't go out."))]


def _no_mail() -> Check:
    rules = AlertRule.objects.filter(channel=AlertChannel.MAIL, is_active=True, deleted_at=None).count()
    if rules:
        words = _("No mail server is set, and alert rules that want one: {count}.").format(count=rules)
        return Check(_("Mail"), BAD, words, _("Set EMAIL_URL, or give these rules another channel."))
    return Check(_("Mail"), GOOD, _("No mail server is set, and no alert asks for one."))


HOST_LOOKS: dict[str, Look] = {
    gettext_noop("Database settings"): _database_settings,
    gettext_noop("Folders"): _folders,
    gettext_noop("Static files"): _static_files,
    gettext_noop("Address"): _address,
    gettext_noop("Mail"): _mail,
}
