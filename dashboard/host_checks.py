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
    words = f"Journal: {journal}; foreign keys: {'on' if keys == '1' else 'off'}."
    if (journal, keys) != ("wal", "1"):
        advice = "Journal must be wal, foreign keys on. Keep the file on a local disk: no network file system does it."
        return Check("Database settings", BAD, words, advice)
    return Check("Database settings", GOOD, words)


def _of_postgresql() -> Check:
    limits = {name: _answer(f"SHOW {name}") for name in _LIMITS}
    words = "; ".join(f"{name} {value}" for name, value in limits.items())
    if "0" in limits.values():
        advice = (
            "Something between drops the options of connections: let the pooler pass them, or set them for the role."
        )
        return Check("Database settings", WORTH_A_LOOK, f"{words}. 0 is no limit.", advice)
    if _answer("SHOW fsync") == "off":
        advice = "Switch it on: after a power cut the database may be damaged beyond repair."
        return Check("Database settings", WORTH_A_LOOK, f"{words}. The server's fsync is off.", advice)
    return Check("Database settings", GOOD, f"{words}.")


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
        words = f"Not there, or not writable for this user: {', '.join(closed)}."
        return [
            Check("Folders", BAD, words, "Let the user of Syncdeck's processes own DATA_DIR and all that is in it.")
        ]
    broker = " and the broker's folders" if settings.EMBEDDED_BROKER else ""
    return [Check("Folders", GOOD, f"DATA_DIR{broker} can be written.")]


def _static_files(now: datetime) -> list[Check]:
    if Path(settings.STATIC_ROOT, "staticfiles.json").is_file():
        return [Check("Static files", GOOD, "They are collected.")]
    advice = "`python manage.py serve` collects them at its start; a host without a web process needs none."
    return [Check("Static files", WORTH_A_LOOK, "They are not collected on this host.", advice)]


def _address(now: datetime) -> list[Check]:
    url = urlsplit(settings.PUBLIC_URL)
    faults = [fault for look in (_scheme, _host, _any_host, _proxy, _debug) if (fault := look(url))]
    return faults or [Check("Address", GOOD, f"{url.scheme}://{_shown(url)} is open to people.")]


def _shown(url: SplitResult) -> str:
    return url.netloc.rpartition("@")[2]


def _scheme(url: SplitResult) -> Check | None:
    if url.scheme not in ("http", "https") or not url.hostname:
        advice = "Set it to what people open, such as https://sync.example.com."
        return Check("Address", BAD, "PUBLIC_URL is no address that begins with http:// or https://.", advice)
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        advice = "Put a proxy that speaks TLS ahead, and set PUBLIC_URL to its https:// address."
        return Check("Address", WORTH_A_LOOK, "Passwords and sessions travel by plain http.", advice)
    return None


def _host(url: SplitResult) -> Check | None:
    if url.hostname and not validate_host(url.hostname, settings.ALLOWED_HOSTS) and ":" not in url.hostname:
        words = f"ALLOWED_HOSTS lacks {url.hostname}, the host of PUBLIC_URL: each request to it is refused."
        return Check("Address", BAD, words, "Add it to ALLOWED_HOSTS.")
    return None


def _any_host(url: SplitResult) -> Check | None:
    if "*" in settings.ALLOWED_HOSTS:
        words = "ALLOWED_HOSTS takes any name: whoever sends a request chooses the host that links carry."
        return Check("Address", WORTH_A_LOOK, words, "Name the hosts that people and probes use.")
    return None


def _proxy(url: SplitResult) -> Check | None:
    if url.scheme == "https" and not settings.BEHIND_PROXY:
        words = (
            "PUBLIC_URL is https, and BEHIND_PROXY is off: `serve` speaks no TLS and redirects every request for ever."
        )
        advice = "Set BEHIND_PROXY=true behind a proxy that sets X-Forwarded-Proto and X-Forwarded-For."
        return Check("Address", WORTH_A_LOOK, words, advice)
    return None


def _debug(url: SplitResult) -> Check | None:
    if settings.DEBUG:
        words = "DEBUG is on: pages of errors show code and settings to anybody."
        return Check("Address", WORTH_A_LOOK, words, "Leave it out in production.")
    return None


def _mail(now: datetime) -> list[Check]:
    if not settings.EMAIL_HOST:
        return [_no_mail()]
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        with get_connection(SMTP, timeout=MAIL_PATIENCE):
            return [
                Check("Mail", GOOD, f"{server} answers{' and knows the user' if settings.EMAIL_HOST_USER else ''}.")
            ]
    except (OSError, SMTPException) as error:
        words = f"{server} does not take mail from here ({type(error).__name__})."
        return [Check("Mail", BAD, words, "Look at EMAIL_URL and at the way there: alerts by mail don't go out.")]


def _no_mail() -> Check:
    rules = AlertRule.objects.filter(channel=AlertChannel.MAIL, is_active=True, deleted_at=None).count()
    if rules:
        words = f"No mail server is set, and alert rules that want one: {rules}."
        return Check("Mail", BAD, words, "Set EMAIL_URL, or give these rules another channel.")
    return Check("Mail", GOOD, "No mail server is set, and no alert asks for one.")


HOST_LOOKS: dict[str, Look] = {
    "Database settings": _database_settings,
    "Folders": _folders,
    "Static files": _static_files,
    "Address": _address,
    "Mail": _mail,
}
